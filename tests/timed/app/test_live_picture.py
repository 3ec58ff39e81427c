"""Live picture: prerendered text and segments paint the same cells, and only changed rows are sent."""

import asyncio
import io
import subprocess
import sys

import numpy as np
import pyte
import pytest
from numpy.typing import NDArray
from rich.console import Console
from textual.app import App, ComposeResult
from textual.filter import Monochrome, NoColor
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from agp_tui.errors import AgpError
from agp_tui.ui.widgets.halfblocks import fit, pair_rows, palette, runs
from agp_tui.ui.widgets.live_picture import LivePicture, resolve_colors
from benchmarks.app.preview import CountingDriver

SIZE = (30, 12)


class Terminal(CountingDriver):
    """Feeds its output to a terminal emulator."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.emulator = pyte.Screen(*SIZE)
        self.stream = pyte.Stream(self.emulator)
        self.last = ""

    def write(self, data: str) -> None:
        super().write(data)
        self.last += data
        self.stream.feed(data)

    def cells(self) -> list[list[tuple[object, ...]]]:
        rows = [[self.emulator.buffer[y][x] for x in range(SIZE[0])] for y in range(SIZE[1])]
        return [[(cell.data, cell.fg, cell.bg) for cell in row] for row in rows]


class PictureApp(App[None]):
    def __init__(self, preview: LivePicture, color_system: str = "truecolor") -> None:
        super().__init__(driver_class=Terminal)
        self.console = Console(file=io.StringIO(), force_terminal=True, color_system=color_system)  # type: ignore[arg-type]
        self.preview = preview

    def compose(self) -> ComposeResult:
        yield self.preview

    @property
    def terminal(self) -> Terminal:
        assert isinstance(self._driver, Terminal)
        return self._driver


def pictures(count: int, height: int = 40, width: int = 30) -> list[NDArray[np.uint8]]:
    """A deterministic striped and noisy scene with a moving block."""
    random = np.random.default_rng(5)
    scene = random.integers(0, 255, (height, width, 3), np.uint8)
    scene[: height // 2] = (40, 60, 160)
    result = []
    for step in range(count):
        picture = scene.copy()
        picture[6:10, 3 * step : 3 * step + 4] = (255, 255, 255)
        result.append(picture)
    return result


def show(preview: LivePicture, picture: NDArray[np.uint8]) -> None:
    preview.show(picture.tobytes(), (picture.shape[0], picture.shape[1]))


async def wait_for_refresh() -> None:
    await asyncio.sleep(0.06)


class Session:
    """An app that draws, on the emulator."""

    def __init__(self, app: PictureApp) -> None:
        self.app = app

    async def __aenter__(self) -> PictureApp:
        self.task = asyncio.create_task(self.app.run_async(size=SIZE))
        while not self.app.is_running or not self.app.preview.size:
            await asyncio.sleep(0.01)
        await wait_for_refresh()
        return self.app

    async def __aexit__(self, *error: object) -> None:
        self.app.exit()
        await self.task


@pytest.mark.parametrize(
    ("colors", "color_system"), [("truecolor", "truecolor"), ("256", "truecolor"), ("truecolor", "256")]
)
def test_prerendered_text_and_segments_paint_the_same_cells(colors: str, color_system: str) -> None:
    def painted(prerendered: bool) -> list[list[list[tuple[object, ...]]]]:
        async def session() -> list[list[list[tuple[object, ...]]]]:
            preview = LivePicture(colors=colors, prerendered=prerendered)  # type: ignore[arg-type]
            screens = []
            async with Session(PictureApp(preview, color_system)) as app:
                for picture in pictures(3):
                    show(preview, picture)
                    await wait_for_refresh()
                    screens.append(app.terminal.cells())
                preview.frame = (0.25, 0.25, 0.75, 0.75)
                await wait_for_refresh()
                screens.append(app.terminal.cells())
            return screens

        return asyncio.run(session())

    fast, plain = painted(prerendered=True), painted(prerendered=False)
    assert fast == plain
    colors_seen = {cell[2] for row in fast[0] for cell in row}
    assert len(colors_seen) > 50, "the picture is drawn"
    assert fast[0] != fast[1] != fast[3]


def test_only_changed_rows_are_sent_without_making_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    from agp_tui.ui.widgets import live_picture as module

    async def session() -> None:
        preview = LivePicture()
        async with Session(PictureApp(preview)) as app:
            first, second, *_ = pictures(2)
            show(preview, first)
            await wait_for_refresh()
            whole = len(app.terminal.last)
            app.terminal.last = ""
            show(preview, first)
            await wait_for_refresh()
            assert app.terminal.last == "", "the same picture sends nothing"
            show(preview, second)
            await wait_for_refresh()
            assert 0 < len(app.terminal.last) < whole / 3
            assert not made
            app.export_screenshot()
            assert made, "a screenshot needs segments"

    monkeypatch.setattr(module, "_style", lambda *arguments: made.append(1))
    asyncio.run(session())


@pytest.mark.parametrize("other", [Screen, ModalScreen])
def test_hidden_screen_is_not_drawn_until_visible(other: type[Screen[None]]) -> None:
    async def session() -> None:
        preview = LivePicture()
        async with Session(PictureApp(preview)) as app:
            first, second = pictures(2)
            show(preview, first)
            await wait_for_refresh()
            expected_first = app.terminal.cells()
            app.call_later(lambda: app.push_screen(other()))
            await wait_for_refresh()
            strips = list(preview._strips)
            show(preview, second)
            assert all(now is before for now, before in zip(preview._strips, strips, strict=True))
            app.call_later(app.pop_screen)
            await wait_for_refresh()
            caught_up = app.terminal.cells()
            show(preview, first)
            await wait_for_refresh()
            show(preview, second)
            await wait_for_refresh()
            assert app.terminal.cells() == caught_up != expected_first
            show(preview, first)
            await wait_for_refresh()
            assert app.terminal.cells() == expected_first

    asyncio.run(session())


def test_rows_are_drawn_around_covering_widgets() -> None:
    class Covered(PictureApp):
        CSS = "Screen { layers: low high; } #note { layer: high; offset: 10 5; width: 6; height: 1; }"

        def compose(self) -> ComposeResult:
            yield self.preview
            yield Static("NOTICE", id="note")

    async def session() -> None:
        preview = LivePicture()
        async with Session(Covered(preview)) as app:
            show(preview, pictures(1)[0])
            await wait_for_refresh()
            row = app.terminal.cells()[5]
            assert "".join(str(cell[0]) for cell in row)[10:16] == "NOTICE"
            assert row[20][2] != row[0][2]

    asyncio.run(session())


def test_without_colours_the_picture_is_drawn_in_shades() -> None:
    async def session() -> None:
        preview = LivePicture()
        app = PictureApp(preview)
        app._filters.append(NoColor())
        async with Session(app):
            picture = np.zeros((24, 24, 3), np.uint8)
            picture[:, 12:] = 255
            show(preview, picture)
            await wait_for_refresh()
            text = app.terminal.emulator.display[3]
            assert text.count("█") == 12 and "▀" not in text

    asyncio.run(session())


def test_monochrome_picture_is_grey_and_prerendered() -> None:
    async def session() -> None:
        preview = LivePicture()
        app = PictureApp(preview)
        app._filters.append(Monochrome())
        async with Session(app):
            show(preview, np.full((24, 24, 3), (250, 10, 10), np.uint8))
            await wait_for_refresh()
            color = str(app.terminal.cells()[3][15][2])
            assert len(color) == 6 and color[:2] == color[2:4] == color[4:] != "00"
            assert preview._render_key is not None and preview._render_key[-1] is True

    asyncio.run(session())


def test_message_without_picture_and_wrong_size() -> None:
    async def session() -> None:
        preview = LivePicture("Press r to record.")
        async with Session(PictureApp(preview)) as app:
            assert any("Press r to record." in line for line in app.terminal.emulator.display)
            show(preview, pictures(1)[0])
            await wait_for_refresh()
            preview.clear("The game is gone.")
            await wait_for_refresh()
            assert any("The game is gone." in line for line in app.terminal.emulator.display)
            with pytest.raises(AgpError, match=r"Expected a picture of 2 x 2 x 3 = 12 bytes, found 3"):
                preview.show(b"abc", (2, 2))

    asyncio.run(session())


def test_fraction_at_maps_cells_to_the_picture() -> None:
    async def session() -> None:
        preview = LivePicture()
        async with Session(PictureApp(preview)):
            show(preview, np.zeros((24, 24, 3), np.uint8))
            await wait_for_refresh()
            area = preview.picture_area
            assert (area.width, area.height) == (24, 12)
            assert preview.fraction_at(area.x - 1, 0) is None
            part = preview.fraction_at(area.x + 12, 6)
            assert part is not None and abs(part[0] - 0.5) < 0.03 and abs(part[1] - 0.5) < 0.05

    asyncio.run(session())


@pytest.mark.parametrize("shape", [(210, 160), (96, 96), (3, 400), (400, 3), (10, 10)])
def test_fit_keeps_the_aspect_ratio(shape: tuple[int, int]) -> None:
    result = fit(np.full((*shape, 3), 77, np.uint8), 40, 20)
    height, width = result.shape[:2]
    assert width <= 40 and height <= 40 and height % 2 == 0
    assert width == 40 or height == 40
    assert (result == 77).all()
    if min(shape) > 50:
        assert abs(width / height - shape[1] / shape[0]) < 0.06


def test_nearest_of_256_colours() -> None:
    colors = palette("256")
    wanted = np.array([[[0, 0, 0], [255, 255, 255], [95, 135, 175], [128, 128, 128], [255, 0, 0]]], np.uint8)
    found = [colors.rgb(int(code)) for code in colors.codes(wanted)[0]]
    assert np.abs(wanted[0].astype(int) - np.array(found)).max() <= 9


def test_equal_cells_are_one_run() -> None:
    codes = palette("truecolor").codes(np.zeros((2, 30, 3), np.uint8))
    assert runs(pair_rows(codes)[0]) == [(" " * 30, -1, 0)]


def test_auto_colours_are_256_over_ssh_only() -> None:
    assert resolve_colors("auto", {"SSH_CONNECTION": "a b c d"}) == "256"
    assert resolve_colors("auto", {}) == "truecolor"
    assert resolve_colors("off", {"SSH_CONNECTION": "a b c d"}) == "off"


def test_numpy_is_imported_only_with_the_first_picture() -> None:
    code = "import sys, agp_tui.ui.widgets.live_picture; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
