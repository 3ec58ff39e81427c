"""The players of a recording: a person on the screen, a person at a terminal, or a policy."""

from agp_tui.engine.clock import Clock
from agp_tui.errors import SettingError
from agp_tui.games.base import Driver, EmulatedGame, Frame, Game
from agp_tui.keys.listening import KeyListener, SilentListener
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges, edges_between
from agp_tui.recording.nudges import Nudges, ScreenNudger


class PlayerInput:
    """Base class of the players: the frames of a game, each with the key edges since the one before.

    `source` and `labels` are as in `RecordingMeta`.
    """

    source: Who
    labels: Who

    def __init__(self, game: Game, clock: Clock, listener: KeyListener, annotator: Driver | None) -> None:
        """`listener` reports the start and stop keys; `annotator` labels frames but presses no key."""
        self.game = game
        self.clock = clock
        self.advised: Keys | None = None
        """The annotator's keys at the newest frame; None without an annotator."""
        self.nudged: Keys = NO_KEYS
        """The keys that a nudge holds at the newest frame."""
        self._listener = listener
        self._annotator = Annotator(annotator, game.keys, clock) if annotator else None
        self._keys = frozenset(game.keys)
        self._edges: list[KeyEdge] = []

    @property
    def held(self) -> Keys:
        """The game's keys held by the player."""
        raise NotImplementedError

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """The next frame, and the edges since the last one."""
        raise NotImplementedError

    def last_edges(self) -> list[KeyEdge]:
        """The edges since the last frame, at the end of a recording."""
        return []

    def release_all(self) -> None:
        """Release the keys that this process holds in the game."""
        self.game.hold(NO_KEYS)

    def poll(self) -> list[KeyEdge]:
        """Read the listener: the edges since the last call."""
        self._edges = self._listener.edges()
        return self._edges

    def pressed(self, key: str) -> bool:
        """Whether `key` went down in the last `poll`."""
        return any(edge.down and edge.key == key for edge in self._edges)

    def _grab(self) -> Frame:
        with self.clock.stage("grab"):
            return self.game.grab()

    def _nudge(self, nudges: Nudges | None, now_ns: int) -> list[KeyEdge]:
        """Begin or end a nudge that replaces the keys of the player; returns its edges."""
        if nudges is None:
            return []
        before, self.nudged = self.nudged, nudges.update(now_ns, self.held)
        return edges_between(before, self.nudged, now_ns, "nudge")

    def _annotate(self, frame: Frame) -> list[KeyEdge]:
        if self._annotator is None:
            return []
        self.advised = self._annotator.held
        return self._annotator.edges(frame)


class HumanInput(PlayerInput):
    """A person at a keyboard. The keys that an optional `shadow` driver would hold are recorded too."""

    source: Who = "human"
    labels: Who = "human"

    def __init__(
        self, game: Game, clock: Clock, listener: KeyListener, *, shadow: Driver | None = None
    ) -> None:
        super().__init__(game, clock, listener, shadow)
        self._held = listener.held() & self._keys

    @property
    def held(self) -> Keys:
        return self._held

    def poll(self) -> list[KeyEdge]:
        edges = super().poll()
        own = [edge for edge in edges if edge.who == "human"]
        self._held = apply_edges(self._held, own) & self._keys
        return edges

    def last_edges(self) -> list[KeyEdge]:
        return self._timed_poll()

    def _timed_poll(self) -> list[KeyEdge]:
        with self.clock.stage("keys"):
            return self.poll()


class HumanOnScreen(HumanInput):
    """A person whose keys the game receives itself, beside those of an optional `nudger`."""

    def __init__(
        self,
        game: Game,
        clock: Clock,
        listener: KeyListener,
        *,
        shadow: Driver | None = None,
        nudger: ScreenNudger | None = None,
    ) -> None:
        super().__init__(game, clock, listener, shadow=shadow)
        self._nudger = nudger

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """Polls after the grab, to include a key pressed just before it."""
        if self._nudger is not None:
            self._nudger.check()
            self._nudger.start()
            self.nudged = self._nudger.held
        frame = self._grab()
        return frame, self._timed_poll() + self._annotate(frame)

    def last_edges(self) -> list[KeyEdge]:
        self.release_all()
        return super().last_edges()

    def release_all(self) -> None:
        """Releases a nudge; the person holds the other keys."""
        if self._nudger is not None:
            self._nudger.close()


