"""Score table: the episodes of an agent's training, drawn line by line as they are scrolled into view."""

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agp_tui.formatting.text import hours_text
from agp_tui.protocol.events import EpisodeFinished
from agp_tui.ui.widgets.row_widget import ThrottledWidget

MAX_ROWS = 1000
"""Older episodes are dropped; the run's events file has them all."""

COLUMNS: dict[str, tuple[int, Callable[[EpisodeFinished], str]]] = {
    "episode": (8, lambda one: f"{one.number}"),
    "score": (8, lambda one: f"{one.score:g}"),
    "high score": (11, lambda one: f"{one.high_score:g}"),
    "mean of 100": (12, lambda one: f"{one.average:.1f}"),
    "frames": (8, lambda one: f"{one.frames}"),
    "time": (10, lambda one: hours_text(one.seconds)),
    "epsilon": (9, lambda one: f"{one.epsilon:.3f}"),
    "loss": (9, lambda one: "-" if one.loss is None else f"{one.loss:.3g}"),
}
"""By title: the minimum width in cells, and the text of an episode."""


class ScoreTable(ScrollView, ThrottledWidget, can_focus=True):
    """One row per finished episode, the newest first. A scrolled table keeps its place."""

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
        self._episodes: deque[EpisodeFinished] = deque(maxlen=MAX_ROWS)
        self._new = 0
        """Episodes since the last redraw."""
        self._shown: tuple[EpisodeFinished, ...] = ()
        """The episodes at the last redraw."""

    @property
    def episodes(self) -> tuple[EpisodeFinished, ...]:
        """The episodes of the table, the newest first."""
        return tuple(self._episodes)

    def add(self, episode: EpisodeFinished) -> None:
        """Add an episode. A run resumed from a checkpoint reports the episodes since then again."""
        while self._episodes and self._episodes[0].number >= episode.number:
            self._episodes.popleft()
        self._episodes.appendleft(episode)
        self._new += 1
        self.redraw_soon()

    def reset(self) -> None:
        """Remove all episodes."""
        self._episodes.clear()
        self.scroll_to(y=0, animate=False)
        self.redraw_soon()

    def render_line(self, y: int) -> Strip:
        """The fixed column titles, or an episode."""
        width = self.size.width
        at = y - 1 + round(self.scroll_offset.y)
        own = self.visual_style.rich_style
        if y == 0:
            style, texts = self._style("head"), list(COLUMNS)
        elif at < len(self._shown):
            episode = self._shown[at]
            is_record = episode.score == episode.high_score and (
                at + 1 == len(self._shown) or self._shown[at + 1].high_score < episode.score
            )
            style = self._style("record") if is_record else own
            texts = [text(episode) for _, text in COLUMNS.values()]
        else:
            return Strip.blank(width, own)
        line = "".join(text.rjust(column) for text, column in zip(texts, _widths(width), strict=True))
        return Strip([Segment(line, style)]).adjust_cell_length(width, own)

    def on_resize(self) -> None:
        self._update_size()

    def _style(self, name: str) -> Style:
        return self.get_visual_style(f"scores--{name}").rich_style

    def before_redraw(self) -> None:
        """Show the new episodes; a scrolled table keeps its lines in place."""
        new, self._new = self._new, 0
        self._shown = tuple(self._episodes)
        self._update_size()
        if self.scroll_offset.y:
            self.scroll_to(y=self.scroll_offset.y + new, animate=False)

    def _update_size(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown) + 1)


def _widths(width: int) -> list[int]:
    """Column widths: the minimum, or up to 1.5 times as much in a wide table."""
    least = [column for column, _ in COLUMNS.values()]
    factor = min(1.5, max(1.0, width / sum(least)))
    return [int(column * factor) for column in least]
