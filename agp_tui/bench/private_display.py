"""A display for benchmarks: the one that is here, or a private one where there is none."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from agp_tui.config import GameSettings
from agp_tui.errors import DisplayError
from agp_tui.games.display_discovery import DisplayCandidate, find_display

SIZE = (1920, 1080)
SERVER = "Xvfb"


@contextmanager
def a_screen(wanted: str | None) -> Iterator[DisplayCandidate]:
    """The display of that name, or the first that can be seen, or, with Xvfb installed, one of our own.

    Raises `DisplayError` where the wanted one cannot be seen, or there is none at all.
    """
    try:
        found = find_display(GameSettings(display=wanted))
    except DisplayError:
        if wanted or shutil.which(SERVER) is None:
            raise
        with _private() as name:
            yield DisplayCandidate(name, SERVER, usable=True, reason="", size=SIZE)
    else:
        found.enter()
        yield found


@contextmanager
def _private() -> Iterator[str]:
    """The name of a display of our own, which is gone afterwards."""
    read_end, write_end = os.pipe()
    size = f"{SIZE[0]}x{SIZE[1]}x24"
    server = subprocess.Popen(
        [SERVER, "-displayfd", str(write_end), "-noreset", "-nolisten", "tcp", "-screen", "0", size],
        pass_fds=[write_end], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write_end)
    try:
        with os.fdopen(read_end) as answer:
            number = answer.readline().strip()
        if not number:
            raise DisplayError(f"Expected {SERVER} to start, found that it ended without a display.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
