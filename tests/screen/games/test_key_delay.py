"""Tests of `agp doctor --game`: a window is pressed, measured, and only with the focus."""

import json
from pathlib import Path

import pytest
from support.arena_window import Arena
from support.commands import agp
from support.xserver import XServer, observe

from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display


def below_counter(arena: Arena) -> str:
    """The region without the picture counter, which changes all the time."""
    row = arena.size // 8
    return f"{arena.left},{arena.top + row},{arena.size},{arena.size - row}"


@pytest.mark.nightly
def test_doctor_measures_a_window_and_recordings_hold_the_figure(
    x_server: XServer, arena: Arena, home: Path
) -> None:
    words = ("doctor", "--game", "window", "--region", below_counter(arena), "--keys", "left")
    result = agp(*words, home=home, display=x_server.name)
    finding = result.finished["report"]["findings"][-1]
    assert finding["name"] == "delay of window" and finding["ok"] is True, finding
    stored = json.loads((home / "recordings/window/key_delay.json").read_text())
    # The window paints at each key event; without load that takes some milliseconds.
    assert 0 < stored["milliseconds"] < 300 and stored["keys"] == ["left"]
    words = ("record", *words[1:], "--seconds", "0.5")
    recorded = agp(*words, home=home, display=x_server.name).finished["recording"]
    assert Recording.open(Path(recorded)).meta.game_delay_ms == stored["milliseconds"]
    facts = agp("recordings", "info", recorded, home=home).finished["report"]["facts"]
    assert facts["delay of the game, ms"] == stored["milliseconds"]


def test_doctor_presses_nothing_without_the_focus(x_server: XServer, arena: Arena, home: Path) -> None:
    with observe(x_server.name) as other, other.focused_window() as presses:
        result = agp("doctor", "--game", "window", *arena.place, home=home, display=x_server.name)
        assert presses() == 0
    finding = result.finished["report"]["findings"][-1]
    assert finding["ok"] is False and "to have the keyboard focus" in finding["found"]
    assert not (home / "recordings/window").exists() and arena.reports == []
