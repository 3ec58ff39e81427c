"""Tests of playing an Atari game in the terminal: a script types into a real pty."""

import random
import time
from pathlib import Path

import pytest

from agp_tui.keys.state import KeyEdge, Keys, apply_edges
from agp_tui.recording.store import Recording, find_recordings
from benchmarks.app.terminal import ScriptedTerminal

KEYS = ("up", "left", "right", "down", "space")
SCRIPT_FPS = 30
NEAR_NS = 25_000_000
"""Frames within this time after a key stroke are not checked, as the bytes of the terminal need time."""

pytest.importorskip("ale_py")


def play(folder: Path, protocol: bool = True, *flags: str) -> ScriptedTerminal:
    words = ["record", "--game", "ALE/Seaquest-v5", "--by", "terminal", "--fps", str(SCRIPT_FPS), *flags]
    return ScriptedTerminal(folder, (80, 24), *words, protocol=protocol)


def open_recording(folder: Path) -> Recording:
    (path,) = find_recordings(folder / "recordings")
    return Recording.open(path)


def agreement(recording: Recording, script: list[KeyEdge]) -> tuple[int, int]:
    """Number of frames with the keys of the script, and of all checked frames.

    Frames from a key stroke until shortly after it was read from the terminal are not checked.
    """
    matching = total = 0
    edges = recording.timeline.edges
    read_ns = [edge.time_ns for edge in edges] if len(edges) == len(script) else [0] * len(script)
    unclear = [
        (typed.time_ns, max(typed.time_ns, read) + NEAR_NS)
        for typed, read in zip(script, read_ns, strict=True)
    ]
    states = recording.key_states("human")
    for row, time_ns in zip(states.tolist(), recording.times_ns.tolist(), strict=True):
        if any(start <= time_ns < end for start, end in unclear):
            continue
        held: Keys = apply_edges(frozenset(), [edge for edge in script if edge.time_ns <= time_ns])
        total += 1
        matching += row == [key in held for key in recording.meta.keys]
    return matching, total


def test_kitty_protocol_session_is_recorded_with_exact_keys(tmp_path: Path) -> None:
    rng = random.Random(1)
    script: list[KeyEdge] = []
    with play(tmp_path) as terminal:
        terminal.wait("until you release them")
        assert terminal.flags[-1] & 2
        terminal.wait("score")
        # Chords, repeats of the newest key, releases in any order.
        held: list[str] = []
        for _ in range(60):
            if held and (len(held) == 3 or rng.random() < 0.5):
                key = held.pop(rng.randrange(len(held)))
                script.append(KeyEdge(terminal.send_key(key, "release"), key, False, "human"))
            else:
                key = rng.choice([key for key in KEYS if key not in held])
                held.append(key)
                script.append(KeyEdge(terminal.send_key(key), key, True, "human"))
            for _ in range(rng.randrange(3)):
                time.sleep(0.04)
                if held:
                    terminal.send_key(held[-1], "repeat")
            time.sleep(0.04)
        for key in held:
            script.append(KeyEdge(terminal.send_key(key, "release"), key, False, "human"))
        time.sleep(0.5)
        terminal.send_key("esc")
        terminal.wait_for_end()
        # The terminal's mode is restored.
        assert terminal.flags == [0]
    recording = open_recording(tmp_path)
    assert (recording.meta.source, recording.meta.keys) == ("human", KEYS)
    matching, frames = agreement(recording, script)
    assert frames > 0.25 * len(recording)
    assert matching == frames, f"{frames - matching} of {frames} frames have other keys than the script"
    # Each key stroke has the time at which the terminal's bytes were read.
    edges = recording.timeline.edges
    assert [(edge.key, edge.down) for edge in edges] == [(edge.key, edge.down) for edge in script]
    late = sorted(edge.time_ns - typed.time_ns for edge, typed in zip(edges, script, strict=True))
    assert late[0] >= 0
    assert late[len(late) // 2] < 1e9 / 60, "half of the keys are at least 1/60 s late"


def test_keys_are_released_when_the_terminal_loses_the_focus(tmp_path: Path) -> None:
    with play(tmp_path) as terminal:
        terminal.wait("until you release them")
        terminal.wait("score")
        terminal.send_key("up")
        terminal.send_key("space")
        time.sleep(0.4)
        focus_lost_ns = time.monotonic_ns()
        terminal.write("\x1b[O")
        time.sleep(0.4)
        terminal.write("\x1b[I")
        time.sleep(0.3)
        terminal.send_key("right")
        time.sleep(0.3)
        terminal.send_key("esc")
        terminal.wait_for_end()
    edges = open_recording(tmp_path).timeline.edges
    edge_times = {(edge.key, edge.down): edge.time_ns for edge in edges}
    for key in ("up", "space"):
        assert 0 <= edge_times[key, False] - focus_lost_ns < 2e8
    assert ("right", True) in edge_times, "keys are recorded again after the focus returns"


def test_without_release_events_a_key_is_held_briefly_after_each_press(tmp_path: Path) -> None:
    with play(tmp_path, False, "--hold-seconds", "0.2") as terminal:
        terminal.wait("this terminal reports no releases")
        terminal.wait("score")
        script = type_taps_and_repeats(terminal, hold_seconds=0.2)
        time.sleep(0.5)
        terminal.send_key("esc")
        terminal.wait_for_end()
    matching, frames = agreement(open_recording(tmp_path), script)
    assert frames > 30
    assert matching == frames


def type_taps_and_repeats(terminal: ScriptedTerminal, hold_seconds: float) -> list[KeyEdge]:
    """Type taps and a repeating key; returns the expected edges."""
    script = []
    for key, repeats in (("up", 0), ("space", 0), ("left", 8), ("right", 5)):
        began = last = terminal.send_key(key)
        for _ in range(repeats):
            time.sleep(0.05)
            last = terminal.send_key(key)
        script += [
            KeyEdge(began, key, True, "human"),
            KeyEdge(last + round(hold_seconds * 1e9), key, False, "human"),
        ]
        time.sleep(hold_seconds + 0.2)
    return script


def test_latched_mode_holds_a_direction_until_the_next(tmp_path: Path) -> None:
    with play(tmp_path, False, "--holding", "latched") as terminal:
        terminal.wait("The last direction is held")
        terminal.wait("score")
        script = []
        before = None
        for key in ("left", "up", "right", "down"):
            time_ns = terminal.send_key(key)
            if before is not None:
                script.append(KeyEdge(time_ns, before, False, "human"))
            script.append(KeyEdge(time_ns, key, True, "human"))
            before = key
            time.sleep(0.4)
        time_ns = terminal.send_key("space")
        script += [
            KeyEdge(time_ns, "space", True, "human"),
            KeyEdge(time_ns + 150_000_000, "space", False, "human"),
        ]
        time.sleep(0.5)
        terminal.write("\r")
        script.append(KeyEdge(time.monotonic_ns(), "down", False, "human"))
        time.sleep(0.4)
        terminal.send_key("esc")
        terminal.wait_for_end()
    matching, frames = agreement(open_recording(tmp_path), script)
    assert frames > 30
    assert matching == frames
