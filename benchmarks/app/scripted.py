"""A terminal in which `agp` runs on a real pty, with the Kitty protocol or without, played by a script.

It answers what a terminal of its kind answers, and keeps the protocol's stack of flags.
"""

import fcntl
import os
import re
import signal
import struct
import sys
import termios
import threading
import time
from pathlib import Path
from types import TracebackType

from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import JobFailed

LEGACY = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "space": " ", "esc": "\x1b"}
CODES = {"up": ("1", "A"), "down": ("1", "B"), "right": ("1", "C"), "left": ("1", "D"), "space": ("32", "u"),
         "esc": ("27", "u"), "f2": ("1", "Q"), "enter": ("13", "u")}  # fmt: skip
EVENTS = {"press": "1", "repeat": "2", "release": "3"}
BEGINS = b"\x1b[?2026h"
"""Begins an update of the screen, where a terminal says that it knows it."""
_asked = re.compile(rb"\x1b\[(>(\d+)u|<u|\?u|c|\?2026\$p)")


class ScriptedTerminal:
    """Runs `agp WORDS` until it is left. `protocol=False`: a terminal as it was for forty years."""

    def __init__(self, folder: Path, size: tuple[int, int], *words: str, protocol: bool = True) -> None:
        self.protocol = protocol
        self.flags = [0]
        """The protocol's stack: what was options for last holds."""
        self.sent = bytearray()
        """Everything that the terminal was sent."""
        self._chunks: list[tuple[int, bytes]] = []
        environment = {**module_environment(TERM="xterm-256color", COLORTERM="truecolor"),
                       "XDG_CONFIG_HOME": str(folder / "none")}  # fmt: skip
        for name in ("TMUX", "DISPLAY", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self.pid, self._pty = os.forkpty()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(sys.executable, [sys.executable, "-P", "-m", "agp_tui", *words], environment)
        fcntl.ioctl(self._pty, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "ScriptedTerminal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.join(0.0)
        if self._reader.is_alive():
            os.kill(self.pid, signal.SIGKILL)
        self._reader.join()
        os.waitpid(self.pid, 0)
        os.close(self._pty)

    def types(self, key: str, stroke: str = "press") -> int:
        """Send what a key sends; when (monotonic ns). A terminal without the protocol sends no releases."""
        moment = time.monotonic_ns()
        if self.protocol and self.flags[-1] & 2:
            code, end = CODES[key]
            self.write(f"\x1b[{code};1:{EVENTS[stroke]}{end}")
        elif stroke != "release":
            self.write(LEGACY[key])
        return moment

    def write(self, text: str) -> None:
        os.write(self._pty, text.encode())

    def text(self) -> str:
        """All that was shown so far, without colours and places."""
        return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(self.sent)).decode(errors="replace")

    def wait(self, pattern: str, seconds: float = 60.0) -> None:
        """Until it has shown this. Raises `JobFailed` with what it did show."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text()):
            if time.monotonic() > deadline or not self._reader.is_alive():
                raise JobFailed(f"Expected {pattern!r} on the screen, found:\n{self.text()[-3000:]}")
            time.sleep(0.02)

    def wait_for_end(self, seconds: float = 60.0) -> None:
        """Until the command has ended by itself. Raises `JobFailed` where it does not."""
        self._reader.join(seconds)
        if self._reader.is_alive():
            raise JobFailed(f"Expected an end within {seconds:.0f} s, found:\n{self.text()[-3000:]}")

    def shown_between(self, first_ns: int, last_ns: int) -> bytes:
        """What the terminal was sent in that time (monotonic clock)."""
        return b"".join(chunk for moment, chunk in self._chunks if first_ns <= moment < last_ns)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._pty, 1 << 16)
            except OSError:
                return
            if not chunk:
                return
            self._chunks.append((time.monotonic_ns(), chunk))
            self.sent += chunk
            for options in _asked.finditer(chunk):
                self._answer(options)

    def _answer(self, options: re.Match[bytes]) -> None:
        if options[1] == b"c":
            self.write("\x1b[?62;22c")
        elif options[1].endswith(b"$p"):
            self.write("\x1b[?2026;2$y")
        elif not self.protocol:
            return
        elif options[1] == b"?u":
            self.write(f"\x1b[?{self.flags[-1]}u")
        elif options[1] == b"<u":
            self.flags[1:] = self.flags[1:-1]
        else:
            self.flags.append(int(options[2]))
