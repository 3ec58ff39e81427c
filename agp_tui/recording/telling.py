"""What a recording tells of itself while it runs."""

from collections import Counter

from agp_tui.engine.clock import Clock
from agp_tui.engine.events import Live
from agp_tui.engine.job import Job
from agp_tui.games.base import Frame, Status
from agp_tui.games.preview import Preview
from agp_tui.keys.state import Keys
from agp_tui.recording.agreement import Agreement
from agp_tui.recording.store import RecordingWriter

GAP_SECONDS = 1.0
"""Without a frame for longer than this, whoever records is told."""


class Teller:
    """Makes `Live` events of a recording at the rate at which a person can look, and tells of gaps."""

    def __init__(self, job: Job, clock: Clock, writer: RecordingWriter, preview: Preview) -> None:
        self._job = job
        self._clock = clock
        self._writer = writer
        self._preview = preview
        self._first_ns: int | None = None
        self._last_ns = 0
        self._held: Counter[str] = Counter()
        self._agreement = Agreement()

    def tell(self, frame: Frame, held: Keys, status: Status | None, advised: Keys | None = None) -> None:
        """Count the keys held at a frame that was written, and those advised; tell of it where it is time."""
        if self._first_ns is None:
            self._first_ns = self._last_ns = frame.before_ns
        self._tell_of_a_gap(frame)
        self._held.update(held)
        if advised is not None:
            self._agreement.count(held, advised)
        if not self._preview.due():
            return
        pace = self._clock.pace()
        meta = self._writer.meta
        picture = self._preview.thumbnail(frame.pixels)
        self._job.emit(
            Live(
                seconds=round((frame.before_ns - self._first_ns) / 1e9, 2),
                fps=pace.fps,
                fps_asked=self._clock.fps,
                frames=self._writer.frames,
                missed=pace.missed,
                held=[key for key in meta.keys if key in held],
                shares={key: round(self._held[key] / self._writer.frames, 3) for key in meta.keys},
                advised=None if advised is None else [key for key in meta.keys if key in advised],
                agreement=self._agreement.shares(),
                jitter_ms=pace.jitter_ms,
                latency_ms=pace.stages_ms,
                bytes=self._writer.bytes,
                score=status.score if status else None,
                lives=status.lives if status else None,
                thumbnail=picture.rgb,
                thumbnail_size=picture.size,
                shown=meta.region,
            )
        )

    def _tell_of_a_gap(self, frame: Frame) -> None:
        seconds, self._last_ns = (frame.before_ns - self._last_ns) / 1e9, frame.before_ns
        if seconds > GAP_SECONDS:
            self._job.note(
                f"No frame for {seconds:.1f} s before frame {self._writer.frames}: "
                "screen, disk or machine was too slow.",
                "warning",
            )
