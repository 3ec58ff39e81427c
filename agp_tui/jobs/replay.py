"""The replay job: a recording played as it was recorded, its keys with their frames."""

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
from agp_tui.protocol.commands import AnyCommand, Resume, Seek, Step
from agp_tui.protocol.events import Finished, Live
from agp_tui.recording.agreement import player_states
from agp_tui.recording.quality_stats import held_shares
from agp_tui.recording.store import Recording
from agp_tui.recording.timeline import crc_of, stamps_ms
from agp_tui.recording.video import FILE_NAME, FrameReader


class Playhead:
    """Runs through the recorded times of frames; all moments are seconds on one monotonic clock.

    Frame `i` is due when `times[i]` seconds of the recording have passed at the asked speed, counted
    from the last command on: a late look shows the frame of that moment, it does not delay the rest.
    """

    def __init__(
        self, times: NDArray[np.float64], now: float, *, frame: int = 0, speed: float = 1.0, paused: bool
    ) -> None:
        """`times`: shape (N,), N at least 1, seconds since the first frame. `frame` is clamped."""
        self._times = np.maximum.accumulate(times)
        self.last = len(times) - 1
        self._clock = PlaybackClock(now, speed=speed, paused=paused)
        self._frame = 0
        self._put(frame, now)

    @property
    def paused(self) -> bool:
        """Whether it stands still."""
        return self._clock.paused

    @property
    def speed(self) -> float:
        """So many times as fast as it was recorded."""
        return self._clock.speed

    def frame(self, now: float) -> int:
        """The frame that is due. Having come to the last one, it pauses there."""
        if not self.paused:
            # From where it was put: frames that share a moment do not run away before it passes.
            due = int(np.searchsorted(self._times, self._clock.seconds(now), side="right")) - 1
            self._frame = max(self._frame, min(due, self.last))
            if self._frame == self.last:
                self._stand(self.last, now)
        return self._frame

    def apply(self, command: AnyCommand, now: float) -> bool:
        """Do what a command says; False where it is none of a replay's.

        Frames and speeds out of bounds are clamped. Resumed at its end it begins again.
        """
        frame = self.frame(now)
        match command:
            case Step():
                self._stand(frame + command.frames, now)
            case Seek():
                self._put(command.frame, now)
            case _:
                if isinstance(command, Resume) and frame == self.last:
                    self._put(0, now)
                return self._clock.apply(command, now)
        return True

    def _put(self, frame: int, now: float) -> None:
        self._frame = min(max(frame, 0), self.last)
        self._clock.seek(float(self._times[self._frame]), now)

    def _stand(self, frame: int, now: float) -> None:
        self._clock.pause(now)
        self._put(frame, now)


LISTEN_SECONDS = 0.01
"""How long a command may wait before it is looked at."""
REPEAT_SECONDS = 1.0
"""Where nothing changes, it is told so often: a reader who was behind misses single events."""


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """What `agp recordings replay` asks for."""

    recording: Path
    start_frame: int = 0
    speed: float = 1.0
    paused: bool = False
    stay: bool = False
    """Stay at the last frame, paused, until it is stopped; otherwise that is the end."""
    preview: PreviewSettings = PreviewSettings()


def run_replay(asked: ReplayRequest, job: Job) -> Finished:
    """Tell the recording in `Live` events until its end or a stop; obey commands at once.

    Pause, Resume (at the end: from the beginning), Step (pauses), Seek and Speed each bring a `Live`
    event at once; frames and speeds out of bounds are clamped. Raises `SettingError` for a speed
    out of bounds and `RecordingError` for a recording that cannot be read; single frames that are
    damaged are told in a note and have no picture.
    """
    check_speed(asked.speed)
    recording = Recording.open(asked.recording)
    with closing(_Pages(recording, Preview(asked.preview), job)) as pages:
        playhead = Playhead(
            pages.times, time.monotonic(), frame=asked.start_frame, speed=asked.speed, paused=asked.paused
        )
        _play(playhead, pages, Preview(asked.preview), job, asked.stay)
    return Finished(
        job="replay",
        recording=str(recording.path),
        frames=len(recording),
        seconds=round(recording.seconds, 3),
    )


