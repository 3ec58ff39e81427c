"""The commands as a person or a program starts them: processes of their own, in a folder of their own."""

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
    """How a command ended: its exit code, the events on stdout, the narration on stderr."""

    code: int
    events: list[Event]
    stderr: str

    def one(self, kind: str) -> Event:
        """The only event of that type."""
        found = [event for event in self.events if event["type"] == kind]
        assert len(found) == 1, f"expected one {kind} event, found {self.story()}"
        return found[0]

    def story(self) -> str:
        """For the message of a test that fails."""
        told = [event for event in self.events if event["type"] not in ("live", "progress")]
        return f"exit code {self.code}, told {told}, said {self.stderr[-2000:]!r}"

    @property
    def finished(self) -> Event:
        """The result of a command that came to its end."""
        assert self.code in (0, 130), f"expected the command to finish, found {self.story()}"
        return self.one("finished")


class Command:
    """A running `agp ... --json`, its owner at the other end of its stdin."""

    def __init__(self, *words: str, home: Path, display: str | None = None, **environment: str) -> None:
        """Start it in the folder `home`, which is also where it looks for settings."""
        self.events: list[Event] = []
        self.began_ns = time.monotonic_ns()
        self._stderr = (home / f"stderr-{self.began_ns}.txt").open("w+")
        self._process = subprocess.Popen(
            [str(AGP), *words, "--json"],
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

    def wait_for(self, what: Callable[[Event], bool], seconds: float = TIMEOUT_SECONDS) -> Event:
        """The first event like that, once it was told."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            over = not self._reader.is_alive()
            for event in list(self.events):
                if what(event):
                    return event
            if over:
                break
            time.sleep(0.002)
        raise AssertionError(f"the event did not come; {self.describe()}")

    def wait_for_note(self, words: str) -> Event:
        """The first sentence for people that has these words in it."""
        return self.wait_for(lambda event: event["type"] == "note" and words in event["text"])

    def wait_for_live(self, **least: float) -> Event:
        """The first live event whose figures are at least these."""
        return self.wait_for(
            lambda event: (
                event["type"] == "live" and all(event.get(name, 0) >= value for name, value in least.items())
            )
        )

    def send(self, number: signal.Signals) -> int:
        """Send it a signal; the moment before, on the monotonic clock in ns."""
        now = time.monotonic_ns()
        self._process.send_signal(number)
        return now

    def hang_up(self) -> int:
        """Close its stdin, as an owner does who ends; the moment before."""
        assert self._process.stdin is not None
        now = time.monotonic_ns()
        self._process.stdin.close()
        return now

    def tell(self, **command: str | float) -> None:
        """Write it one command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def result(self, seconds: float = TIMEOUT_SECONDS) -> Result:
        """Wait for its end."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end; {self.describe()}") from None
        self._reader.join(10)
        return Result(code, list(self.events), self._said())

    def end(self) -> None:
        """Kill it where it still runs."""
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        with contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._stderr.close()

    def describe(self) -> str:
        """For the message of a test that fails."""
        return Result(self._process.poll() or 0, list(self.events), self._said()).story()

    def _said(self) -> str:
        return Path(self._stderr.name).read_text()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                # Pictures have no place in the message of a test that fails.
                event.pop("thumbnail", None)
                self.events.append(event)


@contextlib.contextmanager
def running_command(
    *words: str, home: Path, display: str | None = None, **environment: str
) -> Iterator[Command]:
    """A command that is there inside and surely gone afterwards."""
    command = Command(*words, home=home, display=display, **environment)
    try:
        yield command
    finally:
        command.end()


def agp(*words: str, home: Path, display: str | None = None, **environment: str) -> Result:
    """Run a command with `--json` to its end."""
    with running_command(*words, home=home, display=display, **environment) as command:
        return command.result(4 * TIMEOUT_SECONDS)


def agp_text(
    *words: str, home: Path, display: str | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command without `--json` to its end."""
    return subprocess.run(
        [str(AGP), *words],
        cwd=home,
        env=bare_environment(home, display, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def bare_environment(home: Path, display: str | None = None, **more: str) -> dict[str, str]:
    """What a command needs, and nothing of whoever runs the tests."""
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "OMP_NUM_THREADS")
        if name in os.environ
    }
    shown = {"DISPLAY": display} if display else {}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), **shown, **more}
