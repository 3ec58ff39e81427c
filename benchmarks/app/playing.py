"""A game played in the terminal: frame rate, screen updates, bytes and key latency.

A script sends the keys over a pty, as a terminal with the Kitty keyboard protocol does.
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
from benchmarks.app.terminal import BEGIN_UPDATE, ScriptedTerminal

GAME = "ALE/Seaquest-v5"
SIZES = ((80, 24), (160, 50))
"""Columns and lines."""
FPS = 60
CHORDS = (("up", "left"), ("right",), ("down", "right", "space"), ("left",), ("space",))
"""Keys held together, in turn."""
HOLD_SECONDS, MAX_GAP_SECONDS = 0.12, 0.04


@dataclass(frozen=True)
class TerminalPlay:
    """Measurements at one size of the terminal."""

    size: tuple[int, int]
    fps: float
    """Frames recorded per second."""
    missed: int
    updates: float
    """Screen updates with a part of the picture, per second."""
    bytes_per_second: float
    key_delay_ms: Percentiles
    """From the bytes on the terminal to the recorded time of the key."""


def bench_playing(job: Job, seconds: float = 10.0) -> list[TerminalPlay]:
    """Play for `seconds` at each size. Emits a table. Raises `JobFailed` if the game does not start."""
    plays = [play_at(size, seconds) for size in SIZES]
    rows: list[list[str | float | int | None]] = [
        [
            f"{play.size[0]}x{play.size[1]}",
            round(play.fps, 2),
            play.missed,
            round(play.updates, 1),
            round(play.bytes_per_second / 1000, 1),
            round(play.key_delay_ms.p50, 2),
            round(play.key_delay_ms.p99, 2),
        ]
        for play in plays
    ]
    columns = ["terminal", "fps", "missed", "updates/s", "kB/s", "key delay p50 ms", "p99 ms"]
    job.emit(Table(title=f"{GAME} played in the terminal, recorded at {FPS} fps", columns=columns, rows=rows))
    return plays


def play_at(size: tuple[int, int], seconds: float) -> TerminalPlay:
    """Play at one size of the terminal."""
    arguments = (
        "record",
        "--game",
        GAME,
        "--by",
        "terminal",
        "--fps",
        str(FPS),
        "--seconds",
        f"{seconds + 2:g}",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ScriptedTerminal(folder, size, *arguments) as terminal:
            terminal.wait("until you release them")
            terminal.wait("score")
            start_ns = time.monotonic_ns()
            sent_ns = _play(terminal, seconds)
            end_ns = time.monotonic_ns()
            terminal.wait_for_end()
            output = terminal.output_between(start_ns, end_ns)
        (path,) = find_recordings(folder / "recordings")
        recording = Recording.open(path)
    duration = (end_ns - start_ns) / 1e9
    updates = [update for update in output.split(BEGIN_UPDATE) if "▀".encode() in update]
    edges = recording.timeline.edges
    delays = [(edge.time_ns - time_ns) / 1e6 for edge, time_ns in zip(edges, sent_ns, strict=False)]
    slots = round((recording.times_ns[-1] - recording.times_ns[0]) / 1e9 * FPS) + 1
    return TerminalPlay(
        size,
        (len(recording) - 1) / float(recording.times_ns[-1] - recording.times_ns[0]) * 1e9,
        max(0, slots - len(recording)),
        len(updates) / duration,
        len(output) / duration,
        Percentiles.of(delays),
    )


def _play(terminal: ScriptedTerminal, seconds: float) -> list[int]:
    """Hold the chords in turn for `seconds`; returns the time of each key event (monotonic, ns)."""
    rng = random.Random(0)
    times_ns: list[int] = []
    end = time.monotonic() + seconds
    for number in range(1 << 30):
        if time.monotonic() > end:
            break
        chord = CHORDS[number % len(CHORDS)]
        for event in ("press", "release"):
            for key in chord:
                times_ns.append(terminal.send_key(key, event))
                time.sleep(rng.uniform(0.0, MAX_GAP_SECONDS))
            time.sleep(HOLD_SECONDS)
    return times_ns
