"""Tests of held keys from terminal keystrokes: each hold mode, and terminals that report wrongly."""

import threading
import time

import pytest

from agp_tui.config.types import HoldMode, KeyAction
from agp_tui.keys.state import NO_KEYS, KeyEdge
from agp_tui.keys.terminal_keys import TerminalKeyListener

KEYS = ("up", "left", "right", "space")
MS = 1_000_000


class Typist:
    """Types on a keyboard at given times (simulated clock)."""

    def __init__(self, holding: HoldMode, hold_seconds: float = 0.15) -> None:
        self.now_ms = 0
        self.warnings: list[str] = []
        self.keyboard = TerminalKeyListener(
            KEYS, holding, hold_seconds, self.warnings.append, lambda: self.now_ms * MS
        )

    def type_key(self, at_ms: int, key: str, stroke: KeyAction = "press") -> None:
        self.now_ms = at_ms
        self.keyboard.on_key(key, stroke, at_ms * MS)

    def edges(self, at_ms: int | None = None) -> list[tuple[int, str, bool]]:
        """All edges since the last call, as (time in ms, key, down)."""
        self.now_ms = self.now_ms if at_ms is None else at_ms
        edges = self.keyboard.edges()
        assert all(edge.who == "human" for edge in edges)
        return [(edge.time_ns // MS, edge.key, edge.down) for edge in edges]


def test_key_is_held_from_press_to_reported_release() -> None:
    typist = Typist("releases")
    typist.type_key(10, "up")
    typist.type_key(20, "space")
    for at_ms in range(500, 800, 30):
        typist.type_key(at_ms, "up", "repeat")
    typist.type_key(900, "up", "release")
    assert typist.keyboard.held() == NO_KEYS  # up to the edges already returned
    assert typist.edges() == [(10, "up", True), (20, "space", True), (900, "up", False)]
    assert typist.keyboard.held() == {"space"}
    # A key that never repeated may be held indefinitely.
    assert typist.edges(60_000) == []
    typist.type_key(60_001, "space", "release")
    typist.type_key(60_002, "space", "release")
    typist.type_key(60_003, "q")
    assert typist.edges() == [(60_001, "space", False)]
    assert typist.warnings == []


def test_wait_returns_on_a_keystroke() -> None:
    typist = Typist("releases")
    for number, stroke in enumerate(("press", "release")):
        timer = threading.Timer(0.05, typist.type_key, [number, "up", stroke])
        timer.start()
        began = time.monotonic()
        typist.keyboard.wait(60.0)
        assert time.monotonic() - began < 30.0
        assert typist.edges() == [(number, "up", stroke == "press")]
        timer.join()
    typist.keyboard.wait(0.01)
    assert typist.edges() == []


def test_key_without_release_is_released_when_repeats_stop() -> None:
    typist = Typist("releases")
    typist.type_key(0, "up")
    typist.type_key(500, "up", "repeat")
    typist.type_key(530, "up", "repeat")
    assert typist.edges(1500) == [(0, "up", True)]
    assert typist.edges(1531) == [(1531, "up", False)]
    assert "up key was stuck" in typist.warnings[0]
    # It was still held, without repeats; its next repeat presses it again.
    typist.type_key(1600, "up", "repeat")
    assert typist.edges() == [(1600, "up", True)]


def test_key_is_released_if_another_key_takes_over_the_repeat() -> None:
    typist = Typist("releases")
    typist.type_key(0, "up")
    typist.type_key(500, "up", "repeat")
    typist.type_key(600, "q")  # not a key of the game, but the key that the keyboard repeats now
    typist.type_key(700, "q", "release")
    assert typist.edges(30_000) == [(0, "up", True)]
    assert typist.warnings == []


def test_second_press_implies_a_missed_release() -> None:
    typist = Typist("releases")
    typist.type_key(0, "up")
    typist.type_key(300, "up")
    assert typist.edges() == [(0, "up", True), (300, "up", False), (300, "up", True)]
    # One missing release is not enough to distrust the terminal.
    typist.type_key(400, "up", "release")
    for at_ms in (500, 600, 700, 800):
        typist.type_key(at_ms, "left")
    assert typist.keyboard.hold_mode == "releases"


def test_terminal_without_real_releases_is_detected() -> None:
    typist = Typist("releases")
    for at_ms in (0, 500, 530, 560, 590):  # repeats as presses, and nothing else
        typist.type_key(at_ms, "up")
    assert typist.keyboard.hold_mode == "timeout"
    assert len(typist.warnings) == 1
    edges = typist.edges(2000)
    assert edges[-1] == (740, "up", False)
    assert typist.keyboard.held() == NO_KEYS


@pytest.mark.parametrize("stroke", ["press", "repeat"])
def test_timeout_holds_a_key_after_each_stroke(stroke: KeyAction) -> None:
    typist = Typist("timeout")
    typist.type_key(0, "up")
    assert typist.edges(100) == [(0, "up", True)]
    # Nothing until the repeats begin; the key is held during the repeats.
    for at_ms in (500, 530, 560):
        typist.type_key(at_ms, "up", stroke)
    typist.type_key(570, "space")
    assert typist.edges(650) == [(150, "up", False), (500, "up", True), (570, "space", True)]
    assert typist.edges(800) == [(710, "up", False), (720, "space", False)]


def test_longer_timeout_bridges_the_repeat_delay() -> None:
    typist = Typist("timeout", hold_seconds=0.6)
    for at_ms in (0, 500, 530):
        typist.type_key(at_ms, "left")
    assert typist.edges(2000) == [(0, "left", True), (1130, "left", False)]


def test_latch_holds_the_last_direction_until_enter() -> None:
    typist = Typist("latched")
    typist.type_key(0, "left")
    typist.type_key(100, "space")
    assert typist.edges(5000) == [(0, "left", True), (100, "space", True), (250, "space", False)]
    typist.type_key(6000, "up")
    typist.type_key(6100, "q")
    typist.type_key(7000, "enter")
    assert typist.edges() == [(6000, "left", False), (6000, "up", True), (7000, "up", False)]


@pytest.mark.parametrize("holding", ["releases", "timeout", "latched"])
def test_release_all_releases_every_key(holding: HoldMode) -> None:
    typist = Typist(holding)
    typist.type_key(0, "up")
    typist.type_key(1, "space")
    typist.keyboard.release_all(50 * MS)
    assert [edge for edge in typist.edges(60) if not edge[2]] == [(50, "space", False), (50, "up", False)]
    typist.type_key(100, "left")
    typist.keyboard.set_hold_mode("timeout", 120 * MS)
    assert typist.edges() == [(100, "left", True), (120, "left", False)]
    typist.type_key(130, "left")
    assert typist.edges(1000) == [(130, "left", True), (280, "left", False)]


def test_edge_times_are_monotonic() -> None:
    typist = Typist("timeout")
    typist.type_key(1000, "up")
    typist.edges(1500)
    typist.keyboard.on_key("left", "press", 900 * MS)  # late
    assert typist.keyboard.edges()[0] == KeyEdge(1150 * MS, "left", True, "human")
