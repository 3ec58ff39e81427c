"""A program in a terminal of its own, as a person would start it."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import JobFailed

PATIENCE_SECONDS = 30.0


@contextmanager
def in_terminal(
    command: list[str], folder: Path, size: tuple[int, int]
) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """The process, killed afterwards, and our end of its terminal of `size` (columns, lines)."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, start_new_session=True,
        env=module_environment(TERM="xterm-256color", COLORTERM="truecolor"),
    )  # fmt: skip
    os.close(theirs)
    try:
        yield process, ours
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(ours)


def wait_for(marker: bytes, terminal: int) -> None:
    """Read the terminal until these bytes were there. Raises `JobFailed` where they do not come."""
    seen, end = b"", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        seen += read(terminal, 0.5)
        if marker in seen:
            return
    raise JobFailed(f"Expected the first screen within {PATIENCE_SECONDS:.0f} s, found none.")


def read(terminal: int, seconds: float) -> bytes:
    """What comes within so long; nothing where nothing does."""
    return os.read(terminal, 1 << 16) if select.select([terminal], [], [], seconds)[0] else b""
