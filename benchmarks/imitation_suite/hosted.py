"""Games that run under a host script (`hosts/`), which writes their states to a pipe."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from agp_tui.errors import JobFailed, MissingPart
from agp_tui.games.human_like import TimedState

DEBIAN_PYTHON = "/usr/bin/python3"
"""The Python of Debian's games."""
HOSTS = Path(__file__).parent / "hosts"
INSTALLER = Path(__file__).parent / "games.sh"
STARTUP_SECONDS = 60.0

S = TypeVar("S", bound=TimedState)


def require_package(package: str, file: Path) -> None:
    """Raise `MissingPart` unless Debian's `package`, which contains `file`, is installed."""
    if not file.exists():
        raise MissingPart(
            f"Expected the Debian package {package}, found that it is not installed ({file}).",
            f"Run {INSTALLER}, or apt-get install {package}.",
        )


class HostedGame(Generic[S]):
    """A `RunningGame` whose host writes states, which decode as `kind`. Override `observe` for the score."""

    def __init__(
        self,
        host: str,
        kind: type[S],
        display: str,
        seed: int,
        arguments: Sequence[str] = (),
        python: str | None = None,
    ) -> None:
        """Start `hosts/HOST` with the pipe's descriptor, the seed and `arguments`, and wait for a state.

        It runs under `python`, by default that of Debian's games.
        Raises `JobFailed` if there is none within a minute.
        """
        self._home = tempfile.TemporaryDirectory(prefix="agp-suite-")
        self._newest: S | None = None
        self._first = threading.Event()
        self._ended = threading.Event()
        read_end, write_end = os.pipe()
        self._log = Path(self._home.name, "log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [python or DEBIAN_PYTHON, str(HOSTS / host), str(write_end), str(seed), *arguments],
                cwd=self._home.name,
                env=_environment(display, self._home.name),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[write_end],
                start_new_session=True,
            )
        os.close(write_end)
        self._reader = threading.Thread(
            target=self._read, args=(read_end, msgspec.json.Decoder(kind)), daemon=True
        )
        self._reader.start()
        if not self._first.wait(STARTUP_SECONDS) or self._ended.is_set():
            found = self._last_line()
            self.close()
            raise JobFailed(f"Expected {host} to report the state of its game, found: {found}")

    def state(self) -> S | None:
        """The newest state. Raises `JobFailed` if the game has ended."""
        if self._ended.is_set():
            raise JobFailed(f"Expected the game to go on, found that it ended: {self._last_line()}")
        return self._newest

    def observe(self, state: S) -> None:
        """Called for each state, in a thread."""

    def freeze(self) -> None:
        """Stop its processes."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.killpg(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill the game."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._home.cleanup()

    def _read(self, descriptor: int, decoder: "msgspec.json.Decoder[S]") -> None:
        with os.fdopen(descriptor, "rb") as pipe:
            for line in pipe:
                state = decoder.decode(line)
                self.observe(state)
                self._newest = state
                self._first.set()
        self._ended.set()
        self._first.set()

    def _last_line(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "nothing")


def _environment(display: str, home: str) -> dict[str, str]:
    """A window in the upper left corner, no sound, and settings and scores in a folder of its own."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return variables | {
        "DISPLAY": display,
        "HOME": home,
        "SDL_AUDIODRIVER": "dummy",
        "SDL_VIDEODRIVER": "x11",
        "SDL_VIDEO_WINDOW_POS": "0,0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }
