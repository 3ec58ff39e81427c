"""The imitation suite with one game and short times: a person-like player is recorded, cloned and scored."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import agp
from support.requirements import skip_or_fail

from agp_tui.errors import MissingPart
from agp_tui.recording.store import Recording
from benchmarks.imitation_suite.suite import GAMES

LENGTH = ("--minutes", "0.35")
SHORT = ("--drives", "1", "--frame-size", "64",
         "--train-options=--segment 4 --minutes 0.1", "--label", "test",
         "--folder", "suite", "--kept", "kept.jsonl")  # fmt: skip


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.display
@pytest.mark.debian_game
def test_game_is_demonstrated_cloned_and_scored(tmp_path: Path) -> None:
    try:
        GAMES["pyracerz"].require()
    except MissingPart as error:
        skip_or_fail(str(error), "AGP_REQUIRE_GAMES")
    done = agp(
        "bench", "imitate", "--games", "pyracerz", *LENGTH, *SHORT, "--drive-seconds", "10", home=tmp_path
    )
    assert done.code == 0, done.summary()
    (one,) = lines(tmp_path / "kept.jsonl")
    (demonstrator,), (constant,), (clone,) = one["demonstrator"], one["constant"], one["clone"]
    assert demonstrator > 2 * abs(constant) and demonstrator > 1
    assert isinstance(clone, float)
    outcome = one["outcome"]
    assert outcome["seconds"] > 0 and 0 < outcome["validation"]["model"]["f1"] <= 1
    assert Path(outcome["model"], "model.tflite").is_file()
    (piece,) = lines(tmp_path / "suite" / "demonstrations.jsonl")
    recording = Recording.open(Path(piece["recording"]))
    assert recording.meta.game == "suite-pyracerz"
    pressed = [edge for edge in recording.timeline.edges if edge.down]
    assert len(pressed) > 15 and {edge.key for edge in pressed} >= {"up", "left", "right"}
    (table,) = [event for event in done.events if event["type"] == "table"]
    assert table["rows"][0][:2] == ["pyracerz", "test, 64 px --segment 4 --minutes 0.1"]

    before = (tmp_path / "kept.jsonl").read_bytes()
    again = agp(
        "bench", "imitate", "--games", "pyracerz", *LENGTH, *SHORT, "--drive-seconds", "10", home=tmp_path
    )
    assert again.code == 0, again.summary()
    assert (tmp_path / "kept.jsonl").read_bytes() == before


def test_atari_game_is_demonstrated_cloned_and_scored(tmp_path: Path) -> None:
    done = agp(
        "bench", "imitate", "--games", "freeway", *LENGTH, *SHORT, "--drive-seconds", "30", home=tmp_path
    )
    assert done.code == 0, done.summary()
    (one,) = lines(tmp_path / "kept.jsonl")
    (demonstrator,), (constant,), (clone,) = one["demonstrator"], one["constant"], one["clone"]
    assert demonstrator >= constant > 0
    assert isinstance(clone, float)
    (piece,) = lines(tmp_path / "suite" / "demonstrations.jsonl")
    recording = Recording.open(Path(piece["recording"]))
    assert (recording.meta.game, recording.meta.labels) == ("ALE/Freeway-v5", "expert")
    assert {edge.key for edge in recording.timeline.edges} <= {"up", "down"}


def test_unknown_game_is_rejected(tmp_path: Path) -> None:
    refused = agp("bench", "imitate", "--games", "tetris", *LENGTH, *SHORT, home=tmp_path)
    assert refused.code == 2
    assert "found 'tetris'" in refused.only_event("failed")["error"]


def test_length_that_is_no_number_is_rejected(tmp_path: Path) -> None:
    refused = agp("bench", "imitate", *SHORT, "--minutes", "two", home=tmp_path)
    assert refused.code == 2
    assert "found 'two'" in refused.only_event("failed")["error"]
