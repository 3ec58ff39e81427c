"""Cost of the live picture: CPU time and bytes per frame, against drawing cell by cell.

Runs the widget in an app whose terminal driver counts the bytes instead of writing them.
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

from agp_tui.protocol.events import Table
from agp_tui.ui.widgets.live_picture import LivePicture

Pictures = NDArray[np.uint8]
"""RGB, shape (frames, height, width, 3)."""
Method = Literal["truecolor", "256", "plain"]
METHODS: tuple[Method, ...] = ("truecolor", "256", "plain")
TABLE_FPS = 10.0
PLAIN_FRAMES = 8
PLAIN_FPS = 4.0
"""Slow enough to draw each frame; at a higher rate Textual skips some."""


@dataclass(frozen=True)
class PreviewCost:
    """CPU milliseconds and bytes per frame, including the work of Textual."""

    content: str
    method: Method
    ms: float
    bytes: float

    def bytes_per_second(self, fps: float = 10.0) -> float:
        return self.bytes * fps


class CountingDriver(HeadlessDriver):
    """Counts the bytes that the app sends to its terminal; draws nothing."""

    sent = 0

    @property
    def is_headless(self) -> bool:
        """False, since a headless app does not draw."""
        return False

    def write(self, data: str) -> None:
        self.sent += len(data.encode())


class PlainPreview(Static):
    """The baseline: a styled text of half blocks, rebuilt for each frame."""

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
    """The widget alone, with 24-bit colours regardless of the environment."""

    def __init__(self, method: Method) -> None:
        super().__init__(driver_class=CountingDriver)
        self.console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        self._method = method

    def compose(self) -> ComposeResult:
        if self._method == "plain":
            yield PlainPreview()
        else:
            yield LivePicture(colors=self._method)


def bench_preview(
    frames: int = 40, cells: tuple[int, int] = (80, 40), fps: float = 25.0
) -> list[PreviewCost]:
    """Measure each content with each method at `cells` (columns, rows). Without ALE, games are left out."""
    games = ("pong", "breakout") if importlib.util.find_spec("ale_py") else ()
    contents = {**{name: atari_pictures(name, frames) for name in games}, "photo": noisy_pictures(frames)}
    return [
        asyncio.run(
            preview_cost(content, pictures[:PLAIN_FRAMES], method, cells, PLAIN_FPS)
            if method == "plain"
            else preview_cost(content, pictures, method, cells, fps)
        )
        for content, pictures in contents.items()
        for method in METHODS
    ]


def preview_table(costs: list[PreviewCost]) -> Table:
    """CPU milliseconds and bytes per frame, and the ratio to the plain method."""
    plain = {one.content: one.ms for one in costs if one.method == "plain"}
    rows: list[list[str | float | int | None]] = [
        [
            one.content,
            one.method,
            round(one.ms, 2),
            round(one.bytes),
            round(one.bytes_per_second(TABLE_FPS) / 1000, 1),
            round(plain[one.content] / one.ms, 1) if one.ms else None,
        ]
        for one in costs
    ]
    columns = ["content", "colours", "ms per frame", "bytes per frame", "kB/s at 10 fps", "ratio of plain"]
    return Table(title="Live picture, 80x40 cells", columns=columns, rows=rows)


async def preview_cost(
    content: str, pictures: Pictures, method: Method, cells: tuple[int, int], fps: float
) -> PreviewCost:
    """Measure one content with one method at `fps` frames per second."""
    app = PreviewApp(method)
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
        idle = await _cpu_seconds(None, len(pictures) - 1, size, fps)
        before = driver.sent
        busy = await _cpu_seconds((preview, pictures[1:]), len(pictures) - 1, size, fps)
        count = len(pictures) - 1
        return PreviewCost(
            content, method, max(0.0, busy - idle) * 1000 / count, (driver.sent - before) / count
        )
    finally:
        app.exit()
        await running


async def _cpu_seconds(
    shown: tuple[LivePicture | PlainPreview, Pictures] | None, frames: int, size: tuple[int, int], fps: float
) -> float:
    """CPU seconds of this thread over `frames` frame periods, with or without frames to show."""
    start = time.thread_time()
    for index in range(frames):
        if shown is not None:
            shown[0].show(shown[1][index].tobytes(), size)
        await asyncio.sleep(1 / fps)
    await asyncio.sleep(0.1)
    return time.thread_time() - start


def atari_pictures(name: str, frames: int) -> Pictures:
    """Frames of a game with random actions, 15 per second, scaled to the size of live frames."""
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
            pictures.append(_downscale(game.getScreenRGB()))
    return np.stack(pictures)


def noisy_pictures(frames: int, side: int = 96) -> Pictures:
    """Frames like a moving photograph: drifting smooth colours with noise."""
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


def _downscale(picture: Pictures) -> Pictures:
    from agp_tui.ui.widgets.halfblocks import fit

    return fit(picture, 96, 48)
