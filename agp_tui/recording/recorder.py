"""The job that records: frames at a steady rate with the keys of whoever plays.

Frames are encoded between two grabs, in this thread. Measured at 256x256 and 60 fps a frame takes
about 4 of its 16.7 ms, and each frame is then on disk before the next one is grabbed; a second thread
would win nothing at this size and put one more frame at risk.
"""

import contextlib
import math
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agp_tui.config import PreviewSettings, RecordSettings
from agp_tui.engine.clock import Clock, Pace
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed, RecordingError, SettingError
from agp_tui.files import size_of
from agp_tui.games.base import Driver, Frame, Game, GameStatus
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.keys.listening import KeyListener, SilentListener
from agp_tui.keys.state import Keys
from agp_tui.protocol.events import Finished, Progress
from agp_tui.recording.agreement import Agreement
from agp_tui.recording.disk_space import DiskSpace
from agp_tui.recording.inputs import (
    Annotator,
    Deciding,
    Forwarded,
    KeyMonitor,
    Person,
    Player,
    Source,
    Watched,
)
from agp_tui.recording.quality_stats import RecordingStats, recording_stats
from agp_tui.recording.store import Recording, RecordingMeta, RecordingWriter

LISTEN_EVERY_SECONDS = 0.005


def wait_for_start(heard: KeyMonitor, settings: RecordSettings, job: Job) -> bool:
    """Wait as the settings ask; False where a stop, or the stop key, came first."""
    if settings.wait_for_enter and not _key_pressed(heard, settings, job):
        return False
    return not settings.countdown or _counted_down(heard, settings, job)


def _key_pressed(heard: KeyMonitor, settings: RecordSettings, job: Job) -> bool:
    job.note(f"Press {settings.start_key} on the game's keyboard to begin, {settings.stop_key} to end.")
    while not job.wait_for_stop(LISTEN_EVERY_SECONDS):
        heard.poll()
        if heard.pressed(settings.start_key):
            return True
        if heard.pressed(settings.stop_key):
            return False
    return False


def _counted_down(heard: KeyMonitor, settings: RecordSettings, job: Job) -> bool:
    """Tell each second that is left, in the machine's own time."""
    whole = settings.countdown
    job.stage("countdown", 1, 2)
    job.note(f"The recording begins in {whole:g} s.")
    end = time.monotonic() + whole
    told = math.inf
    while (left := end - time.monotonic()) > 0:
        if math.ceil(left) < told:
            told = math.ceil(left)
            seconds = min(float(told), whole)
            job.emit(Progress(done=whole - seconds, total=whole, unit="seconds", seconds_left=seconds))
        if job.wait_for_stop(min(left, LISTEN_EVERY_SECONDS)):
            return False
        heard.poll()
        if heard.pressed(settings.stop_key):
            return False
    job.emit(Progress(done=whole, total=whole, unit="seconds", seconds_left=0.0))
    job.stage("recording", 2, 2)
    return not job.stopping


GAP_SECONDS = 1.0
"""Without a frame for longer than this, whoever records is told."""


