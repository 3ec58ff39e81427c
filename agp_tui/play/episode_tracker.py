"""Tracks episodes and their scores during play, and finds those that exceed the time limit."""

from typing import Protocol, runtime_checkable

from agp_tui.engine.clock import NS
from agp_tui.games.base import GameStatus


@runtime_checkable
class Restartable(Protocol):
    """A game whose episode can be ended early; the score it has then counts."""

    def restart(self) -> None: ...


class EpisodeTracker:
    """Follows a game's status from decision to decision.

    An episode longer than `max_seconds` of play should be restarted, if the game is `Restartable`.
    """

    def __init__(self, game: object, status: GameStatus | None, max_seconds: float) -> None:
        self.truncated = 0
        """Episodes ended by the time limit."""
        self.status = status
        """The latest status."""
        self._game = game
        self._finished_before = len(status.finished_scores) if status else 0
        self._max_ns = round(max_seconds * NS)
        self._episode = status.episode if status else 0
        self._started_ns: int | None = None

    @property
    def scores(self) -> list[float]:
        """Final scores of the episodes that ended during play, in order."""
        return list(self.status.finished_scores[self._finished_before :]) if self.status else []

    def update(self, status: GameStatus | None, now_ns: int) -> bool:
        """Take the latest status; returns whether the episode has exceeded the time limit."""
        self.status = status
        if status is None:
            return False
        if self._started_ns is None or status.episode != self._episode:
            self._started_ns, self._episode = now_ns, status.episode
        return now_ns - self._started_ns >= self._max_ns and isinstance(self._game, Restartable)

    def truncate(self) -> None:
        """Count an episode that was ended by the time limit."""
        self.truncated += 1
        self._started_ns = None
