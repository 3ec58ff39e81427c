"""Programs on a pseudo-terminal: `in_terminal` starts one, `ScriptedTerminal` plays one with a script."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import JobFailed

TIMEOUT_SECONDS = 30.0
LEGACY = {"up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D", "space": " ", "esc": "\x1b"}
CODES = {"up": ("1", "A"), "down": ("1", "B"), "right": ("1", "C"), "left": ("1", "D"), "space": ("32", "u"),
         "esc": ("27", "u"), "f2": ("1", "Q"), "enter": ("13", "u")}  # fmt: skip
EVENTS = {"press": "1", "repeat": "2", "release": "3"}
BEGIN_UPDATE = b"\x1b[?2026h"
"""Start of a synchronized update, if the terminal supports them."""
_QUERY = re.compile(rb"\x1b\[(>(\d+)u|<u|\?u|c|\?2026\$p)")


@contextmanager
def in_terminal(
    command: list[str], folder: Path, size: tuple[int, int]
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a command in a terminal of `size` (columns, lines); yields the process and the master descriptor.

    The process is killed at the end.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=folder, start_new_session=True,
        env=module_environment(TERM="xterm-256color", COLORTERM="truecolor"),
    )  # fmt: skip
    os.close(slave)
    try:
        yield process, master
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(master)


def wait_for(marker: bytes, terminal: int) -> None:
    """Read the terminal until the marker appears. Raises `JobFailed` if it does not."""
    output, end = b"", time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < end:
        output += read(terminal, 0.5)
        if marker in output:
            return
    raise JobFailed(f"Expected the first screen within {TIMEOUT_SECONDS:.0f} s, found none.")


def read(terminal: int, seconds: float) -> bytes:
    """Read within `seconds`; empty if nothing arrives."""
    return os.read(terminal, 1 << 16) if select.select([terminal], [], [], seconds)[0] else b""


class ScriptedTerminal:
    """Runs `agp ARGUMENTS` on a pty and answers its queries as a terminal does.

    With `protocol`, it speaks the Kitty keyboard protocol, including the stack of flags.
    """

    def __init__(self, folder: Path, size: tuple[int, int], *arguments: str, protocol: bool = True) -> None:
        self.protocol = protocol
        self.flags = [0]
        """The protocol's stack of flags; the last entry is in effect."""
        self.sent = bytearray()
        """All output."""
        self._chunks: list[tuple[int, bytes]] = []
        environment = {**module_environment(TERM="xterm-256color", COLORTERM="truecolor"),
                       "XDG_CONFIG_HOME": str(folder / "none")}  # fmt: skip
        for name in ("TMUX", "DISPLAY", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self.pid, self._pty = os.forkpty()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(sys.executable, [sys.executable, "-P", "-m", "agp_tui", *arguments], environment)
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

    def send_key(self, key: str, event: str = "press") -> int:
        """Send a key event; returns its time (monotonic, ns). Without the protocol, releases send nothing."""
        time_ns = time.monotonic_ns()
        if self.protocol and self.flags[-1] & 2:
            code, end = CODES[key]
            self.write(f"\x1b[{code};1:{EVENTS[event]}{end}")
        elif event != "release":
            self.write(LEGACY[key])
        return time_ns

    def write(self, text: str) -> None:
        os.write(self._pty, text.encode())

    def text(self) -> str:
        """The output so far, without control sequences."""
        return re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", bytes(self.sent)).decode(errors="replace")

    def wait(self, pattern: str, seconds: float = 60.0) -> None:
        """Wait until the output matches. Raises `JobFailed` with the output otherwise."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.text()):
            if time.monotonic() > deadline or not self._reader.is_alive():
                raise JobFailed(f"Expected {pattern!r} on the screen, found:\n{self.text()[-3000:]}")
            time.sleep(0.02)

    def wait_for_end(self, seconds: float = 60.0) -> None:
        """Wait until the command exits. Raises `JobFailed` if it does not."""
        self._reader.join(seconds)
        if self._reader.is_alive():
            raise JobFailed(
                f"Expected the command to exit within {seconds:.0f} s, found:\n{self.text()[-3000:]}"
            )

    def output_between(self, first_ns: int, last_ns: int) -> bytes:
        """The output in that time (monotonic clock)."""
        return b"".join(chunk for time_ns, chunk in self._chunks if first_ns <= time_ns < last_ns)

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
            for query in _QUERY.finditer(chunk):
                self._answer(query)

    def _answer(self, query: re.Match[bytes]) -> None:
        if query[1] == b"c":
            self.write("\x1b[?62;22c")
        elif query[1].endswith(b"$p"):
            self.write("\x1b[?2026;2$y")
        elif not self.protocol:
            return
        elif query[1] == b"?u":
            self.write(f"\x1b[?{self.flags[-1]}u")
        elif query[1] == b"<u":
            self.flags[1:] = self.flags[1:-1]
        else:
            self.flags.append(int(query[2]))
