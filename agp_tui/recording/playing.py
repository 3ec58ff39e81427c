"""Who plays while a recording runs, in one shape: at each frame, the key edges that follow from it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from agp_tui.engine.clock import Clock
from agp_tui.games.base import Driver, Frame, Game
from agp_tui.keys.listening import KeyListener
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, edges_between


@dataclass(frozen=True)
class Person:
    """A person at the keyboard that `keyboard` hears.

    `forward`: the game has no keyboard of its own (an Atari console), so the keys heard are held in
    it by us. On a screen the game hears them itself.
    """

    keyboard: KeyListener
    forward: bool = False


Source = Person | Driver


class Keyboard:
    """A listener's edges, read once for all who want them: the player, the stop key."""

    def __init__(self, listener: KeyListener | None) -> None:
        self._listener = listener
        self.edges: list[KeyEdge] = []
        """What the last `poll` heard."""

    def poll(self) -> list[KeyEdge]:
        """The edges since the last call."""
        self.edges = self._listener.edges() if self._listener else []
        return self.edges

    def held(self) -> Keys:
        """The keys down as far as the polls told."""
        return self._listener.held() if self._listener else NO_KEYS

    def pressed(self, key: str) -> bool:
        """Whether the last `poll` heard this key going down."""
        return any(edge.down and edge.key == key for edge in self.edges)


class Player(Protocol):
    """Somebody who plays: their edges at each frame, and what they hold."""

    @property
    def held(self) -> Keys: ...

    @property
    def advised(self) -> Keys | None:
        """What somebody beside the player would have held since the last frame; None where nobody is."""
        ...

    def play(self, frame: Frame) -> Iterable[KeyEdge]:
        """The edges that were heard, or that the decision at this frame brings."""
        ...


class Adviser:
    """Somebody beside the player, who presses nothing: what they would hold, as edges of theirs.

    On a simulated clock an edge has the time of the frame that it was decided at, so it counts from the
    next frame on, as it does in real time.
    """

    def __init__(self, driver: Driver, keys: tuple[str, ...], clock: Clock) -> None:
        self._driver, self._keys, self._clock = driver, frozenset(keys), clock
        self.held: Keys = NO_KEYS

    def edges(self, frame: Frame) -> list[KeyEdge]:
        """What changes for them at this frame."""
        with self._clock.stage("teacher"):
            wanted = self._driver.decide(frame) & self._keys
        edges = edges_between(self.held, wanted, time_of(frame, self._clock), self._driver.who)
        self.held = wanted
        return edges


def time_of(frame: Frame, clock: Clock) -> int:
    """Now, but not before the frame that something was decided at, whatever the clock is."""
    return max(clock.now_ns(), frame.before_ns)


class Watched:
    """A person whose keys the game hears itself: we only listen. A `shadow` says what it would do."""

    def __init__(self, keyboard: Keyboard, keys: tuple[str, ...], shadow: Adviser | None = None) -> None:
        self._keyboard = keyboard
        self._keys = frozenset(keys)
        self._shadow = shadow
        self.advised: Keys | None = None

    @property
    def held(self) -> Keys:
        return self._keyboard.held() & self._keys

    def play(self, frame: Frame) -> Iterable[KeyEdge]:
        if self._shadow is None:
            return self._keyboard.edges
        self.advised = self._shadow.held
        return [*self._keyboard.edges, *self._shadow.edges(frame)]


class Deciding:
    """A driver: what it decides at a frame is held in the game from then on.

    With a `teacher` the driver's keys are held, and what the teacher would press at the same frame
    is told as edges of the teacher's.
    """

    def __init__(self, game: Game, driver: Driver, teacher: Adviser | None, clock: Clock) -> None:
        self._game = game
        self._clock = clock
        self._driver = driver
        self._teacher = teacher
        self.held: Keys = NO_KEYS
        self.advised: Keys | None = None

    def play(self, frame: Frame) -> Iterable[KeyEdge]:
        keys = frozenset(self._game.keys)
        with self._clock.stage("decide"):
            wanted = self._driver.decide(frame) & keys
            self._game.hold(wanted)
        edges = edges_between(self.held, wanted, time_of(frame, self._clock), self._driver.who)
        self.held = wanted
        if self._teacher is not None:
            self.advised = self._teacher.held
            edges += self._teacher.edges(frame)
        return edges


@dataclass
class ByHand:
    """A person as a driver, for a game without a keyboard: a key tapped between two frames counts for one."""

    keyboard: Keyboard
    who: Who = field(default="human", init=False)

    def decide(self, frame: Frame) -> Keys:
        """The keys held now or pressed since the last frame."""
        return self.keyboard.held() | {edge.key for edge in self.keyboard.edges if edge.down}
