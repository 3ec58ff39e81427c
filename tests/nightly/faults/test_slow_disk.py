"""Tests of a disk that blocks for three seconds: one gap in the frames, key times unchanged."""

import time
from pathlib import Path

import numpy as np
import pytest
from support.arena_window import Arena
from support.commands import running_command
from support.fault_counts import log_faults, trial_count
from support.frozen_disk import frozen_disk
from support.xserver import XServer

from agp_tui.recording.store import Recording

pytestmark = [pytest.mark.display, pytest.mark.root]

TRIALS = trial_count(1, 10)
SECONDS, FPS = 3.0, 30


def test_blocked_disk_leaves_one_gap_and_keeps_key_times(
    x_server: XServer, arena: Arena, tmp_path: Path
) -> None:
    extra_missed = []
    words = ("record", "--game", "window", *arena.place, "--keys", "left,right", "--fps", str(FPS),
             "--min-free-mb", "1")  # fmt: skip
    with frozen_disk(tmp_path) as disk:
        for trial in range(TRIALS):
            with running_command(*words, home=disk.path, display=x_server.name) as command:
                command.wait_for_live(frames=10)
                with disk.frozen():
                    time.sleep(SECONDS / 2)
                    pressed_ns = time.monotonic_ns()
                    x_server.xdotool("keydown", "Left")
                    time.sleep(SECONDS / 2)
                command.wait_for_note("No frame for")
                time.sleep(1)
                x_server.xdotool("key", "Escape")
                finished = command.result().finished
                x_server.xdotool("keyup", "Left")
            (path,) = sorted(disk.path.glob("recordings/window/*"))[trial:]
            recording = Recording.open(path)
            assert recording.meta.state == "complete"
            assert sum(1 for _ in recording.frames()) == len(recording) == finished["frames"]
            gaps = np.diff(recording.times_ns) / 1e9
            (edge,) = [edge for edge in recording.timeline.edges if edge.down]
            assert edge.key == "left" and abs(edge.time_ns - pressed_ns) < 200e6
            assert gaps.max() > SECONDS / 2
            # No frame slot is missed outside the gap.
            extra_missed.append(finished["missed"] - round(float(gaps.max()) * FPS))
    late = sum(lost > 2 for lost in extra_missed)
    log_faults(f"a disk that takes nothing for {SECONDS:g} s", trials=TRIALS, losses=late,
         worst=f"{max(0, *extra_missed)} slots beyond the gap")  # fmt: skip
    assert sorted(extra_missed)[TRIALS // 2] <= 2, extra_missed