class HumanViaTerminal(HumanInput):
    """A person whose keys reach the emulator through this process, each at the time it was pressed.

    During a nudge, the emulator receives its key instead.
    """

    def __init__(
        self,
        game: EmulatedGame,
        clock: Clock,
        listener: KeyListener,
        *,
        shadow: Driver | None = None,
        nudges: Nudges | None = None,
    ) -> None:
        super().__init__(game, clock, listener, shadow=shadow)
        self._emulator = game
        self._nudges = nudges

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """Polls before the grab: the frame shows every key pressed by then."""
        held = self.held
        edges = self._timed_poll()
        for edge in edges:
            held = apply_edges(held, [edge]) & self._keys
            if not self.nudged:
                self._emulator.hold_at(held, edge.time_ns)
        now_ns = self.clock.now_ns()
        if nudge_edges := self._nudge(self._nudges, now_ns):
            self._emulator.hold_at(self.nudged or held, now_ns)
        frame = self._grab()
        return frame, edges + nudge_edges + self._annotate(frame)


class PolicyInput(PlayerInput):
    """A driver (expert, model or agent), whose keys are held in the game.

    The keys of an optional `teacher`, which presses nothing, become the labels (DAgger). During a nudge, the
    game receives its key instead of the driver's.
    """

    def __init__(
        self,
        game: Game,
        clock: Clock,
        driver: Driver,
        *,
        teacher: Driver | None = None,
        listener: KeyListener | None = None,
        nudges: Nudges | None = None,
    ) -> None:
        """Raises `SettingError` if `teacher` and `driver` are the same kind of player."""
        super().__init__(game, clock, listener or SilentListener(), teacher)
        if teacher is not None and teacher.who == driver.who:
            raise SettingError(f"The teacher and the player must differ; both are {driver.who!r}.")
        self.source = driver.who
        self.labels = teacher.who if teacher else driver.who
        self._driver = driver
        self._nudges = nudges
        self._held: Keys = NO_KEYS

    @property
    def held(self) -> Keys:
        return self._held

    def frame(self) -> tuple[Frame, list[KeyEdge]]:
        """Decides at the frame and holds the keys in the game from then on."""
        frame = self._grab()
        with self.clock.stage("keys"):
            self.poll()
        with self.clock.stage("decide"):
            before, self._held = self._held, self._driver.decide(frame) & self._keys
            now_ns = _decision_time(frame, self.clock)
            nudge_edges = self._nudge(self._nudges, now_ns)
            self.game.hold(self.nudged or self._held)
        edges = edges_between(before, self._held, now_ns, self.source)
        return frame, edges + nudge_edges + self._annotate(frame)


class Annotator:
    """Labels frames with the keys that a driver would hold, without pressing them.

    On a simulated clock an edge has the time of the frame it was decided at, so it counts from the next
    frame on, as in real time.
    """

    def __init__(self, driver: Driver, keys: tuple[str, ...], clock: Clock) -> None:
        self._driver, self._keys, self._clock = driver, frozenset(keys), clock
        self.held: Keys = NO_KEYS

    def edges(self, frame: Frame) -> list[KeyEdge]:
        """The changes of its keys at this frame."""
        with self._clock.stage("teacher"):
            wanted = self._driver.decide(frame) & self._keys
        edges = edges_between(self.held, wanted, _decision_time(frame, self._clock), self._driver.who)
        self.held = wanted
        return edges


def _decision_time(frame: Frame, clock: Clock) -> int:
    """The current time, but not before the frame."""
    return max(clock.now_ns(), frame.before_ns)
