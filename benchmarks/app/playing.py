"""A game under a person's hands in the terminal: its rate, its pictures, the bytes, how late a key is.

A script is the person. It types on a real pty, as a terminal with the Kitty protocol does.
"""

import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.recording.store import Recording, find_recordings
from benchmarks.app.loop import percentiles
from benchmarks.app.scripted import BEGINS, ScriptedTerminal

GAME = "ALE/Seaquest-v5"
SIZES = ((80, 24), (160, 50))
"""Columns and lines."""
FPS = 60
STROKES = (("up", "left"), ("right",), ("down", "right", "space"), ("left",), ("space",))
"""Keys that are held together, one after another."""
HELD_SECONDS, BETWEEN_SECONDS = 0.12, 0.04


@dataclass(frozen=True)
class PlayCost:
    """Of one size of the terminal."""

    size: tuple[int, int]
    fps: float
    """Frames that the game was given keys for, recorded and emulated, a second."""
    missed: int
    pictures: float
    """Updates of the screen with a part of the picture in them, a second."""
    bytes_a_second: float
    late_ms: Percentiles
    """From the terminal's bytes to the moment that the recording has for the key."""


def bench_playing(job: Job, seconds: float = 10.0) -> list[PlayCost]:
    """The game is played so long at each size. Tells a table; raises `JobFailed` where it does not run."""
    found = [play_at(size, seconds) for size in SIZES]
    rows: list[list[str | float | int | None]] = [
        [
            f"{one.size[0]}x{one.size[1]}",
            round(one.fps, 2),
            one.missed,
            round(one.pictures, 1),
            round(one.bytes_a_second / 1000, 1),
            round(one.late_ms.p50, 2),
            round(one.late_ms.p99, 2),
        ]
        for one in found
    ]
    columns = ["terminal", "frames a second", "missed", "pictures a second", "kB a second", "key late p50 ms",
               "p99 ms"]  # fmt: skip
    job.emit(Table(title=f"{GAME} played in the terminal, recorded at {FPS} fps", columns=columns, rows=rows))
    return found


def play_at(size: tuple[int, int], seconds: float) -> PlayCost:
    """A script plays at this size."""
    words = ("record", "--game", GAME, "--by", "terminal", "--fps", str(FPS), "--seconds", f"{seconds + 2:g}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ScriptedTerminal(folder, size, *words) as terminal:
            terminal.wait("until you release them")
            terminal.wait("score")
            began_ns = time.monotonic_ns()
            typed = _typed(terminal, seconds)
            ended_ns = time.monotonic_ns()
            terminal.wait_for_end()
            shown = terminal.shown_between(began_ns, ended_ns)
        (path,) = find_recordings(folder / "recordings")
        recording = Recording.open(path)
    took = (ended_ns - began_ns) / 1e9
    updates = [update for update in shown.split(BEGINS) if "▀".encode() in update]
    edges = recording.timeline.edges
    late = [(edge.time_ns - moment) / 1e6 for edge, moment in zip(edges, typed, strict=False)]
    slots = round((recording.times_ns[-1] - recording.times_ns[0]) / 1e9 * FPS) + 1
    return PlayCost(
        size,
        (len(recording) - 1) / float(recording.times_ns[-1] - recording.times_ns[0]) * 1e9,
        max(0, slots - len(recording)),
        len(updates) / took,
        len(shown) / took,
        percentiles(late),
    )


def _typed(terminal: ScriptedTerminal, seconds: float) -> list[int]:
    """Hold the chords in turn, so long; when each stroke was typed (monotonic ns)."""
    rng = random.Random(0)
    moments: list[int] = []
    end = time.monotonic() + seconds
    for number in range(1 << 30):
        if time.monotonic() > end:
            break
        chord = STROKES[number % len(STROKES)]
        for stroke in ("press", "release"):
            for key in chord:
                moments.append(terminal.types(key, stroke))
                time.sleep(rng.uniform(0.0, BETWEEN_SECONDS))
            time.sleep(HELD_SECONDS)
    return moments
