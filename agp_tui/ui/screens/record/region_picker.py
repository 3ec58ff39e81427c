"""Choosing the region of a game over a live picture of its whole display."""

import os
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
from agp_tui.ui.widgets.live_picture import LivePicture, resolve_colors

DisplayArea = tuple[int, int, int, int]
"""X, Y, width and height of what is in the picture, in pixels of the display."""

MIN_SIZE, MAX_SIZE = 16, 2160
"""Sides of a region, in pixels (the bounds of the setting `size`)."""


@dataclass(frozen=True)
class SquareRegion:
    """A region: `size` pixels wide and high around `x`, `y`."""

    x: int
    y: int
    size: int

    def kept_on(self, shown: DisplayArea) -> "SquareRegion":
        """The nearest one whose middle is on the display."""
        left, top, width, height = shown
        x = min(max(self.x, left), left + width - 1)
        y = min(max(self.y, top), top + height - 1)
        return SquareRegion(x, y, min(max(self.size, MIN_SIZE), MAX_SIZE))

    def frame_in(self, shown: DisplayArea) -> tuple[float, float, float, float]:
        """Where it is in the picture, in parts of it (0 to 1)."""
        left, top, width, height = shown
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
    """The picture with the region in it. Arrows move it, + and - resize it, the mouse draws it anew."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Take it", id="region.take"),
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
        """The person takes this region."""

        def __init__(self, square: SquareRegion) -> None:
            super().__init__()
            self.square = square

    class Cancelled(Message):
        """The person leaves things as they were."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.square: SquareRegion | None = None
        """None until a picture came."""
        self._display_name = ""
        self._shown: DisplayArea | None = None
        self._side = 256
        self._pressed: tuple[int, int] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="region-facts")
        preview = self.app.loaded.config.preview  # type: ignore[attr-defined]
        colors = resolve_colors(preview.colors, os.environ)
        yield LivePicture("Looking for the display …", colors=colors, limit=preview.cells)

    def begin(self, square: SquareRegion | None, size: int, display: str) -> None:
        """Begin with this region, or with one of that size in the middle of the display."""
        self.square, self._side, self._display_name = square, size, display
        self._shown, self._pressed = None, None
        self.query_one(LivePicture).clear("Looking for the display …")
        self._draw()

    def show(self, live: Live) -> None:
        """The newest picture."""
        if live.shown is not None and live.shown != self._shown:
            self._shown = live.shown
            left, top, width, height = live.shown
            middle = SquareRegion(left + width // 2, top + height // 2, self._side)
            self.square = (self.square or middle).kept_on(live.shown)
            self._draw()
        if live.thumbnail and live.thumbnail_size is not None:
            self.query_one(LivePicture).show(live.thumbnail, live.thumbnail_size)

    def action_move(self, x: int, y: int) -> None:
        """Move it by so many pixels."""
        if self.square is not None:
            self._put(SquareRegion(self.square.x + x, self.square.y + y, self.square.size))

    def action_resize(self, by: int) -> None:
        """Make it larger or smaller by so many pixels."""
        if self.square is not None:
            self._put(SquareRegion(self.square.x, self.square.y, self.square.size + by))

    def action_take(self) -> None:
        """That is it."""
        if self.square is not None:
            self.post_message(self.Accepted(self.square))

    def action_leave(self) -> None:
        """As it was."""
        self.post_message(self.Cancelled())

    # --- the mouse: a click puts the middle, a drag draws the whole ---------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """One corner, or the middle."""
        self._pressed = self._pixel(event)
        if self._pressed is not None:
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The other corner, so far."""
        at = self._pixel(event)
        if self._pressed is not None and at is not None and at != self._pressed:
            (x0, y0), (x1, y1) = self._pressed, at
            self._put(SquareRegion((x0 + x1) // 2, (y0 + y1) // 2, max(abs(x1 - x0), abs(y1 - y0))))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Where it was a click, the middle."""
        at, self._pressed, pressed = self._pixel(event), None, self._pressed
        self.release_mouse()
        if pressed is not None and at == pressed and self.square is not None:
            self._put(SquareRegion(*pressed, self.square.size))

    def _pixel(self, event: events.MouseEvent) -> tuple[int, int] | None:
        """The pixel of the display under the mouse."""
        preview = self.query_one(LivePicture)
        corner = preview.region
        part = preview.fraction_at(event.screen_x - corner.x, event.screen_y - corner.y)
        if part is None or self._shown is None:
            return None
        left, top, width, height = self._shown
        return left + int(part[0] * width), top + int(part[1] * height)

    def _put(self, square: SquareRegion) -> None:
        if self._shown is not None:
            self.square = square.kept_on(self._shown)
            self._draw()

    def _draw(self) -> None:
        preview = self.query_one(LivePicture)
        preview.frame = self.square.frame_in(self._shown) if self.square and self._shown else None
        self.query_one("#region-facts", Static).update(Content.from_markup(self._facts()))

    def _facts(self) -> str:
        keys = "arrows 10 px, shift 50, ctrl or hjkl 1; + - size; or draw it with the mouse"
        if self.square is None or self._shown is None:
            return f"looking for the display …\n[dim]{keys}[/]"
        square, display = self.square, self._display_name or "this display"
        of = f"{self._shown[2]}x{self._shown[3]}"
        return (
            f"[b]{square.size} x {square.size}[/] pixels around [b]{square.x},{square.y}[/] "
            f"on {escape(display)}, {of}\n[dim]{keys}[/]"
        )
