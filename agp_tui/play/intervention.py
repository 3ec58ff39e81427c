"""Takeovers: a person touches a key, plays until the keys rest, and the frames become a recording."""

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

MAX_BUFFER_BYTES = 256 << 20
"""Memory for the frames before a takeover, whatever their size."""
MAX_QUEUED_FRAMES = 600
"""Frames that may wait for the disk; beyond that, play waits too."""


@dataclass(frozen=True)
class ControlChange:
    """From `time_ns` (monotonic clock) on, `who` drives."""

    time_ns: int
    who: Who


class Intervention:
    """Gives control to a person who touches one of the game's keys, and back when the keys rest.

    One thread passes in the heard edges, another one drains them. The policy's keys are released before
    anything else, so that the game never has both.
    """

    def __init__(
        self, gate: KeyGate, keys: tuple[str, ...], idle_seconds: float, hand_back_key: str | None
    ) -> None:
        """`keys` are the game's; control returns after `idle_seconds` without keys, or by `hand_back_key`."""
        self._gate = gate
        self._keys = frozenset(keys)
        self._idle_ns = round(idle_seconds * 1e9)
        self._hand_back_key = hand_back_key
        self._lock = threading.Lock()
        self._driver: Who = "agent"
        self._held: Keys = NO_KEYS
        self._last_touch_ns = 0
        self._edges: list[KeyEdge] = []
        self._changes: list[ControlChange] = []

    @property
    def driver(self) -> Who:
        """Who drives now: `human` or `agent`."""
        return self._driver

    @property
    def held(self) -> Keys:
        """The game's keys that the person holds."""
        return self._held

    def process(self, edges: list[KeyEdge], now_ns: int) -> None:
        """Handle the edges heard since the last call; call it with an empty list too, for the idle time."""
        for edge in edges:
            if edge.key == self._hand_back_key and edge.down:
                self._hand_back(edge.time_ns)
            elif edge.key in self._keys and self._is_human(edge):
                self._touch(edge)
        if self._driver == "human":
            # Pausing and resuming, or stopping, returns control to the policy.
            ended = self._gate.state is not GateState.HUMAN
            idle = not self._held and now_ns - self._last_touch_ns >= self._idle_ns
            if ended or idle:
                self._hand_back(now_ns)

    def drain(self) -> tuple[list[KeyEdge], list[ControlChange]]:
        """The person's edges and the control changes since the last call, in order."""
        with self._lock:
            drained = self._edges, self._changes
            self._edges, self._changes = [], []
        return drained

    def _is_human(self, edge: KeyEdge) -> bool:
        return edge.who == "human" or not self._gate.injected.consume(edge)

    def _touch(self, edge: KeyEdge) -> None:
        if edge.down and self._driver == "agent" and self._gate.state is GateState.OPEN:
            self._gate.take_over(frozenset({edge.key}))
            self._change(edge.time_ns, "human")
        human_edge = KeyEdge(edge.time_ns, edge.key, edge.down, "human")
        with self._lock:
            self._held = apply_edges(self._held, [human_edge])
            self._edges.append(human_edge)
        self._last_touch_ns = edge.time_ns
        self._gate.follow_human(self._held)

    def _hand_back(self, time_ns: int) -> None:
        if self._driver == "human":
            self._change(time_ns, "agent")
            self._gate.hand_back()

    def _change(self, time_ns: int, who: Who) -> None:
        with self._lock:
            self._driver = who
            self._changes.append(ControlChange(time_ns, who))


@dataclass(frozen=True)
class BufferedFrame:
    """A frame, with the edges and control changes since the previous one."""

    frame: Frame
    edges: tuple[KeyEdge, ...]
    changes: tuple[ControlChange, ...]


