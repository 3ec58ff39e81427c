"""The job of `agp recordings replay`: plays a recording as `Live` events."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PreviewSettings
from agp_tui.engine.clock import PlaybackClock, check_speed
from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError
from agp_tui.games.live_preview import Preview, Thumbnail, live_event
from agp_tui.protocol.commands import AnyCommand, Exclude, Include, Resume, Seek, Step, Undo
from agp_tui.protocol.events import Finished, Live
from agp_tui.recording.agreement import player_states
from agp_tui.recording.exclusions import ExclusionEditor, excluded_frames, runs_of
from agp_tui.recording.quality_stats import held_shares
from agp_tui.recording.store import Recording, time_range
from agp_tui.recording.timeline import crc_of, stamps_ms
from agp_tui.recording.video import FILE_NAME, FrameReader


class Playhead:
    """The current frame of a replay; all times are seconds on one monotonic clock.

    Frame `i` is due when `times[i]` seconds of the recording have passed at the current speed. A late call
    skips frames and does not delay the following ones.
    """

    def __init__(
        self, times: NDArray[np.float64], now: float, *, frame: int = 0, speed: float = 1.0, paused: bool
    ) -> None:
        """`times`: shape (N,), N at least 1, seconds since the first frame. `frame` is clamped."""
        self._times = np.maximum.accumulate(times)
        self.last = len(times) - 1
        self._clock = PlaybackClock(now, speed=speed, paused=paused)
        self._frame = 0
        self._seek(frame, now)

    @property
    def paused(self) -> bool:
        """Whether it is paused."""
        return self._clock.paused

    @property
    def speed(self) -> float:
        """Speed relative to the recording."""
        return self._clock.speed

    def frame(self, now: float) -> int:
        """The frame that is due. It pauses at the last one."""
        if not self.paused:
            # Never before the frame last sought: several frames may have the same time.
            due = int(np.searchsorted(self._times, self._clock.seconds(now), side="right")) - 1
            self._frame = max(self._frame, min(due, self.last))
            if self._frame == self.last:
                self._pause_at(self.last, now)
        return self._frame

    def apply(self, command: AnyCommand, now: float) -> bool:
        """Apply a playback command; False if it is another command.

        Frames and speeds out of bounds are clamped. Resume at the end restarts the replay.
        """
        frame = self.frame(now)
        match command:
            case Step():
                self._pause_at(frame + command.frames, now)
            case Seek():
                self._seek(command.frame, now)
            case _:
                if isinstance(command, Resume) and frame == self.last:
                    self._seek(0, now)
                return self._clock.apply(command, now)
        return True

    def _seek(self, frame: int, now: float) -> None:
        self._frame = min(max(frame, 0), self.last)
        self._clock.seek(float(self._times[self._frame]), now)

    def _pause_at(self, frame: int, now: float) -> None:
        self._clock.pause(now)
        self._seek(frame, now)


POLL_SECONDS = 0.01
"""Interval at which commands are read."""
REPEAT_SECONDS = 1.0
"""Interval of repeated events without a change: a slow reader misses single events."""


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """The request of `agp recordings replay`."""

    recording: Path
    start_frame: int = 0
    speed: float = 1.0
    paused: bool = False
    stay: bool = False
    """Pause at the last frame until stopped, instead of ending there."""
    preview: PreviewSettings = PreviewSettings()


def run_replay(request: ReplayRequest, job: Job) -> Finished:
    """Emit the recording as `Live` events until its end or a stop, controlled by commands.

    Pause, Resume, Step (pauses), Seek and Speed each emit a `Live` event at once, as do Exclude, Include and
    Undo, which change what training learns from. Damaged frames are reported as a note and have no
    thumbnail. Raises `SettingError` for a speed out of bounds and `RecordingError` for one that cannot
    be read.
    """
    check_speed(request.speed)
    recording = Recording.open(request.recording)
    with closing(_FrameEvents(recording, Preview(request.preview), job)) as frames:
        playhead = Playhead(
            frames.times,
            time.monotonic(),
            frame=request.start_frame,
            speed=request.speed,
            paused=request.paused,
        )
        _play(playhead, frames, Preview(request.preview), job, request.stay)
    return Finished(
        job="replay",
        recording=str(recording.path),
        frames=len(recording),
        seconds=round(recording.seconds, 3),
    )


def _play(playhead: Playhead, frames: "_FrameEvents", rate: Preview, job: Job, stay: bool) -> None:
    shown: tuple[int, bool] | None = None
    shown_at = 0.0
    while not job.stopping:
        now = time.monotonic()
        applied = [playhead.apply(command, now) or frames.mark(command) for command in job.commands()]
        state = playhead.frame(now), playhead.paused
        # A pause is shown at once; frames at the rate of the preview.
        stopped = shown is not None and state[1] != shown[1]
        changed = state != shown and (stopped or rate.due())
        if any(applied) or changed or now - shown_at >= REPEAT_SECONDS:
            job.emit(frames.live(*state, playhead.speed))
            shown, shown_at = state, now
            if playhead.paused and state[0] == playhead.last and not stay:
                return
        job.wait_for_stop(POLL_SECONDS)


class _FrameEvents:
    """Builds the `Live` event of a frame: thumbnail, keys, score."""

    def __init__(self, recording: Recording, preview: Preview, job: Job) -> None:
        meta = recording.meta
        self.times = (recording.times_ns - recording.times_ns[0]) / 1e9
        self._recording = recording
        self._preview = preview
        self._job = job
        self._states = recording.key_states(meta.labels)
        others = [who for who in recording.timeline.players if who != meta.labels]
        self._advised = player_states(recording, others[0]) if len(others) == 1 else None
        self._nudged = recording.key_states("nudge")
        shares = held_shares(meta.keys, self._states)
        self._shares = {key: round(share, 4) for key, share in shares.items()}
        self._fps = round(len(recording) / recording.seconds, 2)
        self._scores = recording.timeline.scores
        self._score_times = np.array([change.time_ns for change in self._scores], np.int64)
        self._stamps = stamps_ms(recording.times_ns)
        self._frames = FrameReader(recording.path / FILE_NAME, meta.frame_size)
        self._last: tuple[int, Thumbnail] | None = None
        self._exclusions = ExclusionEditor(recording.path)
        self._damaged: set[int] = set()

    def live(self, frame: int, paused: bool, speed: float) -> Live:
        """The event of a frame; `seconds`, `frames` and `missed` count from the first frame to it."""
        meta = self._recording.meta
        passed = int(np.searchsorted(self._score_times, self._recording.times_ns[frame], side="right"))
        status = self._scores[passed - 1].status if passed else None
        excluded = excluded_frames(self._exclusions.ranges, self._recording.times_ns)
        requested = round(float(self.times[frame]) * meta.fps) + 1
        return live_event(
            self._thumbnail(frame),
            seconds=round(float(self.times[frame]), 3),
            fps=self._fps,
            fps_asked=meta.fps,
            frames=frame + 1,
            missed=max(0, requested - frame - 1),
            status=status,
            keys=meta.keys,
            held=_names(meta.keys, self._states[frame]),
            advised=None if self._advised is None else _names(meta.keys, self._advised[frame]),
            nudge=_names(meta.keys, self._nudged[frame]),
            shares=self._shares,
            shown=meta.region,
            frame=frame,
            total=len(self._recording),
            paused=paused,
            speed=speed,
            excluded=round(float(excluded.sum()) / meta.fps, 2),
            excluded_frames=runs_of(excluded),
        )

    def mark(self, command: AnyCommand) -> bool:
        """Apply a command that changes the exclusions; False if it is another one.

        What cannot be done is reported as a note.
        """
        try:
            match command:
                case Exclude(start=int(start), stop=int(stop)):
                    self._require_finished()
                    self._exclusions.exclude(time_range(self._recording, start, stop))
                case Exclude():
                    raise RecordingError(
                        "Expected start and stop of the frames to exclude in a replay, found none."
                    )
                case Include():
                    self._require_finished()
                    self._exclusions.include(time_range(self._recording, command.start, command.stop))
                case Undo():
                    if not self._exclusions.undo():
                        self._job.note("There is nothing to take back in this replay.")
                case _:
                    return False
        except RecordingError as error:
            self._job.note(str(error), level="warning")
        return True

    def _require_finished(self) -> None:
        if self._recording.meta.being_written:
            raise RecordingError(f"The recording {self._recording.path} is being written.", "Stop it first.")

    def close(self) -> None:
        self._frames.close()

    def _thumbnail(self, frame: int) -> Thumbnail:
        if self._last is not None and self._last[0] == frame:
            return self._last[1]
        try:
            pixels = self._frames.frame_at(self._stamps[frame])
            if crc_of(pixels) != self._recording.timeline.crcs[frame]:
                raise RecordingError("The checksum does not match.")
            picture = self._preview.thumbnail(pixels)
        except RecordingError:
            picture = Thumbnail()
            self._warn_of_damage(frame)
        self._last = frame, picture
        return picture

    def _warn_of_damage(self, frame: int) -> None:
        if frame not in self._damaged:
            self._damaged.add(frame)
            path = self._recording.path
            hint = f"agp recordings repair {path} keeps the intact frames."
            self._job.note(f"Frame {frame} is damaged and not shown; {hint}", level="warning")


def _names(keys: tuple[str, ...], row: NDArray[np.bool_]) -> list[str]:
    return [key for key, down in zip(keys, row, strict=True) if down]
