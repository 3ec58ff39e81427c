"""The display of a benchmark: an existing one, or a private Xvfb."""

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
def open_display(name: str | None) -> Iterator[DisplayCandidate]:
    """The display `name`, or the first usable one, or a private one if Xvfb is installed.

    Raises `DisplayError` if `name` is not usable, or if there is no display.
    """
    try:
        found = find_display(GameSettings(display=name))
    except DisplayError:
        if name or shutil.which(SERVER) is None:
            raise
        with private_display(SIZE) as private:
            yield DisplayCandidate(private, SERVER, usable=True, reason="", size=SIZE)
    else:
        found.enter()
        yield found


@contextmanager
def private_display(size: tuple[int, int]) -> Iterator[str]:
    """Start Xvfb with a screen of this width and height for the context; yields the name of its display.

    Raises `DisplayError` if it does not start.
    """
    read_end, write_end = os.pipe()
    screen = f"{size[0]}x{size[1]}x24"
    server = subprocess.Popen(
        [SERVER, "-displayfd", str(write_end), "-noreset", "-nolisten", "tcp", "-screen", "0", screen],
        pass_fds=[write_end], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(write_end)
    try:
        with os.fdopen(read_end) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise DisplayError(f"Expected {SERVER} to start, found that it exited without a display.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
