"""Tests of an X server that dies during a recording: the recorded part is complete and reported."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import running_command
from support.fault_counts import log_faults, trial_count
from support.xserver import XServer

from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display

TRIALS = trial_count(1, 20)
FPS = 30


def test_recording_is_complete_after_its_display_dies(
    start_x_server: Callable[..., XServer], home: Path
) -> None:
    """The last frame and the last line are complete, and at most two frames are missing."""
    lost = []
    for trial in range(TRIALS):
        server = start_x_server()
        flags = ("--center", "300,300", "--size", "200", "--keys", "left,right", "--fps", str(FPS))
        with running_command("record", "--game", "window", *flags, home=home, display=server.name) as command:
            command.wait_for_live(frames=5)
            time.sleep(random.random())
            server.xdotool("keydown", "Left")
            time.sleep(0.3)
            killed_ns = time.monotonic_ns()
            server.kill()
            result = command.result()
        assert result.code == 1, result.summary()
        (path,) = sorted(home.glob("recordings/window/*"))[trial:]
        recording = Recording.open(path)
        assert recording.meta.state == "complete"
        assert sum(1 for _ in recording.frames()) == len(recording)
        assert recording.key_states()[-1].tolist() == [True, False]
        message = f"Saved so far: {len(recording)} frames in "
        assert any(message in event["text"] for event in result.events if event["type"] == "note")
        lost.append((killed_ns - int(recording.times_ns[-1])) * FPS // 1_000_000_000)
    log_faults("an X server that dies while recording", trials=TRIALS, losses=sum(n > 2 for n in lost),
         worst=f"{max(lost)} frames without a picture")  # fmt: skip
    assert sorted(lost)[TRIALS // 2] <= 2, lost
