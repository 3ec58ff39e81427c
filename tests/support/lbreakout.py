"""LBreakout2 from Debian, a third-party game, started on an X server up to its first level."""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import mss
import numpy as np
from numpy.typing import NDArray

from support.xserver import XServer

PACKAGE = "lbreakout2"
WIDTH, HEIGHT = 640, 480
FIELD = (45, 560)
"""Left edge and width of the area of the paddle."""
PADDLE_ROWS = slice(440, 456)
GREY = 40
"""Grey level of the background."""


def find_game() -> str | None:
    """The path of the program, which Debian installs in /usr/games."""
    return shutil.which(PACKAGE, path=f"{os.environ.get('PATH', '')}:/usr/games")


@dataclass(frozen=True)
class LBreakout:
    """The running game in the upper left corner of its screen, the ball still on the paddle."""

    server: XServer

    def screen(self) -> NDArray[np.uint8]:
        """The current frame: RGB, shape (480, 640, 3)."""
        with mss.MSS(display=self.server.name) as grabber:
            shot = grabber.grab({"left": 0, "top": 0, "width": WIDTH, "height": HEIGHT})
        return np.frombuffer(shot.rgb, np.uint8).reshape(HEIGHT, WIDTH, 3)

    def paddle(self) -> float:
        """The current paddle center in pixels from the left."""
        found = paddle_in(self.screen())
        assert found is not None, "there is no paddle on the screen"
        return found


def paddle_in(screen: NDArray[np.uint8]) -> float | None:
    """The paddle center in pixels from the left; None without a paddle."""
    left, width = FIELD
    lit = screen[PADDLE_ROWS, left : left + width].max(2) > 2 * GREY
    columns = np.flatnonzero(lit.sum(0) >= 6)
    return float(left + columns.mean()) if 30 <= len(columns) <= 150 else None


def write_plain_theme(home: Path) -> None:
    """Install a theme with one plain background; the default backgrounds are random and partly bright."""
    folder = home / ".lgames"
    theme = folder / "lbreakout2-themes" / "plain"
    theme.mkdir(parents=True)
    (folder / "lbreakout2-levels").mkdir()
    cv2.imwrite(str(theme / "back0.png"), np.full((100, 100, 3), GREY, np.uint8))
    # The four built-in themes come first.
    (folder / "lbreakout2.conf").write_bytes(b"@\ntheme_id\xbb4\ntheme_count\xbb5\n")


@contextlib.contextmanager
def running_lbreakout(server: XServer, program: str, home: Path) -> Iterator[LBreakout]:
    """The game at the start of its first level; `home` holds its settings."""
    environment = {
        "DISPLAY": server.name,
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "SDL_AUDIODRIVER": "dummy",
    }
    write_plain_theme(home)
    process = subprocess.Popen(
        [program], cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    game = LBreakout(server)
    try:
        _wait_for(process, "its menu", lambda: float(game.screen().mean()) > 30)
        # Click Local Game, then Start Original Set; the pointer also gives the window the focus.
        for y in ("270", "279"):
            server.xdotool("mousemove", "184", y)
            time.sleep(0.7)
            server.xdotool("click", "1")
            time.sleep(0.7)
        _wait_for(process, "its paddle", lambda: paddle_in(game.screen()) is not None)
        yield game
    finally:
        process.kill()
        process.wait()


def _wait_for(process: "subprocess.Popen[bytes]", what: str, there: object) -> None:
    assert callable(there)
    deadline = time.monotonic() + 40
    while not there():
        assert process.poll() is None, f"the game ended before it showed {what}"
        assert time.monotonic() < deadline, f"the game did not show {what}"
        time.sleep(0.1)
