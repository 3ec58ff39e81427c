"""A terminal that nobody reads: whoever writes to it waits, and the recording does not."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path

import numpy as np
from support.fault_counts import log_faults, trial_count

from agp_tui.recording.store import Recording, find_recordings
from benchmarks.app.terminal import in_terminal, read

SECONDS = trial_count(5, 60)
FPS = 30
GAME = "ALE/Pong-v5"
CTRL_S, CTRL_Q = b"\x13", b"\x11"
AGP = (sys.executable, "-P", "-m", "agp_tui")


def read_until(pattern: bytes, terminal: int, seconds: float = 60.0) -> None:
    seen, end = b"", time.monotonic() + seconds
    while not re.search(pattern, re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", seen)):
        assert time.monotonic() < end, f"expected {pattern!r} in the terminal, found {seen[-2000:]!r}"
        seen += read(terminal, 0.2)


def check(home: Path, what: str) -> None:
    """Nearly every slot of the time in which nobody read has its frame."""
    (path,) = find_recordings(home / "recordings", GAME)
    recording = Recording.open(path)
    assert recording.meta.state == "complete"
    times = (recording.times_ns - recording.times_ns[0]) / 1e9
    slots = round(float(times[-1]) * FPS) + 1
    longest = float(np.diff(times).max())
    assert times[-1] > SECONDS
    log_faults(f"{what}, its terminal unread for {SECONDS} s", trials=slots, losses=slots - len(recording),
         worst=f"{longest * 1000:.0f} ms between two frames")  # fmt: skip
    assert len(recording) > 0.98 * slots and longest < 1.0


def test_the_app_in_a_stalled_terminal_records_on(home: Path) -> None:
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
    check(home, "a recording in the app")


def test_a_command_in_a_stalled_terminal_records_on(home: Path) -> None:
    """Somebody pressed Ctrl-S: the terminal takes nothing from then on, not even what would fit into it."""
    words = ("record", "--game", GAME, "--by", "expert", "--seconds", str(SECONDS + 2))
    with in_terminal([*AGP, *words], home, (80, 24)) as (process, terminal):
        read_until(rb"fps", terminal)
        os.write(terminal, CTRL_S)
        time.sleep(SECONDS)
        os.write(terminal, CTRL_Q)
        # A terminal whose last program has ended gives an error.
        with contextlib.suppress(OSError):
            while True:
                read(terminal, 60)
        assert process.wait(60) == 0
    check(home, "agp record")
