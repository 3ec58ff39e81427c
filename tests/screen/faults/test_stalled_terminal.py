"""Tests of recording while the terminal is not read: output waits, recording continues."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from support.fault_counts import log_faults, trial_count

from agp_tui.recording.store import Recording, find_recordings
from benchmarks.app.terminal import in_terminal, read

SECONDS = trial_count(5, 60)
FPS = 30
GAME = "ALE/Pong-v5"
CTRL_S, CTRL_Q = b"\x13", b"\x11"
AGP = (sys.executable, "-P", "-m", "agp_tui")


def read_until(pattern: bytes, terminal: int, seconds: float = 60.0) -> None:
    output, end = b"", time.monotonic() + seconds
    while not re.search(pattern, re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", output)):
        assert time.monotonic() < end, f"expected {pattern!r} in the terminal, found {output[-2000:]!r}"
        output += read(terminal, 0.2)


def check_recording(home: Path, description: str) -> None:
    """At least 98 % of the frame slots are filled, with no gap of a second."""
    (path,) = find_recordings(home / "recordings", GAME)
    recording = Recording.open(path)
    assert recording.meta.state == "complete"
    times = (recording.times_ns - recording.times_ns[0]) / 1e9
    slots = round(float(times[-1]) * FPS) + 1
    longest_gap = float(np.diff(times).max())
    assert times[-1] > SECONDS
    log_faults(f"{description}, its terminal unread for {SECONDS} s", trials=slots,
         losses=slots - len(recording), worst=f"{longest_gap * 1000:.0f} ms between two frames")  # fmt: skip
    assert len(recording) > 0.98 * slots and longest_gap < 1.0


@pytest.mark.nightly
def test_app_keeps_recording_while_its_terminal_is_not_read(home: Path) -> None:
    with in_terminal([*AGP], home, (120, 40)) as (_, terminal):
        read_until(rb"Next:", terminal)
        os.write(terminal, b"2")
        read_until(rb"Press Enter to record", terminal)
        os.write(terminal, b"\r")
        read_until(rb"REC [23]\d", terminal)
        time.sleep(SECONDS)
        os.write(terminal, b"s")
        read_until(rb"[Kk]eep", terminal)
        os.write(terminal, b"\r")
        read_until(rb"Press Enter to record", terminal)
    check_recording(home, "a recording in the app")


def test_record_command_keeps_recording_while_its_terminal_is_stopped(home: Path) -> None:
    """Ctrl-S stops all output to the terminal, even output that would fit into its buffer."""
    words = ("record", "--game", GAME, "--by", "expert", "--seconds", str(SECONDS + 2))
    with in_terminal([*AGP, *words], home, (80, 24)) as (process, terminal):
        read_until(rb"fps", terminal)
        os.write(terminal, CTRL_S)
        time.sleep(SECONDS)
        os.write(terminal, CTRL_Q)
        # Reading fails after the last program of the terminal has ended.
        with contextlib.suppress(OSError):
            while True:
                read(terminal, 60)
        assert process.wait(60) == 0
    check_recording(home, "agp record")
