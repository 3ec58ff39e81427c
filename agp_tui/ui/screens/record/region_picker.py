"""Region picker: move and resize a game's screen region by arrow keys or mouse over a live picture."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.markup import escape
from textual.message import Message
from textual.widgets import Static

from agp_tui.protocol.events import Live
from agp_tui.ui.components.live_view import configured_picture
from agp_tui.ui.widgets.live_picture import LivePicture

DisplayArea = tuple[int, int, int, int]
"""The part of the display in the picture: x, y, width, height in pixels."""

MIN_SIZE, MAX_SIZE = 16, 2160
"""Bounds of a region's side in pixels (those of the setting `size`)."""


@dataclass(frozen=True)
class SquareRegion:
    """A region: `size` pixels wide and high around `x`, `y`."""

    x: int
    y: int
    size: int

    def clamped(self, area: DisplayArea) -> "SquareRegion":
        """The nearest valid region whose center is on the display."""
        left, top, width, height = area
        x = min(max(self.x, left), left + width - 1)
        y = min(max(self.y, top), top + height - 1)
        return SquareRegion(x, y, min(max(self.size, MIN_SIZE), MAX_SIZE))

    def fraction_of(self, area: DisplayArea) -> tuple[float, float, float, float]:
        """Its edges (left, top, right, bottom) as fractions of the picture, 0 to 1."""
        left, top, width, height = area
        half = self.size / 2
        edges = (
            (self.x - half - left) / width,
            (self.y - half - top) / height,
            (self.x + half - left) / width,
            (self.y + half - top) / height,
        )
        x0, y0, x1, y1 = (min(max(edge, 0.0), 1.0) for edge in edges)
        return x0, y0, x1, y1


class RegionPicker(Vertical, can_focus=True):
    """The live picture with the region in it. Arrow keys move it, + and - resize it, the mouse draws it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Accept", id="region.take"),
        Binding("escape", "leave", "Back", id="region.leave"),
        *(
            Binding(f"{modifier}{key}", f"move({x * step}, {y * step})", f"Move {step} px", show=False)
            for modifier, step in (("", 10), ("shift+", 50), ("ctrl+", 1))
            for key, x, y in (("left", -1, 0), ("right", 1, 0), ("up", 0, -1), ("down", 0, 1))
        ),
        *(
            Binding(key, f"move({x}, {y})", "Move 1 px", show=False)
            for key, x, y in (("h", -1, 0), ("l", 1, 0), ("k", 0, -1), ("j", 0, 1))
        ),
        Binding("plus,equals_sign", "resize(16)", "Larger", id="region.larger"),
        Binding("minus", "resize(-16)", "Smaller", id="region.smaller"),
        Binding("right_square_bracket", "resize(2)", show=False),
        Binding("left_square_bracket", "resize(-2)", show=False),
    ]

    class Accepted(Message):
        """The region was accepted."""

        def __init__(self, square: SquareRegion) -> None:
            super().__init__()
            self.square = square

    class Cancelled(Message):
        """The picker was cancelled."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.square: SquareRegion | None = None
        """None before the first picture."""
        self._display_name = ""
        self._area: DisplayArea | None = None
        self._default_size = 256
        self._drag_start: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="region-facts")
        yield configured_picture(self.app, "Waiting for the display …")

    def start(self, square: SquareRegion | None, default_size: int, display: str) -> None:
        """Start with this region, or with one of the default size in the center of the display."""
        self.square, self._default_size, self._display_name = square, default_size, display
        self._area, self._drag_start = None, None
        self.query_one(LivePicture).clear("Waiting for the display …")
        self._update()

    def show(self, live: Live) -> None:
        """Show the newest picture."""
        if live.shown is not None and live.shown != self._area:
            self._area = live.shown
            left, top, width, height = live.shown
            centered = SquareRegion(left + width // 2, top + height // 2, self._default_size)
            self.square = (self.square or centered).clamped(live.shown)
            self._update()
        if live.thumbnail and live.thumbnail_size is not None:
            self.query_one(LivePicture).show(live.thumbnail, live.thumbnail_size)

    def action_move(self, x: int, y: int) -> None:
        """Move the region by `x` and `y` pixels."""
        if self.square is not None:
            self._set(SquareRegion(self.square.x + x, self.square.y + y, self.square.size))

    def action_resize(self, by: int) -> None:
        """Grow or shrink the region by `by` pixels."""
        if self.square is not None:
            self._set(SquareRegion(self.square.x, self.square.y, self.square.size + by))

    def action_accept(self) -> None:
        """Accept the region."""
        if self.square is not None:
            self.post_message(self.Accepted(self.square))

    def action_leave(self) -> None:
        """Cancel."""
        self.post_message(self.Cancelled())

    # --- the mouse: a click sets the center, a drag draws the region --------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Start of a click or a drag."""
        self._drag_start = self._pixel(event)
        if self._drag_start is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Draw the region from the start of the drag to the mouse."""
        at = self._pixel(event)
        if self._drag_start is not None and at is not None and at != self._drag_start:
            (x0, y0), (x1, y1) = self._drag_start, at
            self._set(SquareRegion((x0 + x1) // 2, (y0 + y1) // 2, max(abs(x1 - x0), abs(y1 - y0))))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Set the center, if this was a click."""
        at, self._drag_start, start = self._pixel(event), None, self._drag_start
        self.release_mouse()
        if start is not None and at == start and self.square is not None:
            self._set(SquareRegion(*start, self.square.size))

    def _pixel(self, event: events.MouseEvent) -> tuple[int, int] | None:
        """The pixel of the display under the mouse."""
        preview = self.query_one(LivePicture)
        corner = preview.region
        part = preview.fraction_at(event.screen_x - corner.x, event.screen_y - corner.y)
        if part is None or self._area is None:
            return None
        left, top, width, height = self._area
        return left + int(part[0] * width), top + int(part[1] * height)

    def _set(self, square: SquareRegion) -> None:
        if self._area is not None:
            self.square = square.clamped(self._area)
            self._update()

    def _update(self) -> None:
        preview = self.query_one(LivePicture)
        preview.frame = self.square.fraction_of(self._area) if self.square and self._area else None
        self.query_one("#region-facts", Static).update(Content.from_markup(self._region_text()))

    def _region_text(self) -> str:
        keys = "arrows 10 px, shift 50, ctrl or hjkl 1; + - size; or draw it with the mouse"
        if self.square is None or self._area is None:
            return f"waiting for the display …\n[dim]{keys}[/]"
        square, display = self.square, self._display_name or "this display"
        of = f"{self._area[2]}x{self._area[3]}"
        return (
            f"[b]{square.size} x {square.size}[/] pixels around [b]{square.x},{square.y}[/] "
            f"on {escape(display)}, {of}\n[dim]{keys}[/]"
        )
