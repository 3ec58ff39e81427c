"""Live picture of the game: half blocks, of which only changed rows are sent, as prerendered text.

Give the widget no border and no padding (its container may have them), so that its lines reach the
terminal unchanged. With them it works as well, but slowly.
"""

import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import ANSIToTruecolor, DimFilter, LineFilter, Monochrome, NoColor
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from agp_tui.errors import AgpError

if TYPE_CHECKING:
    from agp_tui.ui.widgets.halfblocks import Palette, Run


COLOR_PRESERVING = (ANSIToTruecolor, DimFilter, Monochrome)
"""Line filters that do not change a picture: it has no ANSI colours and nothing dim, and `LivePicture`
converts it to grey itself."""


def supports_prerendering() -> bool:
    """Whether this version of Textual caches rendered text where `PrerenderedStrip` sets it."""
    return all(hasattr(Strip, name) for name in ("_render_cache", "_segments"))


class PrerenderedStrip(Strip):
    """A line as text for the terminal, or None, and a function that makes its segments.

    The function is called only if segments are needed: if something covers a part of the line, if a
    filter changes it, in screenshots, and if the text is None.
    """

    __slots__ = ("_make", "_cached")  # noqa: RUF023

    def __init__(self, text: str | None, make: Callable[[], list[Segment]], cells: int) -> None:
        self._make = make
        self._cached: list[Segment] | None = None
        super().__init__((), cells)
        self._cached = None
        if text is not None:
            self._render_cache = text

    @property
    def _segments(self) -> list[Segment]:
        if self._cached is None:
            self._cached = self._make()
        return self._cached

    @_segments.setter
    def _segments(self, segments: list[Segment]) -> None:
        self._cached = segments

    def apply_filter(self, filter: LineFilter, background: Color) -> Strip:
        """The line itself if the filter does not change pictures."""
        if isinstance(filter, COLOR_PRESERVING):
            return self
        return super().apply_filter(filter, background)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


PreviewColors = Literal["auto", "truecolor", "256", "off"]
Frame = tuple[float, float, float, float]
SSH_LIMIT = (48, 24)
"""Maximum size over SSH: columns and rows."""


def over_ssh(environ: Mapping[str, str]) -> bool:
    """Whether the app runs in an SSH session."""
    return bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))


def resolve_colors(setting: PreviewColors, environ: Mapping[str, str]) -> PreviewColors:
    """Resolve `auto`: 256 colours over SSH, 12-bit colour otherwise."""
    if setting != "auto":
        return setting
    return "256" if over_ssh(environ) else "truecolor"


