"""The job that records: frames at a steady rate with the keys of the player.

Frames are encoded between two grabs, in the same thread. Measured at 256x256 and 60 fps, a frame takes
about 4 of its 16.7 ms, and each frame is on disk before the next one is grabbed; a second thread would
gain nothing at this size and put one more frame at risk.
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
from agp_tui.engine.clock import Pace
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed, RecordingError
from agp_tui.files import size_of
from agp_tui.games.base import Frame, GameStatus
from agp_tui.games.key_delay import stored_key_delay
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.protocol.commands import Exclude, Undo
from agp_tui.protocol.events import Finished, Progress
from agp_tui.protocol.results import RecordResult
from agp_tui.recording.agreement import Agreement
from agp_tui.recording.disk_space import DiskSpace
from agp_tui.recording.exclusions import ExclusionEditor, TimeRange
from agp_tui.recording.inputs import PlayerInput
from agp_tui.recording.meta import game_slug
from agp_tui.recording.quality_stats import MAX_STILL_SECONDS, RecordingStats, recording_stats
from agp_tui.recording.store import Recording, RecordingMeta, RecordingWriter

POLL_SECONDS = 0.005
GAP_SECONDS = 1.0
"""A longer time without a frame is reported."""


@dataclass(frozen=True)
class RecorderResult:
    """The result of a recording. `path` is None without a frame: then nothing is saved."""

    path: Path | None
    frames: int
    seconds: float
    pace: Pace
    bytes: int
    scores: tuple[float, ...]
    """Final scores of the episodes that ended during the recording."""
    because: str
    """Why it ended, for people: 10 seconds are over, the esc key, the disk runs low ..."""

    def finished_event(self, profile: dict[str, str] | None = None) -> Finished:
        """The last event of `agp record`. Its `report`: `because`, `profile`, `RecordingStats.report`."""
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
            report=RecordResult(
                because=self.because, profile=profile or None, **(found.report() if found else {})
            ),
        )

    def stats(self) -> RecordingStats | None:
        """Data-quality statistics; None if nothing was saved or it cannot be read."""
        if self.path is None:
            return None
        try:
            return recording_stats(Recording.open(self.path))
        except RecordingError:
            return None


def record(
    player: PlayerInput,
    settings: RecordSettings,
    job: Job,
    *,
    root: Path,
    seconds: float | None = None,
    episodes: int | None = None,
    preview: PreviewSettings | None = None,
) -> RecorderResult:
    """Record until `seconds` or `episodes` (default: from `settings`), the stop key, or a stop of the job.

    The recording is a new folder under `root`. Whatever ends it, its files are finished first.

    Raises `RecordingError` if the disk is too full, `JobFailed` if frames cannot be written, and whatever
    the game and the keyboard raise.
    """
    space = DiskSpace(root, settings.min_free_mb)
    space.require()
    player.poll()
    if not wait_for_start(player, settings, job):
        return RecorderResult(None, 0, 0.0, player.clock.pace(), 0, (), "stopped before it began")
    meta = RecordingMeta.of_game(
        player.game,
        player.clock.fps,
        source=player.source,
        labels=player.labels,
        game_delay_ms=_game_delay(root, player.game.name),
        started_ns=player.clock.now_ns(),
    )
    limits = _Limits(
        seconds if seconds is not None else settings.seconds,
        episodes if episodes is not None else settings.episodes,
        settings.stop_key,
    )
    writer = RecordingWriter.create(root, meta, player.held)
    marks = MistakeMarks(job, writer, settings)
    reporter = RecordingReporter(job, player, writer, Preview(preview))
    return _RecordingLoop(player, writer, reporter, marks).run(limits, space, job)


def _game_delay(root: Path, game: str) -> float | None:
    found = stored_key_delay(root / game_slug(game))
    return found.milliseconds if found is not None else None


def wait_for_start(player: PlayerInput, settings: RecordSettings, job: Job) -> bool:
    """Wait for the start key and the countdown of the settings; False after a stop or the stop key."""
    if settings.wait_for_enter and not _wait_for_start_key(player, settings, job):
        return False
    return not settings.countdown or _count_down(player, settings, job)


def _wait_for_start_key(player: PlayerInput, settings: RecordSettings, job: Job) -> bool:
    job.note(f"Press {settings.start_key} on the game's keyboard to begin, {settings.stop_key} to end.")
    while not job.wait_for_stop(POLL_SECONDS):
        player.poll()
        if player.pressed(settings.start_key):
            return True
        if player.pressed(settings.stop_key):
            return False
    return False


def _count_down(player: PlayerInput, settings: RecordSettings, job: Job) -> bool:
    """Report each second left, in wall-clock time."""
    total = settings.countdown
    job.stage("countdown", 1, 2)
    job.note(f"The recording begins in {total:g} s.")
    end = time.monotonic() + total
    reported = math.inf
    while (left := end - time.monotonic()) > 0:
        if math.ceil(left) < reported:
            reported = math.ceil(left)
            seconds = min(float(reported), total)
            job.emit(Progress(done=total - seconds, total=total, unit="seconds", seconds_left=seconds))
        if job.wait_for_stop(min(left, POLL_SECONDS)):
            return False
        player.poll()
        if player.pressed(settings.stop_key):
            return False
    job.emit(Progress(done=total, total=total, unit="seconds", seconds_left=0.0))
    job.stage("recording", 2, 2)
    return not job.stopping


class MistakeMarks:
    """Excludes the last seconds from training when a key or a command says so."""

    def __init__(self, job: Job, writer: RecordingWriter, settings: RecordSettings) -> None:
        self._job = job
        self._editor = ExclusionEditor(writer.path)
        self._seconds = settings.exclude_seconds
        self._key = settings.exclude_key if settings.exclude_key not in writer.meta.keys else None
        self._first_ns: int | None = None

    @property
    def seconds(self) -> float:
        """Excluded so far."""
        return self._editor.seconds

    def frame_written(self, frame: Frame, player: PlayerInput) -> None:
        """Apply the key and the commands that arrived until this frame, which is the last excluded one."""
        if self._first_ns is None:
            self._first_ns = frame.before_ns
        if self._key is not None and player.pressed(self._key):
            self._exclude(frame.before_ns, self._seconds)
        for command in self._job.commands():
            match command:
                case Exclude():
                    self._exclude(frame.before_ns, command.seconds or self._seconds)
                case Undo():
                    self._undo()

    def _exclude(self, now_ns: int, seconds: float) -> None:
        start_ns = max(self._first_ns or 0, now_ns - round(seconds * 1e9))
        try:
            self._editor.exclude(TimeRange(start_ns, now_ns + 1))
        except RecordingError as error:
            self._job.note(str(error), "warning")
            return
        long = (now_ns - start_ns) / 1e9
        self._job.note(f"Training will not learn from the last {long:.1f} s; {self.seconds:.1f} s in all.")

    def _undo(self) -> None:
        try:
            undone = self._editor.undo()
        except RecordingError as error:
            self._job.note(str(error), "warning")
            return
        text = f"Taken back; {self.seconds:.1f} s are excluded." if undone else "Nothing to take back."
        self._job.note(text)


class RecordingReporter:
    """Reports a recording as `Live` events at the rate of the preview, and gaps as warnings."""

    def __init__(self, job: Job, player: PlayerInput, writer: RecordingWriter, preview: Preview) -> None:
        self._job = job
        self._clock = player.clock
        self._game = player.game
        self._writer = writer
        self._preview = preview
        self._first_ns: int | None = None
        self._last_ns = 0
        self._held: Counter[str] = Counter()
        self._agreement = Agreement()
        self._crc: int | None = None
        self._still_since_ns: int | None = None
        """Since when the picture has been the same; None after it was reported."""

    def frame_written(
        self,
        frame: Frame,
        held: Keys,
        status: GameStatus | None,
        advised: Keys | None = None,
        nudged: Keys = NO_KEYS,
        excluded: float = 0.0,
    ) -> None:
        """Count the keys `held` and `advised` at a written frame; emit an event if one is due."""
        if self._first_ns is None:
            self._first_ns = self._last_ns = frame.before_ns
        self._warn_of_gap(frame)
        self._warn_of_standstill(frame)
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
                nudge=[key for key in meta.keys if key in nudged],
                excluded=round(excluded, 2),
                bytes=self._writer.bytes,
                shown=self._game.origin.region,
            )
        )

    def _warn_of_gap(self, frame: Frame) -> None:
        seconds, self._last_ns = (frame.before_ns - self._last_ns) / 1e9, frame.before_ns
        if seconds > GAP_SECONDS:
            self._job.note(
                f"No frame for {seconds:.1f} s before frame {self._writer.frames}: "
                "screen, disk or machine was too slow.",
                "warning",
            )

    def _warn_of_standstill(self, frame: Frame) -> None:
        if self._writer.last_crc != self._crc:
            self._crc, self._still_since_ns = self._writer.last_crc, frame.before_ns
        elif self._still_since_ns is not None:
            seconds = (frame.before_ns - self._still_since_ns) / 1e9
            if seconds >= MAX_STILL_SECONDS:
                self._still_since_ns = None
                self._job.note(
                    f"The picture has not changed for {seconds:.0f} s: the game is paused or covered, or the "
                    "region does not show it.",
                    "warning",
                )


@dataclass(frozen=True)
class _Limits:
    seconds: float | None
    episodes: int | None
    stop_key: str

    def reached(self, player: PlayerInput, first: GameStatus | None, status: GameStatus | None) -> str:
        """Why the recording ends here, for people; empty if it goes on."""
        if player.pressed(self.stop_key):
            return f"the {self.stop_key} key"
        if self.episodes and first and status and status.episode - first.episode >= self.episodes:
            return f"{self.episodes} games are over"
        return ""


@dataclass
class _RecordingLoop:
    player: PlayerInput
    writer: RecordingWriter
    reporter: RecordingReporter
    marks: MistakeMarks

    def run(self, limits: _Limits, space: DiskSpace, job: Job) -> RecorderResult:
        """Record frame after frame until a limit is reached."""
        clock = self.player.clock
        first = before = self.player.game.status()
        because = f"{limits.seconds:g} seconds are over" if limits.seconds else "stopped"
        began_ns = clock.now_ns()
        try:
            with self._files_finished():
                if before is not None:
                    self.writer.score(before, began_ns)
                for _ in clock.slots(limits.seconds):
                    if job.stopping:
                        because = "stopped"
                        break
                    status = self._slot(before)
                    if ended := limits.reached(self.player, first, status):
                        because = ended
                        break
                    if space.is_low():
                        because = "the disk runs low"
                        job.note(f"The disk runs low, so {self.writer.path} ends here.", "warning")
                        break
                    before = status
        except AgpError:
            if self.writer.frames:
                job.note(f"Saved so far: {self.writer.frames} frames in {self.writer.path}.", "warning")
            raise
        except OSError as error:
            frames = self._readable_frames()
            saved = f"Frames saved before it: {frames}. " if frames else "Nothing was saved. "
            raise JobFailed(
                f"Expected to write to {self.writer.path}: {error.strerror or error}.",
                f"{saved}Make room, or choose another folder.",
            ) from error
        return self._result(first, because, (clock.now_ns() - began_ns) / 1e9)

    def _slot(self, before: GameStatus | None) -> GameStatus | None:
        frame, edges = self.player.frame()
        with self.player.clock.stage("encode"):
            # Edges first: even after a kill, no frame is on disk without its keys.
            for edge in edges:
                self.writer.edge(edge)
            self.writer.frame(frame)
        status = self.player.game.status()
        if status is not None and status != before:
            self.writer.score(status, frame.before_ns)
        self.marks.frame_written(frame, self.player)
        self.reporter.frame_written(
            frame,
            self.player.held,
            status,
            self.player.advised,
            self.player.nudged,
            excluded=self.marks.seconds,
        )
        return status

    def _readable_frames(self) -> int:
        """The number of frames written before the disk failed; without any, the folder is removed."""
        try:
            return len(Recording.open(self.writer.path))
        except RecordingError:
            shutil.rmtree(self.writer.path, ignore_errors=True)
            return 0

    @contextlib.contextmanager
    def _files_finished(self) -> Iterator[None]:
        """On exit, release all keys and finish the files, also after an error or a second Ctrl-C."""
        try:
            yield
            # The state at the end is the label of the last frames.
            for edge in self.player.last_edges():
                self.writer.edge(edge)
        finally:
            held = self.player.held
            try:
                self.player.release_all()
            finally:
                self.writer.close(held)
                if self.writer.frames == 0:
                    shutil.rmtree(self.writer.path, ignore_errors=True)

    def _result(self, first: GameStatus | None, because: str, seconds: float) -> RecorderResult:
        path = self.writer.path if self.writer.frames else None
        status = self.player.game.status()
        scores = status.finished_scores[len(first.finished_scores) :] if first and status else ()
        size = size_of(path) if path else 0
        return RecorderResult(
            path, self.writer.frames, seconds, self.player.clock.pace(), size, scores, because
        )