class InterventionRecorder:
    """Receives every frame of the play and records the takeovers. Ends with `close`.

    A disk that is full or fails ends the recording being written, never the play.
    """

    def __init__(
        self,
        root: Path,
        make_meta: Callable[[int], RecordingMeta],
        job: Job,
        *,
        before_seconds: float,
        min_free_mb: int,
    ) -> None:
        """`make_meta` makes the metadata of a recording from its start (monotonic clock, ns).

        Each recording begins `before_seconds` before its takeover.
        """
        self._root, self._make_meta, self._job = root, make_meta, job
        self._before_ns = round(before_seconds * 1e9)
        self._disk_space = DiskSpace(root, min_free_mb)
        self._buffer: deque[BufferedFrame] = deque()
        self._held_at_start: Keys = NO_KEYS
        """The policy's keys before the first buffered edge."""
        self._current: _RecordingThread | None = None
        self._finished: list[_RecordingThread] = []

    @property
    def recordings(self) -> list[Path]:
        """The recordings of all takeovers that have ended."""
        return [thread.path for thread in self._finished if thread.path is not None]

    def add_frame(self, frame: Frame, edges: list[KeyEdge], changes: list[ControlChange]) -> None:
        """Add a frame with the edges (of both drivers) and control changes since the previous one."""
        item = BufferedFrame(frame, tuple(edges), tuple(changes))
        if self._current is None:
            self._add_to_buffer(item)
            if any(change.who == "human" for change in changes):
                self._begin_recording()
        else:
            self._current.put(item)
        if self._current is not None and changes and changes[-1].who == "agent":
            self.end_recording()

    def end_recording(self) -> None:
        """End the recording being written, if any."""
        if self._current is not None:
            self._current.put(None)
            self._finished.append(self._current)
            self._current = None

    def close(self) -> None:
        """End recording; returns when everything is on disk."""
        self.end_recording()
        for thread in self._finished:
            thread.join()

    def _add_to_buffer(self, item: BufferedFrame) -> None:
        buffer = self._buffer
        buffer.append(item)
        max_frames = max(1, MAX_BUFFER_BYTES // item.frame.pixels.nbytes)
        oldest_ns = item.frame.before_ns - self._before_ns
        while len(buffer) > 1 and (len(buffer) > max_frames or buffer[0].frame.before_ns < oldest_ns):
            dropped = buffer.popleft()
            self._held_at_start = apply_edges(self._held_at_start, _agent_edges(dropped.edges))

    def _begin_recording(self) -> None:
        frames, held = list(self._buffer), self._held_at_start
        for item in frames:
            held = apply_edges(held, _agent_edges(item.edges))
        self._buffer.clear()
        initially_held, self._held_at_start = self._held_at_start, held
        if self._disk_space.is_low():
            self._job.note("Low disk space: this takeover is not recorded.", level="warning")
            return
        meta = self._make_meta(frames[0].frame.before_ns)
        self._current = _RecordingThread(self._root, meta, initially_held, self._job)
        for item in frames:
            self._current.put(item)


class _RecordingThread(threading.Thread):
    """Writes one recording."""

    def __init__(self, root: Path, meta: RecordingMeta, held: Keys, job: Job) -> None:
        super().__init__(daemon=True, name="intervention")
        self.path: Path | None = None
        """Set when the recording is complete."""
        self._root, self._meta, self._held, self._job = root, meta, held, job
        self._queue: queue.Queue[BufferedFrame | None] = queue.Queue(MAX_QUEUED_FRAMES)
        self._ended = threading.Event()
        self.start()

    def put(self, item: BufferedFrame | None) -> None:
        """Write this frame next; None ends the recording. Blocks while the queue is full."""
        while not self._ended.is_set():
            try:
                self._queue.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def run(self) -> None:
        try:
            self._write()
        except (OSError, RecordingError) as error:
            self._job.note(f"The recording of the takeover is incomplete: {error}", level="warning")
        finally:
            self._ended.set()

    def _write(self) -> None:
        writer = RecordingWriter.create(self._root, self._meta, self._held)
        held = self._held
        try:
            writer.driver("agent", 0)
            while (item := self._queue.get()) is not None:
                for change in item.changes:
                    writer.driver(change.who, change.time_ns)
                for edge in item.edges:
                    writer.edge(edge)
                writer.frame(item.frame)
                held = apply_edges(held, _agent_edges(item.edges))
        finally:
            writer.close(held)
        self.path = writer.path
        seconds = writer.frames / writer.meta.fps
        self._job.note(f"Recorded the takeover: {writer.path} ({seconds:.1f} s).")


def _agent_edges(edges: tuple[KeyEdge, ...]) -> list[KeyEdge]:
    return [edge for edge in edges if edge.who == "agent"]