def _play(playhead: Playhead, pages: "_Pages", pace: Preview, job: Job, stay: bool) -> None:
    shown: tuple[int, bool] | None = None
    told = 0.0
    while not job.stopping:
        now = time.monotonic()
        applied = [playhead.apply(command, now) for command in job.commands()]
        state = playhead.frame(now), playhead.paused
        # A pause, such as the one at the end, is told at once; frames at the rate asked for.
        stopped = shown is not None and state[1] != shown[1]
        changed = state != shown and (stopped or pace.due())
        if any(applied) or changed or now - told >= REPEAT_SECONDS:
            job.emit(pages.live(*state, playhead.speed))
            shown, told = state, now
            if playhead.paused and state[0] == playhead.last and not stay:
                return
        job.wait_for_stop(LISTEN_SECONDS)


class _Pages:
    """Makes the `Live` event of each frame: its picture, its keys, its score."""

    def __init__(self, recording: Recording, preview: Preview, job: Job) -> None:
        meta = recording.meta
        self.times = (recording.times_ns - recording.times_ns[0]) / 1e9
        self._recording = recording
        self._preview = preview
        self._job = job
        self._states = recording.key_states(meta.labels)
        others = [who for who in recording.timeline.players if who != meta.labels]
        self._advised = player_states(recording, others[0]) if len(others) == 1 else None
        shares = held_shares(meta.keys, self._states)
        self._shares = {key: round(share, 4) for key, share in shares.items()}
        self._fps = round(len(recording) / recording.seconds, 2)
        self._scores = recording.timeline.scores
        self._score_times = np.array([change.time_ns for change in self._scores], np.int64)
        self._stamps = stamps_ms(recording.times_ns)
        self._frames = FrameReader(recording.path / FILE_NAME, meta.frame_size)
        self._last: tuple[int, Thumbnail] | None = None
        self._damaged: set[int] = set()

    def live(self, frame: int, paused: bool, speed: float) -> Live:
        """The event of that frame; `seconds` since the first frame, `frames` and `missed` up to it."""
        meta = self._recording.meta
        passed = int(np.searchsorted(self._score_times, self._recording.times_ns[frame], side="right"))
        status = self._scores[passed - 1].status if passed else None
        asked = round(float(self.times[frame]) * meta.fps) + 1
        return live_event(
            self._picture(frame),
            seconds=round(float(self.times[frame]), 3),
            fps=self._fps,
            fps_asked=meta.fps,
            frames=frame + 1,
            missed=max(0, asked - frame - 1),
            status=status,
            keys=meta.keys,
            held=_names(meta.keys, self._states[frame]),
            advised=None if self._advised is None else _names(meta.keys, self._advised[frame]),
            shares=self._shares,
            shown=meta.region,
            frame=frame,
            total=len(self._recording),
            paused=paused,
            speed=speed,
        )

    def close(self) -> None:
        self._frames.close()

    def _picture(self, frame: int) -> Thumbnail:
        if self._last is not None and self._last[0] == frame:
            return self._last[1]
        try:
            pixels = self._frames.frame_at(self._stamps[frame])
            if crc_of(pixels) != self._recording.timeline.crcs[frame]:
                raise RecordingError("It is not as it was recorded.")
            picture = self._preview.thumbnail(pixels)
        except RecordingError:
            picture = Thumbnail()
            self._tell_damage(frame)
        self._last = frame, picture
        return picture

    def _tell_damage(self, frame: int) -> None:
        if frame not in self._damaged:
            self._damaged.add(frame)
            path = self._recording.path
            cure = f"agp recordings repair {path} keeps what is sound."
            self._job.note(f"Frame {frame} is damaged and not shown; {cure}", level="warning")


def _names(keys: tuple[str, ...], row: NDArray[np.bool_]) -> list[str]:
    return [key for key, down in zip(keys, row, strict=True) if down]
