"""Run folders: what a long job was asked, what it tells, and whether it still runs.

A run outlives the terminal that began it. `runs/ID/` holds `run.json` (the request),
`process.json` (who works on it), `events.jsonl`, `narration.log` and `checkpoints/`.
"""

import json
import os
import re
import secrets
import signal
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agp_tui.engine.events import AnyEvent, Event, Failed, Finished, Live, decode_event, encode, read_events
from agp_tui.errors import AgpError

LIVE_FILE = "live.json"


class RunError(AgpError):
    """A run that is not there, or not in the state that is asked for."""


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` in one step: a reader, or a crash, sees the old content or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """One execution of a job and its folder."""

    path: Path

    @classmethod
    def create(cls, root: Path, job: str, request: dict[str, Any]) -> "Run":
        """A new folder with the request in it; nothing runs yet."""
        stamp = time.strftime("%Y%m%d-%H%M%S")
        path = root / f"{stamp}-{job}-{secrets.token_hex(2)}"
        path.mkdir(parents=True, mode=0o700)
        body = {"job": job, "created": time.time(), "request": request}
        write_atomically(path / "run.json", json.dumps(body, indent=1).encode())
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
        return [cls(path) for path in sorted(root.iterdir()) if (path / "run.json").is_file()]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def job(self) -> str:
        return str(self._read("run.json")["job"])

    @property
    def request(self) -> dict[str, Any]:
        """What was asked for, as it was when the run was made."""
        return dict(self._read("run.json")["request"])

    def claim(self) -> None:
        """This process works on the run from now on. Raises `RunError` if another one does."""
        if self.alive():
            raise RunError(
                f"Expected the run {self.id} to be at rest, found it running.", f"agp runs follow {self.id}"
            )
        self.checkpoints.mkdir(exist_ok=True, mode=0o700)
        worker = {"pid": os.getpid(), "began": process_start(os.getpid())}
        write_atomically(self.path / "process.json", json.dumps(worker).encode())

    def alive(self) -> bool:
        """Whether its process is there: the same one, not another that got its number."""
        worker = self._worker()
        return worker is not None and process_start(worker[0]) == worker[1]

    def stop(self) -> None:
        """Ask its process to come to its end. Raises `RunError` where none is running."""
        worker = self._worker()
        if worker is None or not self.alive():
            raise RunError(f"Expected the run {self.id} to be running, found it {self.state()}.")
        os.kill(worker[0], signal.SIGTERM)

    def state(self) -> str:
        """`running`, `finished`, `failed`, `died` (gone without a word) or `waiting` (not begun)."""
        if self.alive():
            return "running"
        last = next(iter(deque(self.events(), maxlen=1)), None)
        if isinstance(last, Finished):
            return "finished"
        if isinstance(last, Failed):
            return "failed"
        return "died" if self._worker() else "waiting"

    def events(self) -> Iterator[AnyEvent]:
        """What it told so far."""
        path = self.path / "events.jsonl"
        if path.is_file():
            with path.open("rb") as lines:
                yield from read_events(lines)

    def follow(self, poll_seconds: float = 0.1) -> Iterator[AnyEvent | None]:
        """What it told so far and tells from now on, until it ends or its process is gone.

        Gives None where there is nothing new, so that the follower can look at other things.
        """
        path = self.path / "events.jsonl"
        position = 0
        newest_live = -1
        while True:
            alive = self.alive()
            live, newest_live = self._live(newest_live)
            if live is not None:
                yield live
            if path.is_file():
                with path.open("rb") as file:
                    file.seek(position)
                    lines = file.read().splitlines(keepends=True)
                for event in read_events(iter(lines)):
                    yield event
                    if isinstance(event, Finished | Failed):
                        return
                position += sum(len(line) for line in lines if line.endswith(b"\n"))
            if not alive and self._worker():
                return
            yield None
            time.sleep(poll_seconds)

    def _live(self, newest: int) -> tuple[AnyEvent | None, int]:
        path = self.path / LIVE_FILE
        try:
            changed = path.stat().st_mtime_ns
            return (decode_event(path.read_bytes()), changed) if changed != newest else (None, newest)
        except (OSError, AgpError):
            return None, newest

    def _worker(self) -> tuple[int, str] | None:
        try:
            worker = self._read("process.json")
            return int(worker["pid"]), str(worker["began"])
        except (RunError, KeyError, ValueError, TypeError):
            return None

    def _read(self, name: str) -> dict[str, Any]:
        try:
            body = json.loads((self.path / name).read_bytes())
        except (OSError, ValueError) as error:
            raise RunError(f"Expected a readable {name} in {self.path}: {error}.") from error
        if not isinstance(body, dict):
            raise RunError(f"Expected an object in {self.path / name}, found {type(body).__name__}.")
        return body


class RunLog:
    """Appends events to a run's `events.jsonl`; of the live ones only the newest is kept, beside it."""

    def __init__(self, run: Run) -> None:
        self._file = (run.path / "events.jsonl").open("ab", buffering=0)
        self._live = run.path / LIVE_FILE

    def hear(self, event: Event) -> None:
        if isinstance(event, Live):
            part = self._live.with_suffix(".part")
            part.write_bytes(encode(event))
            part.replace(self._live)
        else:
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
