"""Who drives: the model until a person touches one of the game's keys, the person until the keys rest."""

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges
from agp_tui.play.key_gate import GateState, KeyGate
from agp_tui.recording.disk_space import DiskSpace
from agp_tui.recording.meta import RecordingMeta
from agp_tui.recording.store import RecordingWriter


@dataclass(frozen=True)
class ControlChange:
    """From `time_ns` (monotonic clock) on it is `who` that drives."""

    time_ns: int
    who: Who


class Intervention:
    """Hears a person's keys on one thread and lends them the seat at once; another thread reads who drives.

    The model's keys are released before anything else happens, so the game never has both.
    """

    def __init__(
        self, seat: KeyGate, keys: tuple[str, ...], idle_seconds: float, back_key: str | None
    ) -> None:
        """`keys` are the game's; `back_key` gives control back at once, as `idle_seconds` without keys do."""
        self._seat = seat
        self._keys = frozenset(keys)
        self._idle_ns = round(idle_seconds * 1e9)
        self._back_key = back_key
        self._lock = threading.Lock()
        self._driver: Who = "agent"
        self._held: Keys = NO_KEYS
        self._touched_ns = 0
        self._edges: list[KeyEdge] = []
        self._turns: list[ControlChange] = []

    @property
    def driver(self) -> Who:
        """Who drives now: `human` or `agent`."""
        return self._driver

    @property
    def held(self) -> Keys:
        """The game's keys that the person holds."""
        return self._held

    def hear(self, edges: list[KeyEdge], now_ns: int) -> None:
        """What a keyboard's listener heard since the last call, an empty list included."""
        for edge in edges:
            if edge.key == self._back_key and edge.down:
                self._give_back(edge.time_ns)
            elif edge.key in self._keys and self._is_a_persons(edge):
                self._touch(edge)
        if self._driver == "human":
            # Whoever paused and went on, or stopped, meant the model.
            over = self._seat.state is not GateState.LENT
            rested = not self._held and now_ns - self._touched_ns >= self._idle_ns
            if over or rested:
                self._give_back(now_ns)

    def take(self) -> tuple[list[KeyEdge], list[ControlChange]]:
        """The person's edges and the changes of the driver since the last call, in order."""
        with self._lock:
            found = self._edges, self._turns
            self._edges, self._turns = [], []
        return found

    def _is_a_persons(self, edge: KeyEdge) -> bool:
        return edge.who == "human" or not self._seat.ledger.is_ours(edge)

    def _touch(self, edge: KeyEdge) -> None:
        if edge.down and self._driver == "agent" and self._seat.state is GateState.PLAYING:
            self._seat.lend(frozenset({edge.key}))
            self._turn(edge.time_ns, "human")
        person = KeyEdge(edge.time_ns, edge.key, edge.down, "human")
        with self._lock:
            self._held = apply_edges(self._held, [person])
            self._edges.append(person)
        self._touched_ns = edge.time_ns
        self._seat.follow(self._held)

    def _give_back(self, time_ns: int) -> None:
        if self._driver == "human":
            self._turn(time_ns, "agent")
            self._seat.take_back()

    def _turn(self, time_ns: int, who: Who) -> None:
        with self._lock:
            self._driver = who
            self._turns.append(ControlChange(time_ns, who))


MAX_BUFFER_BYTES = 256 << 20
"""The frames kept before a takeover take no more memory than this, whatever their size."""
MAX_QUEUED_FRAMES = 600
"""Frames that may wait for the disk; then the play waits with them."""


@dataclass(frozen=True)
class BufferedFrame:
    """A frame, and the edges and turns between the one before it and this one."""

    frame: Frame
    edges: tuple[KeyEdge, ...]
    turns: tuple[ControlChange, ...]