class RecordingReporter:
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

    def tell(self, frame: Frame, held: Keys, status: GameStatus | None, advised: Keys | None = None) -> None:
        """Count the keys held at a frame that was written, and those advised; tell of it where it is time."""
        if self._first_ns is None:
            self._first_ns = self._last_ns = frame.before_ns
        self._tell_of_a_gap(frame)
        self._held.update(held)
        if advised is not None:
            self._agreement.count(held, advised)
        if not self._preview.due():
            return
        meta = self._writer.meta
        self._job.emit(
            live_event(
                self._preview.thumbnail(frame.pixels),
                seconds=round((frame.before_ns - self._first_ns) / 1e9, 2),
                pace=self._clock.pace(),
                fps_asked=self._clock.fps,
                frames=self._writer.frames,
                status=status,
                keys=meta.keys,
                held=held,
                shares={key: round(self._held[key] / self._writer.frames, 3) for key in meta.keys},
                advised=None if advised is None else [key for key in meta.keys if key in advised],
                agreement=self._agreement.shares(),
                bytes=self._writer.bytes,
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


@dataclass(frozen=True)
class Origin:
    """Where the frames come from, for `meta.json`."""

    backend: str
    region: tuple[int, int, int, int] | None = None
    display: str | None = None


@dataclass(frozen=True)
class RecordingResult:
    """What came of it. `path` is None where there was no frame: then nothing is kept."""

    path: Path | None
    frames: int
    seconds: float
    pace: Pace
    bytes: int
    scores: tuple[float, ...]
    """Final scores of the games that ended meanwhile."""
    because: str
    """Why it ended, in words: 10 seconds are over, the esc key, the disk runs low ..."""

    def event(self) -> Finished:
        """The last event of `agp record`. Its `report`: `because` and `RecordingStats.report`."""
        found = self.stats()
        return Finished(
            job="record",
            recording=str(self.path) if self.path else None,
            frames=self.frames,
            seconds=round(self.seconds, 3),
            fps=self.pace.fps,
            missed=self.pace.missed,
            jitter_ms=self.pace.jitter_ms,
            stages_ms=self.pace.stages_ms,
            bytes=self.bytes,
            scores=list(self.scores) or None,
            report={"because": self.because, **(found.report() if found else {})},
        )

    def stats(self) -> RecordingStats | None:
        """What the recording is like to learn from; None where nothing was kept or can be read."""
        if self.path is None:
            return None
        try:
            return recording_stats(Recording.open(self.path))
        except RecordingError:
            # A disk that fails is told by whoever reads it next; this result stands.
            return None


def record(
    game: Game,
    source: Source,
    settings: RecordSettings,
    job: Job,
    *,
    origin: Origin,
    clock: Clock,
    root: Path,
    teacher: Driver | None = None,
    shadow: Driver | None = None,
    keyboard: KeyListener | None = None,
    seconds: float | None = None,
    episodes: int | None = None,
    preview: PreviewSettings | None = None,
) -> RecordingResult:
    """Record until `seconds` or `episodes` (else those of `settings`), the stop key, or a stop.

    `source` is a person, or a driver that decides at each frame and whose keys are held in the game;
    `teacher` says at each frame what it would press instead, and its keys become the labels to
    learn from; so does a `shadow` beside a person, but the person's keys stay the labels. `keyboard` is
    where start and stop keys are heard while a driver plays.
    Whatever ends it, the recording is finished properly first.

    Raises `RecordingError` with too little room on the disk, `SettingError` for a teacher that is
    the player, `JobFailed` where frames cannot be written, and what the game and the keyboard raise.
    """
    if isinstance(source, Person):
        if teacher is not None:
            raise SettingError("Expected no teacher while a person plays, found one.", "Let a model play.")
        heard, who = KeyMonitor(source.keyboard), None
    else:
        heard, who = KeyMonitor(keyboard or SilentListener()), source.who
        if shadow is not None:
            raise SettingError("Expected a person beside a shadow, found a driver.", "Play yourself.")
    if teacher is not None and teacher.who == who:
        raise SettingError(f"Expected a teacher other than who plays, found {teacher.who} as both.")
    space = DiskSpace(root, settings.min_free_mb)
    space.require()
    heard.poll()
    if not wait_for_start(heard, settings, job):
        return RecordingResult(None, 0, 0.0, clock.pace(), 0, (), "stopped before it began")

    def beside(driver: Driver | None) -> Annotator | None:
        return None if driver is None else Annotator(driver, game.keys, clock)

    player: Player
    if not isinstance(source, Person):
        player = Deciding(game, source, beside(teacher), heard, clock)
    elif source.console is not None:
        player = Forwarded(source.console, heard, beside(shadow), clock)
    else:
        player = Watched(game, heard, beside(shadow), clock)
    meta = RecordingMeta(
        game=game.name,
        fps=round(clock.fps),
        frame_size=game.frame_shape,
        keys=game.keys,
        backend=origin.backend,
        source=who or "human",
        labels=teacher.who if teacher else who or "human",
        region=origin.region,
        display=origin.display,
        started_ns=clock.now_ns(),
    )
    limits = _Limits(
        seconds if seconds is not None else settings.seconds,
        episodes if episodes is not None else settings.episodes,
        settings.stop_key,
    )
    writer = RecordingWriter.create(root, meta, player.held)
    teller = RecordingReporter(job, clock, writer, Preview(preview))
    return _Recording(game, player, heard, clock, writer, teller).run(limits, space, job)


@dataclass(frozen=True)
class _Limits:
    seconds: float | None
    episodes: int | None
    stop_key: str

    def reached(self, heard: KeyMonitor, first: GameStatus | None, status: GameStatus | None) -> str:
        """Why this is the end, in words; empty where it is not."""
        if heard.pressed(self.stop_key):
            return f"the {self.stop_key} key"
        if self.episodes and first and status and status.episode - first.episode >= self.episodes:
            return f"{self.episodes} games are over"
        return ""


@dataclass
class _Recording:
    game: Game
    player: Player
    heard: KeyMonitor
    clock: Clock
    writer: RecordingWriter
    teller: RecordingReporter

    def run(self, limits: _Limits, space: DiskSpace, job: Job) -> RecordingResult:
        """Frame after frame to the end, then what came of it."""
        first = before = self.game.status()
        because = f"{limits.seconds:g} seconds are over" if limits.seconds else "stopped"
        began_ns = self.clock.now_ns()
        try:
            with self._finished_whatever_comes():
                if before is not None:
                    self.writer.score(before, began_ns)
                for _ in self.clock.slots(limits.seconds):
                    if job.stopping:
                        because = "stopped"
                        break
                    status = self._slot(before)
                    if ended := limits.reached(self.heard, first, status):
                        because = ended
                        break
                    if space.low():
                        because = "the disk runs low"
                        job.note(f"The disk runs low, so {self.writer.path} ends here.", "warning")
                        break
                    before = status
        except AgpError:
            if self.writer.frames:
                kept = f"What was recorded is kept: {self.writer.frames} frames in {self.writer.path}."
                job.note(kept, "warning")
            raise
        except OSError as error:
            frames = self._kept()
            kept = f"Frames before it that are kept: {frames}. " if frames else "Nothing was kept. "
            raise JobFailed(
                f"Expected to write to {self.writer.path}: {error.strerror or error}.",
                f"{kept}Make room, or choose another folder.",
            ) from error
        return self._result(first, because, (self.clock.now_ns() - began_ns) / 1e9)

    def _slot(self, before: GameStatus | None) -> GameStatus | None:
        frame, edges = self.player.frame()
        with self.clock.stage("encode"):
            # Edges first: whatever ends this process, no frame is there without its keys.
            for edge in edges:
                self.writer.edge(edge)
            self.writer.frame(frame)
        status = self.game.status()
        if status is not None and status != before:
            self.writer.score(status, frame.before_ns)
        self.teller.tell(frame, self.player.held, status, self.player.advised)
        return status

    def _kept(self) -> int:
        """How many frames a disk took before it failed; where it took none, nothing stays."""
        try:
            return len(Recording.open(self.writer.path))
        except RecordingError:
            shutil.rmtree(self.writer.path, ignore_errors=True)
            return 0

    @contextlib.contextmanager
    def _finished_whatever_comes(self) -> Iterator[None]:
        """Release a driver's keys and finish the files, also after an error or a second Ctrl-C."""
        try:
            yield
            # What was heard since the last grab: the state at the end is the label of the last frames.
            for edge in self.player.last():
                self.writer.edge(edge)
        finally:
            held = self.player.held
            try:
                self.player.let_go()
            finally:
                self.writer.close(held)
                if self.writer.frames == 0:
                    shutil.rmtree(self.writer.path, ignore_errors=True)

    def _result(self, first: GameStatus | None, because: str, seconds: float) -> RecordingResult:
        path = self.writer.path if self.writer.frames else None
        status = self.game.status()
        scores = status.finished_scores[len(first.finished_scores) :] if first and status else ()
        size = size_of(path) if path else 0
        return RecordingResult(path, self.writer.frames, seconds, self.clock.pace(), size, scores, because)
