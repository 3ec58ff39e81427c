"""What the app's live picture costs: processor time and bytes a frame, against the plain way in the same run.

Runs the real widget in a real app on a terminal that counts what it is sent. Nothing is drawn on the
terminal that this runs in.
"""

import asyncio
import importlib.util
import io
import time
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.widgets import Static

from agp_tui.ui.widgets.live_picture import LivePicture

Pictures = NDArray[np.uint8]
"""RGB, shape (frames, height, width, 3)."""
Way = Literal["truecolor", "256", "plain"]
WAYS: tuple[Way, ...] = ("truecolor", "256", "plain")
PLAIN_FRAMES = 8
PLAIN_FPS = 4.0
"""Slow enough that the plain way draws each of its frames; faster, textual leaves some out."""


@dataclass(frozen=True)
class PreviewCost:
    """One content drawn one way. `ms` and `bytes` are of a frame, all of textual's work included."""

    content: str
    way: Way
    ms: float
    bytes: float

    def bytes_a_second(self, fps: float = 10.0) -> float:
        return self.bytes * fps


class CountingDriver(HeadlessDriver):
    """A terminal that shows nothing and counts the bytes it is sent."""

    sent = 0

    @property
    def is_headless(self) -> bool:
        """False: an app without a terminal would not draw at all."""
        return False

    def write(self, data: str) -> None:
        self.sent += len(data.encode())


class PlainPreview(Static):
    """The obvious way: a styled text of half blocks, all of it new for each frame."""

    DEFAULT_CSS = "PlainPreview { width: 1fr; height: 1fr; }"

    def show(self, picture: bytes, size: tuple[int, int]) -> None:
        from agp_tui.ui.widgets.halfblocks import fit

        pixels = fit(np.frombuffer(picture, np.uint8).reshape(*size, 3), self.size.width, self.size.height)
        text = Text(end="")
        for upper, lower in zip(pixels[0::2].tolist(), pixels[1::2].tolist(), strict=True):
            for above, below in zip(upper, lower, strict=True):
                text.append("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
            text.append("\n")
        self.update(text)


class PreviewApp(App[None]):
    """Nothing but the widget, on a terminal with all colours, whatever the environment says."""

    def __init__(self, way: Way) -> None:
        super().__init__(driver_class=CountingDriver)
        self.console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        self._way = way

    def compose(self) -> ComposeResult:
        if self._way == "plain":
            yield PlainPreview()
        else:
            yield LivePicture(colors=self._way)


def bench_preview(
    frames: int = 40, cells: tuple[int, int] = (80, 40), fps: float = 25.0
) -> list[PreviewCost]:
    """Each content each way, at `cells` columns and rows. Without ALE the games are left out."""
    games = ("pong", "breakout") if importlib.util.find_spec("ale_py") else ()
    contents = {**{name: atari_pictures(name, frames) for name in games}, "photo": noisy_pictures(frames)}
    return [
        asyncio.run(
            preview_cost(content, pictures[:PLAIN_FRAMES], way, cells, PLAIN_FPS)
            if way == "plain"
            else preview_cost(content, pictures, way, cells, fps)
        )
        for content, pictures in contents.items()
        for way in WAYS
    ]


async def preview_cost(
    content: str, pictures: Pictures, way: Way, cells: tuple[int, int], fps: float
) -> PreviewCost:
    """One content one way, its frames shown `fps` times a second."""
    app = PreviewApp(way)
    running = asyncio.create_task(app.run_async(size=cells))
    try:
        while not app.is_running or not app.query("LivePicture, PlainPreview"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        preview, driver = app.query_one("LivePicture, PlainPreview"), app._driver
        assert isinstance(preview, LivePicture | PlainPreview)
        assert isinstance(driver, CountingDriver)
        size = (pictures.shape[1], pictures.shape[2])
        preview.show(pictures[0].tobytes(), size)
        await asyncio.sleep(0.3)
        idle = await _spent(None, len(pictures) - 1, size, fps)
        before = driver.sent
        spent = await _spent((preview, pictures[1:]), len(pictures) - 1, size, fps)
        count = len(pictures) - 1
        return PreviewCost(
            content, way, max(0.0, spent - idle) * 1000 / count, (driver.sent - before) / count
        )
    finally:
        app.exit()
        await running


async def _spent(
    shown: tuple[LivePicture | PlainPreview, Pictures] | None, frames: int, size: tuple[int, int], fps: float
) -> float:
    """Processor seconds of this thread over so many frames, showing them or waiting only."""
    began = time.thread_time()
    for index in range(frames):
        if shown is not None:
            shown[0].show(shown[1][index].tobytes(), size)
        await asyncio.sleep(1 / fps)
    await asyncio.sleep(0.1)
    return time.thread_time() - began


def atari_pictures(name: str, frames: int) -> Pictures:
    """Frames of a game under random actions at 15 a second, as small as a job sends them (96 high)."""
    import ale_py
    from ale_py import roms

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    game: Any = ale_py.ALEInterface()
    game.setInt("random_seed", 1)
    game.loadROM(roms.get_rom_path(name))
    actions = game.getMinimalActionSet()
    random = np.random.default_rng(1)
    pictures = []
    for step in range(frames + 30):
        action = actions[1] if step % 10 == 0 else actions[int(random.integers(len(actions)))]
        for _ in range(4):
            game.act(action)
        if game.game_over():
            game.reset_game()
        if step >= 30:
            pictures.append(_smaller(game.getScreenRGB()))
    return np.stack(pictures)


def noisy_pictures(frames: int, side: int = 96) -> Pictures:
    """Like a photograph that moves: smooth colours that drift, with noise on each pixel."""
    random = np.random.default_rng(2)
    y, x = np.mgrid[0:side, 0:side] / side
    pictures = []
    for step in range(frames):
        phase = step / 10
        waves = [np.sin(4 * x + phase), np.cos(5 * y + phase), np.sin(3 * (x + y) - phase)]
        smooth = np.stack(waves, axis=-1) * 90 + 128
        noisy = smooth + random.normal(0, 5, smooth.shape)
        pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return np.stack(pictures)


def _smaller(picture: Pictures) -> Pictures:
    from agp_tui.ui.widgets.halfblocks import fit

    return fit(picture, 96, 48)
