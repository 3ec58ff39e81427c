"""What a person showed a model: each takeover becomes a recording, with what led to it.

The frames before a takeover are kept in memory; once it begins they go to the disk on a thread of
their own, so that the play does not wait for their encoding.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agp_tui.autoplay.takeover import Turn
from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, apply_edges
from agp_tui.recording.meta import RecordingMeta
from agp_tui.recording.space import DiskSpace
from agp_tui.recording.store import RecordingWriter

MOST_BYTES = 256 << 20
"""The frames kept before a takeover take no more memory than this, whatever their size."""
WAITING = 600
"""Frames that may wait for the disk; then the play waits with them."""


@dataclass(frozen=True)
class Moment:
    """A frame, and the edges and turns between the one before it and this one."""

    frame: Frame
    edges: tuple[KeyEdge, ...]
    turns: tuple[Turn, ...]


class Corrections:
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
        self._past: deque[Moment] = deque()
        self._held_at_first: Keys = NO_KEYS
        """The model's keys before the first edge that is kept."""
        self._disk: _Disk | None = None
        self._written: list[_Disk] = []

    @property
    def kept(self) -> list[Path]:
        """The recordings of all takeovers that are over."""
        return [one.path for one in self._written if one.path is not None]

    def see(self, frame: Frame, edges: list[KeyEdge], turns: list[Turn]) -> None:
        """A frame of the play, with the edges (of both) and changes of the driver since the last one."""
        moment = Moment(frame, tuple(edges), tuple(turns))
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

    def _remember(self, moment: Moment) -> None:
        past = self._past
        past.append(moment)
        most = max(1, MOST_BYTES // moment.frame.pixels.nbytes)
        oldest_ns = moment.frame.before_ns - self._before_ns
        while len(past) > 1 and (len(past) > most or past[0].frame.before_ns < oldest_ns):
            gone = past.popleft()
            self._held_at_first = apply_edges(self._held_at_first, _of_the_model(gone.edges))

    def _begin(self) -> None:
        past, held = list(self._past), self._held_at_first
        for moment in past:
            held = apply_edges(held, _of_the_model(moment.edges))
        self._past.clear()
        # Of the first frame's own edges only their outcome counts: they came before it.
        begun, self._held_at_first = self._held_at_first, held
        if self._space.low():
            self._job.note("The disk runs low, so this takeover is not recorded.", level="warning")
            return
        meta = self._describe(past[0].frame.before_ns)
        self._disk = _Disk(self._root, meta, begun, self._job)
        for moment in past:
            self._disk.put(moment)


class _Disk(threading.Thread):
    """One recording being written."""

    def __init__(self, root: Path, meta: RecordingMeta, held: Keys, job: Job) -> None:
        super().__init__(daemon=True, name="correction")
        self.path: Path | None = None
        """Where it is, once it is whole."""
        self._root, self._meta, self._held, self._job = root, meta, held, job
        self._waiting: queue.Queue[Moment | None] = queue.Queue(WAITING)
        self._over = threading.Event()
        self.start()

    def put(self, moment: Moment | None) -> None:
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
                held = apply_edges(held, _of_the_model(moment.edges))
        finally:
            writer.close(held)
        self.path = writer.path
        seconds = writer.frames / writer.meta.fps
        self._job.note(f"Recorded what you showed it: {writer.path} ({seconds:.1f} s).")


def _of_the_model(edges: tuple[KeyEdge, ...]) -> list[KeyEdge]:
    return [edge for edge in edges if edge.who == "agent"]
