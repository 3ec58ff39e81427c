"""Tests of the playhead of a replay: recorded times at any speed, and each command."""

import numpy as np
import pytest

from agp_tui.engine.clock import MAX_SPEED, MIN_SPEED
from agp_tui.jobs.replay import Playhead
from agp_tui.protocol.commands import Panic, Pause, Resume, Seek, SetSpeed, Step

TIMES = np.array([0.0, 0.1, 0.2, 0.5, 0.6, 0.6, 0.7])
"""With a gap, and with two frames at one moment."""


def head(frame: int = 0, speed: float = 1.0, paused: bool = False) -> Playhead:
    return Playhead(TIMES, 100.0, frame=frame, speed=speed, paused=paused)


def test_frames_follow_their_recorded_times() -> None:
    moments = (100.0, 100.05, 100.11, 100.45, 100.51, 100.61, 100.65)
    playing = head()
    assert [playing.frame(now) for now in moments] == [0, 0, 1, 2, 3, 5, 5]


def test_late_poll_does_not_delay_playback() -> None:
    playing = head()
    assert playing.frame(100.52) == 3
    assert playing.frame(100.61) == 5


@pytest.mark.parametrize(("speed", "now"), [(2.0, 100.26), (0.5, 101.01)])
def test_speed(speed: float, now: float) -> None:
    assert head(speed=speed).frame(now) == 3


def test_speed_change_applies_from_now_and_is_clamped() -> None:
    playing = head()
    assert playing.apply(SetSpeed(factor=0.1), 100.15)
    assert playing.frame(100.15) == 1
    assert playing.frame(100.60) == 1
    assert playing.frame(100.66) == 2
    playing.apply(SetSpeed(factor=1e9), 100.66)
    assert playing.speed == MAX_SPEED
    playing.apply(SetSpeed(factor=-3), 100.66)
    assert playing.speed == MIN_SPEED


def test_resume_continues_from_the_paused_position() -> None:
    playing = head()
    assert playing.apply(Pause(), 100.15)
    assert playing.paused and playing.frame(500.0) == 1
    assert playing.apply(Resume(), 500.0)
    assert not playing.paused and [playing.frame(now) for now in (500.0, 500.04, 500.06)] == [1, 1, 2]


def test_step_pauses_and_is_clamped() -> None:
    playing = head()
    playing.apply(Step(frames=1), 100.11)
    assert playing.paused and playing.frame(200.0) == 2
    for steps, frame in ((1, 3), (2, 5), (-1, 4), (1, 5), (99, 6), (-99, 0), (-1, 0)):
        playing.apply(Step(frames=steps), 200.0)
        assert playing.frame(201.0) == frame


@pytest.mark.parametrize(("requested", "frame"), [(3, 3), (-5, 0), (99, 6), (4, 4)])
def test_seek_preserves_the_pause_state(requested: int, frame: int) -> None:
    playing, paused = head(), head(paused=True)
    playing.apply(Seek(frame=requested), 100.01)
    paused.apply(Seek(frame=requested), 100.01)
    assert playing.frame(100.01) in (frame, 5 if frame == 4 else frame)
    assert paused.frame(300.0) == frame and paused.paused
    assert playing.paused == (frame == 6)


def test_end_pauses_and_resume_restarts() -> None:
    playing = head()
    assert playing.frame(100.75) == 6 and playing.paused
    playing.apply(Resume(), 200.0)
    assert (playing.frame(200.0), playing.paused) == (0, False)


def test_playback_starts_at_the_given_position() -> None:
    assert head(frame=3).frame(100.05) == 3
    assert head(frame=3).frame(100.11) == 5
    assert head(frame=-4, paused=True).frame(900.0) == 0
    assert head(frame=99, paused=True).frame(100.0) == 6


def test_other_commands_are_ignored() -> None:
    assert not head().apply(Panic(), 100.0)
