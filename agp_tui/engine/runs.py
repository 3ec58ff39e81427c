"""Run folders: what a long job was asked, what it tells, and whether it still runs.

A run outlives the terminal that began it. `runs/ID/` holds `run.json` (the request),
`process.json` (who works on it), `events.jsonl`, `narration.log` and `checkpoints/`.
"""

import contextlib
import json
import os
import re
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from agp_tui.errors import AgpError
from agp_tui.files import LineFile, write_atomically
from agp_tui.protocol.decoding import BadJson, decoded
from agp_tui.protocol.events import (
    AnyEvent,
    Event,
    Failed,
    Finished,
    Live,
    Progress,
    Stage,
    decode_event,
    encode,
    read_events,
)

EVENTS_FILE = "events.jsonl"
LIVE_FILE = "live.json"
END_SECONDS = 10.0
"""How long a follower waits for the end of a process that has said its last word."""


class RunError(AgpError):
    """A run that is not there, or not in the state that is asked for."""


@dataclass(frozen=True)
class Run:
    """One execution of a job and its folder."""

    path: Path

    @classmethod
    def create(cls, root: Path, job: str, request: dict[str, Any]) -> "Run":
        """A new folder with the request in it; nothing runs yet. Raises `RunError`."""
        body = {"job": job, "created": time.time(), "request": request}
        try:
            path = _new_folder(root, job)
            write_atomically(path / "run.json", json.dumps(body, indent=1).encode())
        except OSError as error:
            raise RunError(
                f"Expected to make a folder in {root}, found: {error.strerror}.",
                "Set [folders] runs to another.",
            ) from error
        return cls(path)

    @classmethod
    def find(cls, root: Path, name: str) -> "Run":
        """The run of that id, or of the only id that begins or ends so. Raises `RunError`."""
        runs = cls.all(root)
        exact = [run for run in runs if run.id == name]
        found = exact or [run for run in runs if run.id.startswith(name) or run.id.endswith(name)]
        if len(found) != 1:
            known = ", ".join(run.id for run in runs[-3:]) or "there is no run yet"
            what = f"{len(found)} runs" if found else "none"
            raise RunError(f"Expected one run named {name!r}, found {what}.", f"See agp runs list ({known}).")
        return found[0]

    @classmethod
    def all(cls, root: Path) -> list["Run"]:
        """Every run, oldest first."""
        if not root.is_dir():
            return []
        there = sorted(path for path in root.iterdir() if not path.name.startswith("."))
        return [cls(path) for path in there if (path / "run.json").is_file()]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def live_file(self) -> Path:
        """Where the newest live event is, while there is one."""
        return self.path / LIVE_FILE

    @property
    def created(self) -> float:
        """When it was asked for, seconds since 1970. Raises `RunError`, as `job` and `request` do."""
        return self._asked().created

    @property
    def job(self) -> str:
        return self._asked().job

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for, as it was when the run was made."""
        return self._asked().request

    def claim(self) -> None:
        """This process works on the run from now on. Raises `RunError` if another one does."""
        if self.alive():
            raise RunError(
                f"Expected the run {self.id} to be at rest, found it running.", f"agp runs follow {self.id}"
            )
        self.checkpoints.mkdir(exist_ok=True, mode=0o700)
        worker = _Worker(os.getpid(), process_start(os.getpid()), self._drop_torn_line())
        write_atomically(self.path / "process.json", msgspec.json.encode(worker))

    @property
    def pid(self) -> int | None:
        """The process that works on it or did so last; None where it never began."""
        worker = self._worker()
        return worker.pid if worker else None

    def alive(self) -> bool:
        """Whether its process is there: the same one, not another that got its number."""
        worker = self._worker()
        return worker is not None and process_start(worker.pid) == worker.began != ""

    def stop(self) -> None:
        """Ask its process to come to its end. Raises `RunError` where none is running."""
        worker = self._worker()
        if worker is None or not self.alive():
            raise RunError(f"Expected the run {self.id} to be running, found it {self.state()}.")
        os.kill(worker.pid, signal.SIGTERM)

    def state(self) -> str:
        """`running`, `finished`, `failed`, `died` (gone without a word) or `waiting` (not begun).

        A run that was gone on with is what its latest execution is.
        """
        if self.alive():
            return "running"
        if self._worker() is None:
            return "waiting"
        match self.last_event():
            case Finished():
                return "finished"
            case Failed():
                return "failed"
        return "died"

    def last_event(self) -> AnyEvent | None:
        """What its latest execution told last; None where it told nothing, or nothing readable."""
        worker = self._worker()
        lines = self._lines(worker.events_from) if worker else []
        try:
            return decode_event(lines[-1]) if lines else None
        except AgpError:
            return None

    def events(self) -> Iterator[AnyEvent]:
        """What it told so far, in all its executions. Raises `AgpError` at a damaged line."""
        path = self.path / EVENTS_FILE
        if path.is_file():
            with path.open("rb") as lines:
                yield from read_events(lines)

    def earlier(self) -> Iterator[AnyEvent]:
        """What its executions before the latest told; nothing for a run that was never gone on with."""
        worker = self._worker()
        if worker is None or not worker.events_from:
            return
        with (self.path / EVENTS_FILE).open("rb") as lines:
            position = 0
            for line in lines:
                position += len(line)
                if position > worker.events_from:
                    return
                yield decode_event(line)

    def follow(self, poll_seconds: float = 0.1) -> Iterator[AnyEvent | None]:
        """What its latest execution told and tells from now on, until it ends or its process is gone.

        Gives None where there is nothing new, so that the follower can look at other things.
        """
        begun = self._worker()
        position = begun.events_from if begun else 0
        newest_live = -1
        while True:
            alive = self.alive()
            live, newest_live = self._live(newest_live)
            if live is not None:
                yield live
            lines = self._lines(position)
            for event in read_events(iter(lines)):
                yield event
                if isinstance(event, Finished | Failed):
                    self._wait_for_its_process()
                    return
            position += sum(map(len, lines))
            if not alive and self._worker():
                return
            yield None
            time.sleep(poll_seconds)

    def _wait_for_its_process(self) -> None:
        """After its last word a run needs a moment to be at rest; one that hangs is not waited for."""
        deadline = time.monotonic() + END_SECONDS
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.02)

    def _live(self, newest: int) -> tuple[AnyEvent | None, int]:
        path = self.live_file
        try:
            changed = path.stat().st_mtime_ns
            return (decode_event(path.read_bytes()), changed) if changed != newest else (None, newest)
        except (OSError, AgpError):
            return None, newest

    def _lines(self, position: int) -> list[bytes]:
        """The whole lines from `position` on."""
        try:
            with (self.path / EVENTS_FILE).open("rb") as file:
                file.seek(position)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines

    def _drop_torn_line(self) -> int:
        """Cut off half a line that a crash left, so that the next one is whole; the size afterwards."""
        path = self.path / EVENTS_FILE
        if not path.is_file():
            return 0
        with path.open("r+b") as file:
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
        return whole

    def _worker(self) -> "_Worker | None":
        try:
            return decoded((self.path / "process.json").read_bytes(), _worker)
        except (OSError, BadJson):
            return None

    def _asked(self) -> "_Asked":
        path = self.path / "run.json"
        try:
            return decoded(path.read_bytes(), _asked)
        except (OSError, BadJson) as error:
            raise RunError(f"Expected {path} to say what was asked for: {error}.") from error


class _Asked(msgspec.Struct, frozen=True):
    """`run.json`."""

    job: str
    created: float
    request: dict[str, Any]


class _Worker(msgspec.Struct, frozen=True):
    """`process.json`: who works on a run, and where in `events.jsonl` what it tells begins."""

    pid: Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
    began: str
    events_from: Annotated[int, msgspec.Meta(ge=0)] = 0


_worker = msgspec.json.Decoder(_Worker)
_asked = msgspec.json.Decoder(_Asked)


class LiveFile:
    """Keeps the newest live event in a file of its own and lets all others go.

    A run's worker and the processes that play for it write to the same one, in turns or at once: a
    reader always finds a whole event.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def hear(self, event: Event) -> None:
        if isinstance(event, Live):
            # A full disk is no reason to end what is only shown here.
            with contextlib.suppress(OSError):
                self._part.write_bytes(encode(event))
                self._part.replace(self._path)

    def clear(self) -> None:
        """What was live is over."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""


class RunLog:
    """Appends events to a run's `events.jsonl`; of the live ones only the newest is kept, beside it.

    A new stage ends what was live in the one before. Progress that the disk has no room for is lost;
    anything else that cannot be written raises `OSError`.
    """

    def __init__(self, run: Run) -> None:
        self._file = LineFile(run.path / EVENTS_FILE)
        self._live = LiveFile(run.live_file)

    def hear(self, event: Event) -> None:
        if isinstance(event, Live):
            self._live.hear(event)
            return
        if isinstance(event, Stage):
            self._live.clear()
        with contextlib.suppress(OSError) if isinstance(event, Progress) else contextlib.nullcontext():
            self._file.write(encode(event))

    def close(self) -> None:
        self._file.close()


def process_start(pid: int) -> str:
    """When a process began, in a form to compare; empty where there is no such process.

    A number alone is not enough: after a reboot another process may have it.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "" if not _exists(pid) or Path("/proc").is_dir() else "there"
    return "" if fields[0] == "Z" else f"{boot}:{re.sub(r'[^0-9]', '', fields[19])}"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _new_folder(root: Path, job: str) -> Path:
    """An empty folder for a run that begins now; two of the same second never share one."""
    while True:
        path = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{job}-{secrets.token_hex(2)}"
        try:
            path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        return path
