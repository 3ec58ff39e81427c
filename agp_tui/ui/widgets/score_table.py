"""The games that an agent played while it trained: a long table of which only what is seen is drawn."""

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agp_tui.protocol.events import EpisodeFinished
from agp_tui.ui.widgets.row_widget import ThrottledWidget

MOST_ROWS = 1000
"""Older games are forgotten; the run's own events have them all."""

COLUMNS: dict[str, tuple[int, Callable[[EpisodeFinished], str]]] = {
    "try": (7, lambda one: f"{one.number}"),
    "score": (9, lambda one: f"{one.score:g}"),
    "high score": (11, lambda one: f"{one.high_score:g}"),
    "mean of 100": (12, lambda one: f"{one.average:.1f}"),
    "frames": (8, lambda one: f"{one.frames}"),
    "time": (10, lambda one: _clock(one.seconds)),
    "epsilon": (9, lambda one: f"{one.epsilon:.3f}"),
    "loss": (9, lambda one: "-" if one.loss is None else f"{one.loss:.3g}"),
}
"""By title: the least width in cells, and the text of a game."""


class ScoreTable(ScrollView, ThrottledWidget, can_focus=True):
    """The newest game first; a row comes when a game ends, and only then. Scrolled, it stays where it is."""

    DEFAULT_CSS = """
    ScoreTable { height: 1fr; min-height: 3; overflow-x: hidden; scrollbar-size-vertical: 1; }
    ScoreTable > .scores--head { color: $text-muted; text-style: bold; }
    ScoreTable > .scores--record { color: $success; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"scores--head", "scores--record"}
    ALLOW_SELECT = False
    SECONDS_BETWEEN = 0.25

    def __init__(self, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._games: deque[EpisodeFinished] = deque(maxlen=MOST_ROWS)
        self._new = 0
        """Games since the last drawing."""
        self._shown: tuple[EpisodeFinished, ...] = ()
        """What was there at the last drawing."""

    @property
    def games(self) -> tuple[EpisodeFinished, ...]:
        """What the table holds, the newest first."""
        return tuple(self._games)

    def add(self, game: EpisodeFinished) -> None:
        """A game ended. A run that goes on from a checkpoint tells the games since then anew."""
        while self._games and self._games[0].number >= game.number:
            self._games.popleft()
        self._games.appendleft(game)
        self._new += 1
        self.redraw_soon()

    def reset(self) -> None:
        """Forget all games."""
        self._games.clear()
        self.scroll_to(y=0, animate=False)
        self.redraw_soon()

    def render_line(self, y: int) -> Strip:
        """The heads, which stay, or a game."""
        width = self.size.width
        at = y - 1 + round(self.scroll_offset.y)
        own = self.visual_style.rich_style
        if y == 0:
            style, texts = self._named("head"), list(COLUMNS)
        elif at < len(self._shown):
            game = self._shown[at]
            beaten = game.score == game.high_score and (
                at + 1 == len(self._shown) or self._shown[at + 1].high_score < game.score
            )
            style = self._named("record") if beaten else own
            texts = [text(game) for _, text in COLUMNS.values()]
        else:
            return Strip.blank(width, own)
        line = "".join(text.rjust(column) for text, column in zip(texts, _widths(width), strict=True))
        return Strip([Segment(line, style)]).adjust_cell_length(width, own)

    def on_resize(self) -> None:
        self._measure()

    def _named(self, name: str) -> Style:
        return self.get_visual_style(f"scores--{name}").rich_style

    def before_redraw(self) -> None:
        """The games that ended since the last time; what is being read stays under the eye."""
        new, self._new = self._new, 0
        self._shown = tuple(self._games)
        self._measure()
        if self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + new, animate=False)

    def _measure(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown) + 1)


def _widths(width: int) -> list[int]:
    """Each column's share of a wider table, up to half as much again."""
    least = [column for column, _ in COLUMNS.values()]
    factor = min(1.5, max(1.0, width / sum(least)))
    return [int(column * factor) for column in least]


def _clock(seconds: float) -> str:
    """Seconds as 1:05 or 2:03:05."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
