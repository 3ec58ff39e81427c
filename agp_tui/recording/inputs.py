"""Who plays while a recording runs, in one shape: at each frame, the key edges that follow from it."""

from dataclasses import dataclass
from typing import Protocol

from agp_tui.engine.clock import Clock
from agp_tui.games.base import Driver, EmulatedGame, Frame, Game
from agp_tui.keys.listening import KeyListener
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, apply_edges, edges_between


@dataclass(frozen=True)
class Person:
    """A person at the keyboard that `keyboard` hears; on a screen the game hears it as well.

    `console`: the game has no keyboard of its own, so what is heard is held in it by us.
    """

    keyboard: KeyListener
    console: EmulatedGame | None = None


Source = Person | Driver


class KeyMonitor:
    """A listener's edges, read once for all who want them: the player, the stop key."""

    def __init__(self, listener: KeyListener) -> None:
        self._listener = listener
        self.edges: list[KeyEdge] = []
        """What the last `poll` heard."""

    def poll(self) -> list[KeyEdge]:
        """The edges since the last call."""
        self.edges = self._listener.edges()
        return self.edges

    def held(self) -> Keys:
        """The keys down as far as the polls told."""
        return self._listener.held()

    def pressed(self, key: str) -> bool:
        """Whether the last `poll` heard this key going down."""
        return any(edge.down and edge.key == key for edge in self.edges)


class Player(Protocol):
    """Somebody who plays a game: a picture of it, the edges that belong before it, and what is held."""

    @property
    def held(self) -> Keys: ...

    @property
    def advised(self) -> Keys | None:
        """What somebody beside the player would have held since the last frame; None where nobody is."""
        ...

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """The next picture, and the edges that were heard or decided since the last one."""
        ...

    def last(self) -> list[KeyEdge]:
        """What was heard since the last picture: the play is over."""
        ...

    def let_go(self) -> None:
        """Nothing is held in the game any more, where it was held by us."""
        ...


class Annotator:
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
        edges = edges_between(self.held, wanted, decision_time(frame, self._clock), self._driver.who)
        self.held = wanted
        return edges


def decision_time(frame: Frame, clock: Clock) -> int:
    """Now, but not before the frame that something was decided at, whatever the clock is."""
    return max(clock.now_ns(), frame.before_ns)


class Watched:
    """A person whose keys the game hears itself: we only listen. A `shadow` says what it would do."""

    def __init__(self, game: Game, keyboard: KeyMonitor, shadow: Annotator | None, clock: Clock) -> None:
        self._game = game
        self._keyboard = keyboard
        self._keys = frozenset(game.keys)
        self._shadow = shadow
        self._clock = clock
        self.advised: Keys | None = None

    @property
    def held(self) -> Keys:
        return self._keyboard.held() & self._keys

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """Listen after the grab: what was pressed just before it is heard by then."""
        frame = grab_timed(self._game, self._clock)
        return frame, self._listen() + self._beside(frame)

    def last(self) -> list[KeyEdge]:
        return self._listen()

    def let_go(self) -> None:
        """It is the person who holds them."""

    def _listen(self) -> list[KeyEdge]:
        with self._clock.stage("keys"):
            return self._keyboard.poll()

    def _beside(self, frame: Frame) -> list[KeyEdge]:
        if self._shadow is None:
            return []
        self.advised = self._shadow.held
        return self._shadow.edges(frame)


class Forwarded(Watched):
    """A person whose keys reach the game through us, each as of the moment at which it was pressed."""

    def __init__(
        self, game: EmulatedGame, keyboard: KeyMonitor, shadow: Annotator | None, clock: Clock
    ) -> None:
        super().__init__(game, keyboard, shadow, clock)
        self._console = game

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """Listen before the grab: the picture shows what was pressed by then."""
        held = self.held
        edges = self._listen()
        for edge in edges:
            held = apply_edges(held, [edge]) & self._keys
            self._console.hold_at(held, edge.time_ns)
        frame = grab_timed(self._game, self._clock)
        return frame, edges + self._beside(frame)

    def let_go(self) -> None:
        self._game.hold(NO_KEYS)


class Deciding:
    """A driver: what it decides at a frame is held in the game from then on.

    With a `teacher` the driver's keys are held, and what the teacher would press at the same frame
    is told as edges of the teacher's. `keyboard` is where start and stop keys are heard.
    """

    def __init__(
        self, game: Game, driver: Driver, teacher: Annotator | None, keyboard: KeyMonitor, clock: Clock
    ) -> None:
        self._game = game
        self._clock = clock
        self._driver = driver
        self._teacher = teacher
        self._keyboard = keyboard
        self.held: Keys = NO_KEYS
        self.advised: Keys | None = None

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        frame = grab_timed(self._game, self._clock)
        with self._clock.stage("keys"):
            self._keyboard.poll()
        with self._clock.stage("decide"):
            wanted = self._driver.decide(frame) & frozenset(self._game.keys)
            self._game.hold(wanted)
        edges = edges_between(self.held, wanted, decision_time(frame, self._clock), self._driver.who)
        self.held = wanted
        if self._teacher is not None:
            self.advised = self._teacher.held
            edges += self._teacher.edges(frame)
        return frame, edges

    def last(self) -> list[KeyEdge]:
        return []

    def let_go(self) -> None:
        self._game.hold(NO_KEYS)


def grab_timed(game: Game, clock: Clock) -> Frame:
    """The game's picture now; the time that it takes is noted."""
    with clock.stage("grab"):
        return game.grab()