class LivePicture(Widget):
    """A picture in half blocks, as large as its cells allow, or a message if there is none."""

    DEFAULT_CSS = """
    LivePicture { width: 1fr; height: 1fr; color: $text-muted; }
    LivePicture > .live-picture--frame { color: $warning; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"live-picture--frame"}
    ALLOW_SELECT = False

    def __init__(
        self,
        message: str = "No picture yet.",
        *,
        colors: PreviewColors = "truecolor",
        limit: tuple[int, int] | None = None,
        prerendered: bool = True,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`limit`: maximum size in cells (columns, rows). `prerendered=False`: segments only, for tests."""
        super().__init__(id=id, classes=classes)
        self._message = message
        self._color_mode = colors
        self._limit = limit
        self._prerendered = prerendered
        self._picture: tuple[bytes, tuple[int, int]] | None = None
        self._frame: Frame | None = None
        self._strips: list[Strip] = []
        self._cells: Any = None
        self._render_key: tuple[object, ...] | None = None
        self._stale = True
        self._area = Region()

    def show(self, picture: bytes, size: tuple[int, int]) -> None:
        """Show RGB bytes of `size` (height, width). Raises `AgpError` if their number does not fit."""
        expected = size[0] * size[1] * 3
        if expected <= 0 or len(picture) != expected:
            raise AgpError(
                f"Expected a picture of {size[0]} x {size[1]} x 3 = {expected} bytes, found {len(picture)}.",
                "A thumbnail and its size come in the same event.",
            )
        self._picture = (picture, size)
        self._changed()

    def clear(self, message: str) -> None:
        """Show a message instead."""
        self._message = message
        self._picture = None
        self._cells = None
        self._changed()

    @property
    def frame(self) -> Frame | None:
        """A rectangle over the picture (x0, y0, x1, y1 as fractions, 0 to 1), darker outside."""
        return self._frame

    @frame.setter
    def frame(self, frame: Frame | None) -> None:
        self._frame = frame
        self._changed()

    @property
    def color_mode(self) -> PreviewColors:
        """The requested colours; the terminal's limits and NO_COLOR take precedence."""
        return self._color_mode

    @color_mode.setter
    def color_mode(self, mode: PreviewColors) -> None:
        self._color_mode = mode
        self._changed()

    @property
    def picture_area(self) -> Region:
        """The cells of the picture, relative to the widget; empty without a picture."""
        return self._area if self._picture is not None else Region()

    def fraction_at(self, x: int, y: int) -> tuple[float, float] | None:
        """The place of a cell's center in the picture (x, y as fractions, 0 to 1), or None outside."""
        area = self.picture_area
        if not area.contains(x, y):
            return None
        return (x - area.x + 0.5) / area.width, (y - area.y + 0.5) / area.height

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines without Textual's box styling, which the widget does not need."""
        if self.styles.gutter:
            return super().render_lines(crop)
        self._draw_if_stale()
        lines = self._strips[crop.y : crop.bottom]
        if crop.x == 0 and crop.width == self.size.width:
            return lines
        return [line.crop(crop.x, crop.right) for line in lines]

    def render_line(self, y: int) -> Strip:
        """One line of the content."""
        self._draw_if_stale()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def _changed(self) -> None:
        """Draw now if the screen is visible, else when it becomes visible."""
        self._stale = True
        if not self.is_attached or not self.screen.is_active or not self.size:
            return
        rows = self._draw()
        if len(rows) == self.size.height:
            self.refresh()
        elif rows:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in rows))

    def _draw_if_stale(self) -> None:
        if self._stale or self._render_key != self._current_render_key():
            self._draw()

    def _current_render_key(self) -> tuple[object, ...]:
        """Everything besides the picture that the lines depend on."""
        colors = self._palette_name()
        return (
            self.size,
            colors,
            self.visual_style,
            tuple(self.get_line_filters()),
            self._can_prerender(colors),
        )

    def _palette_name(self) -> Literal["truecolor", "256", "shades", "off"]:
        if self._color_mode == "off":
            return "off"
        if any(isinstance(filter, NoColor) for filter in self.get_line_filters()):
            return "shades"
        return "256" if self._color_mode == "256" or self._system() is ColorSystem.EIGHT_BIT else "truecolor"

    def _palette(self) -> "Palette | None":
        """The palette in use, or None without colours."""
        from agp_tui.ui.widgets.halfblocks import palette

        name = self._palette_name()
        return palette(name) if name in {"truecolor", "256"} else None

    def _system(self) -> ColorSystem:
        return self.app.console._color_system or ColorSystem.TRUECOLOR

    def _can_prerender(self, colors: str) -> bool:
        """Whether terminal and filters accept prerendered escape sequences."""
        return (
            self._prerendered
            and supports_prerendering()
            and colors in {"truecolor", "256"}
            and self._system() in {ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR}
            and all(isinstance(filter, COLOR_PRESERVING) for filter in self.get_line_filters())
        )

    def _draw(self) -> list[int]:
        """Make the lines that changed, and return their numbers."""
        render_key = self._current_render_key()
        if render_key != self._render_key:
            self._render_key, self._cells = render_key, None
        self._stale = False
        width, height = self.size
        if self._picture is None or self._color_mode == "off" or not (width and height):
            self._strips = self._message_lines(width, height)
            return list(range(height))
        return self._draw_picture(*self._picture, prerendered=bool(render_key[-1]))

    def _draw_picture(self, picture: bytes, size: tuple[int, int], *, prerendered: bool) -> list[int]:
        import numpy as np

        from agp_tui.ui.widgets import halfblocks

        width, height = self.size
        columns, rows = (
            (width, height)
            if self._limit is None
            else (
                min(width, self._limit[0]),
                min(height, self._limit[1]),
            )
        )
        pixels = halfblocks.fit(np.frombuffer(picture, np.uint8).reshape(*size, 3), columns, rows)
        if any(isinstance(filter, Monochrome) for filter in self.get_line_filters()):
            pixels = halfblocks.to_grey(pixels)
        if self._frame is not None:
            pixels = halfblocks.draw_frame(pixels, self._frame, self._frame_color())
        area = Region(
            (width - pixels.shape[1]) // 2,
            (height - pixels.shape[0] // 2) // 2,
            pixels.shape[1],
            pixels.shape[0] // 2,
        )
        colors = self._palette()
        if colors is None:
            return self._draw_shades(halfblocks.to_shades(pixels), area)
        cells = halfblocks.pair_rows(colors.codes(pixels))
        if self._cells is None or area != self._area or len(self._strips) != height:
            self._area = area
            self._strips = [self._margin(width)] * height
            rows_changed = list(range(area.height))
            all_rows = True
        else:
            rows_changed = np.flatnonzero((cells != self._cells).any(axis=1)).tolist()
            all_rows = False
        self._cells = cells
        margins = self._margin(area.x), self._margin(width - area.right)
        for row in rows_changed:
            self._strips[area.y + row] = self._line(halfblocks.runs(cells[row]), colors, margins, prerendered)
        return list(range(height)) if all_rows else [area.y + row for row in rows_changed]

    def _line(
        self, row: "list[Run]", colors: "Palette", margins: tuple[Strip, Strip], prerendered: bool
    ) -> Strip:
        """One row of the picture between its margins."""
        from agp_tui.ui.widgets.halfblocks import ansi

        left, right = margins
        width = self.size.width

        def segments() -> list[Segment]:
            return [*left, *(Segment(run[0], _style(run, colors)) for run in row), *right]

        if not prerendered:
            return PrerenderedStrip(None, segments, width)
        console = self.app.console
        return PrerenderedStrip(
            left.render(console) + ansi(row, colors) + right.render(console), segments, width
        )

    def _draw_shades(self, lines: list[str], area: Region) -> list[int]:
        width, height = self.size
        self._area = area
        style = self.visual_style.rich_style
        self._strips = [self._margin(width)] * height
        for y, text in enumerate(lines, area.y):
            parts = [Segment(" " * area.x + text + " " * (width - area.right), style)]
            self._strips[y] = Strip(parts, width)
        return list(range(height))

    def _message_lines(self, width: int, height: int) -> list[Strip]:
        """The message, centered."""
        message = "The preview is off." if self._color_mode == "off" else self._message
        lines = [
            line for part in message.splitlines() for line in textwrap.wrap(part, max(1, width - 2)) or [""]
        ]
        lines = lines[:height]
        top = (height - len(lines)) // 2
        style = self.visual_style.rich_style
        strips = [self._margin(width)] * height
        for y, line in enumerate(lines, top):
            strips[y] = self._filtered(Strip([Segment(line.center(width), style)], width))
        return strips

    def _margin(self, width: int) -> Strip:
        style = self.visual_style.rich_style
        return self._filtered(Strip([Segment(" " * width, style)] if width else [], width))

    def _filtered(self, strip: Strip) -> Strip:
        for filter in self.get_line_filters():
            strip = strip.apply_filter(filter, self.background_colors[1])
        return strip

    def _frame_color(self) -> tuple[int, int, int]:
        color = self.get_component_styles("live-picture--frame").color
        return color.r, color.g, color.b


def _style(run: "Run", colors: "Palette") -> Style:
    """A run's colours as a Rich style."""
    make: Callable[[int], RichColor]
    if colors.colors == "256":
        make = RichColor.from_ansi
    else:

        def make(code: int) -> RichColor:
            return RichColor.from_rgb(*colors.rgb(code))

    _, foreground, background = run
    return Style(
        color=None if foreground < 0 else make(foreground),
        bgcolor=None if background < 0 else make(background),
    )