class InterventionRecorder:
    """Takes every frame of the play; keeps those of takeovers. Ends with `close`.

    A disk that is full, or fails, ends the recording that is being written: the play goes on.
    """

    def __init__(
        self,
        root: Path,
        describe: Callable[[int], RecordingMeta],
        job: Job,
        *,
        before_seconds: float,
        min_free_mb: int,
    ) -> None:
        """`describe` tells what a recording that begins at a moment (monotonic, ns) says of itself."""
        self._root, self._describe, self._job = root, describe, job
        self._before_ns = round(before_seconds * 1e9)
        self._space = DiskSpace(root, min_free_mb)
        self._past: deque[BufferedFrame] = deque()
        self._held_at_first: Keys = NO_KEYS
        """The model's keys before the first edge that is kept."""
        self._disk: _RecordingThread | None = None
        self._written: list[_RecordingThread] = []

    @property
    def kept(self) -> list[Path]:
        """The recordings of all takeovers that are over."""
        return [one.path for one in self._written if one.path is not None]

    def see(self, frame: Frame, edges: list[KeyEdge], turns: list[ControlChange]) -> None:
        """A frame of the play, with the edges (of both) and changes of the driver since the last one."""
        moment = BufferedFrame(frame, tuple(edges), tuple(turns))
        begins = any(turn.who == "human" for turn in turns)
        if self._disk is None:
            self._remember(moment)
            if begins:
                self._begin()
        else:
            self._disk.put(moment)
        if self._disk is not None and turns and turns[-1].who == "agent":
            self.end()

    def end(self) -> None:
        """The takeover that is being written is over."""
        if self._disk is not None:
            self._disk.put(None)
            self._written.append(self._disk)
            self._disk = None

    def close(self) -> None:
        """Come back when everything is on the disk."""
        self.end()
        for one in self._written:
            one.join()

    def _remember(self, moment: BufferedFrame) -> None:
        past = self._past
        past.append(moment)
        most = max(1, MAX_BUFFER_BYTES // moment.frame.pixels.nbytes)
        oldest_ns = moment.frame.before_ns - self._before_ns
        while len(past) > 1 and (len(past) > most or past[0].frame.before_ns < oldest_ns):
            gone = past.popleft()
            self._held_at_first = apply_edges(self._held_at_first, _agent_edges(gone.edges))

    def _begin(self) -> None:
        past, held = list(self._past), self._held_at_first
        for moment in past:
            held = apply_edges(held, _agent_edges(moment.edges))
        self._past.clear()
        # Of the first frame's own edges only their outcome counts: they came before it.
        begun, self._held_at_first = self._held_at_first, held
        if self._space.low():
            self._job.note("The disk runs low, so this takeover is not recorded.", level="warning")
            return
        meta = self._describe(past[0].frame.before_ns)
        self._disk = _RecordingThread(self._root, meta, begun, self._job)
        for moment in past:
            self._disk.put(moment)


class _RecordingThread(threading.Thread):
    """One recording being written."""

    def __init__(self, root: Path, meta: RecordingMeta, held: Keys, job: Job) -> None:
        super().__init__(daemon=True, name="correction")
        self.path: Path | None = None
        """Where it is, once it is whole."""
        self._root, self._meta, self._held, self._job = root, meta, held, job
        self._waiting: queue.Queue[BufferedFrame | None] = queue.Queue(MAX_QUEUED_FRAMES)
        self._over = threading.Event()
        self.start()

    def put(self, moment: BufferedFrame | None) -> None:
        """Write this next; None ends it. Waits where the disk is far behind."""
        while not self._over.is_set():
            try:
                self._waiting.put(moment, timeout=0.1)
                return
            except queue.Full:
                continue

    def run(self) -> None:
        try:
            self._write()
        except (OSError, RecordingError) as error:
            self._job.note(f"The takeover is recorded in part only: {error}", level="warning")
        finally:
            self._over.set()

    def _write(self) -> None:
        writer = RecordingWriter.create(self._root, self._meta, self._held)
        held = self._held
        try:
            writer.driver("agent", 0)
            while (moment := self._waiting.get()) is not None:
                for turn in moment.turns:
                    writer.driver(turn.who, turn.time_ns)
                for edge in moment.edges:
                    writer.edge(edge)
                writer.frame(moment.frame)
                held = apply_edges(held, _agent_edges(moment.edges))
        finally:
            writer.close(held)
        self.path = writer.path
        seconds = writer.frames / writer.meta.fps
        self._job.note(f"Recorded what you showed it: {writer.path} ({seconds:.1f} s).")


def _agent_edges(edges: tuple[KeyEdge, ...]) -> list[KeyEdge]:
    return [edge for edge in edges if edge.who == "agent"]
