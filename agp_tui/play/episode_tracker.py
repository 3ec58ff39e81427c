"""Counts whole games and their scores, and ends a game that goes on for too long."""

from typing import Protocol, runtime_checkable

from agp_tui.engine.clock import NS
from agp_tui.games.base import GameStatus


@runtime_checkable
class Restartable(Protocol):
    """A game that can be ended before it is over; the score it has then counts."""

    def restart(self) -> None: ...


class EpisodeTracker:
    """Looks at a game's status after each decision.

    `cap_seconds`: a game still running after so many seconds of play is restarted, where it can
    be, and counts as capped.
    """

    def __init__(self, game: object, before: GameStatus | None, cap_seconds: float) -> None:
        self.capped = 0
        self.latest = before
        self._game = game
        self._first = len(before.finished_scores) if before else 0
        self._cap_ns = round(cap_seconds * NS)
        self._episode = before.episode if before else 0
        self._since_ns: int | None = None

    @property
    def scores(self) -> list[float]:
        """Final scores of the games that ended during play, in their order."""
        return list(self.latest.finished_scores[self._first :]) if self.latest else []

    def look(self, status: GameStatus | None, now_ns: int) -> bool:
        """Take the latest status; True where this game has gone on for too long."""
        self.latest = status
        if status is None:
            return False
        if self._since_ns is None or status.episode != self._episode:
            self._since_ns, self._episode = now_ns, status.episode
        return now_ns - self._since_ns >= self._cap_ns and isinstance(self._game, Restartable)

    def cap(self) -> None:
        """Count a game that was ended because it went on for too long."""
        self.capped += 1
        self._since_ns = None
