"""Run `agp` commands as child processes in a folder, with a clean environment."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AGP = Path(sys.executable).parent / "agp"
TIMEOUT_SECONDS = 120.0

Event = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """The result of a command: exit code, events from stdout, text from stderr."""

    code: int
    events: list[Event]
    stderr: str

    def only_event(self, kind: str) -> Event:
        """The only event of type `kind`; fails if there are none or several."""
        found = [event for event in self.events if event["type"] == kind]
        assert len(found) == 1, f"expected one {kind} event, found {self.summary()}"
        return found[0]

    def summary(self) -> str:
        """Exit code, events and stderr, for failure messages."""
        events = [event for event in self.events if event["type"] not in ("live", "progress")]
        return f"exit code {self.code}, events {events}, stderr {self.stderr[-2000:]!r}"

    @property
    def finished(self) -> Event:
        """The `finished` event; fails unless the exit code is 0 or 130."""
        assert self.code in (0, 130), f"expected the command to finish, found {self.summary()}"
        return self.only_event("finished")


class Command:
    """A running `agp ... --json`, with its stdin open."""

    def __init__(self, *arguments: str, home: Path, display: str | None = None, **environment: str) -> None:
        """Start it in the folder `home`, which also holds its settings."""
        self.events: list[Event] = []
        self.began_ns = time.monotonic_ns()
        self._stderr = (home / f"stderr-{self.began_ns}.txt").open("w+")
        self._process = subprocess.Popen(
            [str(AGP), *arguments, "--json"],
            cwd=home,
            env=bare_environment(home, display, **environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, matches: Callable[[Event], bool], seconds: float = TIMEOUT_SECONDS) -> Event:
        """Wait for the first event that matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ended = not self._reader.is_alive()
            for event in list(self.events):
                if matches(event):
                    return event
            if ended:
                break
            time.sleep(0.002)
        raise AssertionError(f"no such event; {self.describe()}")

    def wait_for_note(self, text: str) -> Event:
        """Wait for the first note that contains `text`."""
        return self.wait_for(lambda event: event["type"] == "note" and text in event["text"])

    def wait_for_live(self, **least: float) -> Event:
        """Wait for the first live event with at least these values."""
        return self.wait_for(
            lambda event: (
                event["type"] == "live" and all(event.get(name, 0) >= value for name, value in least.items())
            )
        )

    def send(self, number: signal.Signals) -> int:
        """Send a signal; returns the time before (monotonic, ns)."""
        now = time.monotonic_ns()
        self._process.send_signal(number)
        return now

    def close_stdin(self) -> int:
        """Close stdin, as if the parent process ended; returns the time before (monotonic, ns)."""
        assert self._process.stdin is not None
        now = time.monotonic_ns()
        self._process.stdin.close()
        return now

    def send_command(self, **command: str | float) -> None:
        """Write one command as a JSON line to stdin."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def result(self, seconds: float = TIMEOUT_SECONDS) -> Result:
        """Wait until the command ends."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end; {self.describe()}") from None
        self._reader.join(10)
        return Result(code, list(self.events), self._stderr_text())

    def end(self) -> None:
        """Kill the process if it still runs, and close its files."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._stderr.close()

    def describe(self) -> str:
        """Exit code, events and stderr so far, for failure messages."""
        return Result(self._process.poll() or 0, list(self.events), self._stderr_text()).summary()

    def _stderr_text(self) -> str:
        return Path(self._stderr.name).read_text()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                # Keep images out of failure messages.
                event.pop("thumbnail", None)
                self.events.append(event)


@contextlib.contextmanager
def running_command(
    *arguments: str, home: Path, display: str | None = None, **environment: str
) -> Iterator[Command]:
    """A running command that is killed on exit."""
    command = Command(*arguments, home=home, display=display, **environment)
    try:
        yield command
    finally:
        command.end()


def agp(*arguments: str, home: Path, display: str | None = None, **environment: str) -> Result:
    """Run a command with `--json` to its end."""
    with running_command(*arguments, home=home, display=display, **environment) as command:
        return command.result(4 * TIMEOUT_SECONDS)


def agp_text(
    *arguments: str, home: Path, display: str | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command without `--json` to its end."""
    return subprocess.run(
        [str(AGP), *arguments],
        cwd=home,
        env=bare_environment(home, display, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def bare_environment(home: Path, display: str | None = None, **more: str) -> dict[str, str]:
    """A minimal environment without the user's settings."""
    inherited = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS")
        if name in os.environ
    }
    display_variable = {"DISPLAY": display} if display else {}
    return {
        **inherited,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        **display_variable,
        **more,
    }
