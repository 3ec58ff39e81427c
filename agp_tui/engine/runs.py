"""Run folders: the request, the events and the state of a long job.

A run outlives the terminal that started it. `runs/ID/` holds `run.json` (the request),
`process.json` (its worker process), `events.jsonl`, `narration.log` and `checkpoints/`.
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
from agp_tui.protocol.events import (
    AnyEvent,
    Event,
    Failed,
    Finished,
    Live,
    Progress,
    Stage,
    decode_event,
    encode_event,
    read_events,
)
from agp_tui.protocol.untrusted_json import JsonError, decode_json

EVENTS_FILE = "events.jsonl"
LIVE_FILE = "live.json"
END_SECONDS = 10.0
"""How long a follower waits for a process to exit after its final event."""


class RunError(AgpError):
    """A run that does not exist or is not in the required state."""


@dataclass(frozen=True)
class Run:
    """One execution of a job and its folder."""

    path: Path

    @classmethod
    def create(cls, root: Path, job: str, request: dict[str, Any]) -> "Run":
        """Create a run folder with the request in it; nothing runs yet. Raises `RunError`."""
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
        """The run with that id, or the only one whose id begins or ends with `name`. Raises `RunError`."""
        runs = cls.all(root)
        exact = [run for run in runs if run.id == name]
        found = exact or [run for run in runs if run.id.startswith(name) or run.id.endswith(name)]
        if len(found) != 1:
            known = ", ".join(run.id for run in runs[-3:]) or "no run yet"
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
        """The file of the newest live event, while there is one."""
        return self.path / LIVE_FILE

    @property
    def created(self) -> float:
        """When the run was created, seconds since 1970. Raises `RunError`, as `job` and `request` do."""
        return self._record().created

    @property
    def job(self) -> str:
        return self._record().job

    @property
    def request(self) -> dict[str, Any]:
        """The request as it was when the run was created."""
        return self._record().request

    def claim(self) -> None:
        """Register this process as the worker of the run. Raises `RunError` if another one is running."""
        if self.alive():
            raise RunError(
                f"Expected the run {self.id} to have ended, found it running.", f"agp runs follow {self.id}"
            )
        self.checkpoints.mkdir(exist_ok=True, mode=0o700)
        worker = _Worker(os.getpid(), process_start(os.getpid()), self._drop_torn_line())
        write_atomically(self.path / "process.json", msgspec.json.encode(worker))

    @property
    def pid(self) -> int | None:
        """The current or last worker process; None if the run never started."""
        worker = self._worker()
        return worker.pid if worker else None

    def alive(self) -> bool:
        """Whether its worker process runs: the same one, not another process with a recycled pid."""
        worker = self._worker()
        return worker is not None and process_start(worker.pid) == worker.began != ""

    def stop(self) -> None:
        """Request its worker to finish. Raises `RunError` if it is not running."""
        worker = self._worker()
        if worker is None or not self.alive():
            raise RunError(f"Expected the run {self.id} to be running, found it {self.state()}.")
        os.kill(worker.pid, signal.SIGTERM)

    def state(self) -> str:
        """`running`, `finished`, `failed`, `died` (no process, no result) or `waiting` (not started).

        For a resumed run this is the state of its latest execution.
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
        """The last event of its latest execution; None if there is none or it is unreadable."""
        worker = self._worker()
        lines = self._lines(worker.events_from) if worker else []
        try:
            return decode_event(lines[-1]) if lines else None
        except AgpError:
            return None

    def events(self) -> Iterator[AnyEvent]:
        """All events so far, of all executions. Raises `AgpError` at a damaged line."""
        path = self.path / EVENTS_FILE
        if path.is_file():
            with path.open("rb") as lines:
                yield from read_events(lines)

    def earlier_events(self) -> Iterator[AnyEvent]:
        """The events of all executions before the latest one; none for a run that was never resumed."""
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
        """The events of its latest execution, past and future, until it ends or its process is gone.

        Yields None if there is nothing new, so that the follower can do other work.
        """
        worker = self._worker()
        position = worker.events_from if worker else 0
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
                    self._wait_for_exit()
                    return
            position += sum(map(len, lines))
            if not alive and self._worker():
                return
            yield None
            time.sleep(poll_seconds)

    def _wait_for_exit(self) -> None:
        """Wait a moment for the worker to exit after its final event, but not for one that hangs."""
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
        """The complete lines from byte `position` on."""
        try:
            with (self.path / EVENTS_FILE).open("rb") as file:
                file.seek(position)
                lines = file.read().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        return lines[:-1] if lines and not lines[-1].endswith(b"\n") else lines

    def _drop_torn_line(self) -> int:
        """Truncate an incomplete last line left by a crash; returns the size afterwards."""
        path = self.path / EVENTS_FILE
        if not path.is_file():
            return 0
        with path.open("r+b") as file:
            whole = file.read().rfind(b"\n") + 1
            file.truncate(whole)
        return whole

    def _worker(self) -> "_Worker | None":
        try:
            return decode_json((self.path / "process.json").read_bytes(), _worker)
        except (OSError, JsonError):
            return None

    def _record(self) -> "_Record":
        path = self.path / "run.json"
        try:
            return decode_json(path.read_bytes(), _record)
        except (OSError, JsonError) as error:
            raise RunError(f"Expected {path} to hold the request of the run, found: {error}.") from error


class _Record(msgspec.Struct, frozen=True):
    """`run.json`."""

    job: str
    created: float
    request: dict[str, Any]


class _Worker(msgspec.Struct, frozen=True):
    """`process.json`: the worker process and the byte offset of its events in `events.jsonl`."""

    pid: Annotated[int, msgspec.Meta(ge=1, lt=1 << 31)]
    began: str
    events_from: Annotated[int, msgspec.Meta(ge=0)] = 0


_worker = msgspec.json.Decoder(_Worker)
_record = msgspec.json.Decoder(_Record)


class LiveFile:
    """Holds only the newest live event, in a file of its own.

    A run's worker and its player processes may write to the same file concurrently: a reader always
    finds a complete event.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")

    def handle(self, event: Event) -> None:
        if isinstance(event, Live):
            # Live events are for display only: a full disk must not end the job.
            with contextlib.suppress(OSError):
                self._part.write_bytes(encode_event(event))
                self._part.replace(self._path)

    def clear(self) -> None:
        """Delete the live event."""
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is held open."""


class RunLog:
    """Appends events to a run's `events.jsonl`; the newest live event goes to a file beside it.

    A new stage deletes the live event. Progress events that the disk has no room for are dropped; any
    other event that cannot be written raises `OSError`.
    """

    def __init__(self, run: Run) -> None:
        self._file = LineFile(run.path / EVENTS_FILE)
        self._live = LiveFile(run.live_file)

    def handle(self, event: Event) -> None:
        if isinstance(event, Live):
            self._live.handle(event)
            return
        if isinstance(event, Stage):
            self._live.clear()
        with contextlib.suppress(OSError) if isinstance(event, Progress) else contextlib.nullcontext():
            self._file.write(encode_event(event))

    def close(self) -> None:
        self._file.close()


def process_start(pid: int) -> str:
    """Start time of a process in a comparable form; empty if there is no such process.

    A pid alone does not identify a process: after a reboot another one may have it.
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
    """Create a folder for a run that begins now; unique even within the same second."""
    while True:
        path = root / f"{time.strftime('%Y%m%d-%H%M%S')}-{job}-{secrets.token_hex(2)}"
        try:
            path.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            continue
        return path
