"""Long benchmarks with short durations: stored results, and resuming from them."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import agp

from benchmarks.bakeoff import BakeOffEntry, BakeOffResult
from benchmarks.learning import LearningResult
from benchmarks.results import append_result, read_results

SHORT = ("--games", "ALE/Pong-v5", "--episodes", "2", "--kept", "kept.jsonl")


def stored(home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home / "kept.jsonl").read_text().splitlines()]


def test_learn_stores_the_curve_and_random_play(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[atari]\nevaluate_games = 1\n")
    arguments = ("bench", "learn", *SHORT, "--algorithms", "chance,pqn", "--minutes", "0.05", "--cores", "1")
    first = agp(*arguments, home=tmp_path)
    assert first.code == 0, first.summary()
    by_algorithm = {one["entry"]["algorithm"]: one for one in stored(tmp_path)}
    chance, agent = by_algorithm["chance"], by_algorithm["pqn"]
    assert len(agent["figures"]["scores"]) == len(chance["figures"]["scores"]) == 2
    assert chance["figures"]["epsilon"] == 1.0 and chance["curve"] == []
    assert agent["curve"][-1]["steps"] == agent["steps"] > 0
    assert agent["memory"][0][1] > 100
    assert "cores" in agent["machine"]
    (table,) = [event for event in first.events if event["type"] == "table"]
    assert [row[1] for row in table["rows"]] == ["chance", "pqn"]
    before = (tmp_path / "kept.jsonl").read_bytes()
    again = agp(*arguments, home=tmp_path)
    assert again.code == 0, again.summary()
    assert (tmp_path / "kept.jsonl").read_bytes() == before
    assert len(list((tmp_path / "runs").iterdir())) == 1
    assert not (tmp_path / "models").exists(), "no model was requested"


def test_bakeoff_resumes(tmp_path: Path) -> None:
    """A stored result is unchanged and in the table; only the missing entry is run."""
    entry = BakeOffEntry(algorithm="pqn", game="ALE/Pong-v5", seed=0, minutes=0.03, games=2)
    known = BakeOffResult(
        entry=entry, minutes=(1, 2, 3), steps=(1, 2, 3), means=(4, 5, 6), normalised=(0, 0, 0)
    )
    append_result(tmp_path / "kept.jsonl", known)
    arguments = ("bench", "bakeoff", *SHORT, "--minutes", "0.03", "--seeds", "1", "--side-by-side", "1")
    done = agp(*arguments, "--algorithms", "pqn,ppo", home=tmp_path)
    assert done.code == 0, done.summary()
    first, second = read_results(tmp_path / "kept.jsonl", BakeOffResult)
    assert first == known and second.entry.algorithm == "ppo" and len(second.means) == 3
    (table,) = [event for event in done.events if event["type"] == "table"]
    assert [row[:2] for row in table["rows"]] == [["Pong", "ppo"], ["Pong", "pqn"]]
    assert table["rows"][1][3:6] == [4, 5, 6]


def test_equal_frames_stores_scores(tmp_path: Path) -> None:
    arguments = ("bench", "equal-frames", "--game", "ALE/Breakout-v5", "--ways", "ppo", "--decisions", "6000",
             "--kept", "kept.jsonl")  # fmt: skip
    done = agp(*arguments, home=tmp_path)
    assert done.code == 0, done.summary()
    (one,) = stored(tmp_path)
    assert one["entry"]["decisions"] == 6000 and one["cpu_seconds"] > 0
    assert 1 <= len(one["scores"]) <= 20
    (table,) = [event for event in done.events if event["type"] == "table"]
    assert table["rows"][0][:3] == ["Breakout", "agp ppo", 6000]
    before = (tmp_path / "kept.jsonl").read_bytes()
    assert agp(*arguments, home=tmp_path).code == 0
    assert (tmp_path / "kept.jsonl").read_bytes() == before
    refused = agp("bench", "equal-frames", "--ways", "sb3 DQN", home=tmp_path)
    assert refused.code == 2 and "'sb3 DQN'" in refused.only_event("failed")["error"]


def test_corrections_resume(tmp_path: Path) -> None:
    short = ("--demonstration", "0.2", "--training", "0.02", "--rounds", "1", "--round-seconds", "8",
             "--round-training", "0.02", "--game-seconds", "4",
             "--seeds", "0", "--episodes", "1")  # fmt: skip
    arguments = ("bench", "corrections", *short, "--kept", "kept.jsonl")
    done = agp(*arguments, home=tmp_path)
    assert done.code == 0, done.summary()
    (one,) = stored(tmp_path)
    for player in ("expert", "chance", "clone", "watched", "corrected"):
        assert len(one[player]) == 1
    (table,) = [event for event in done.events if event["type"] == "table"]
    assert [row[1] for row in table["rows"]] == [0, "all"]
    assert not (tmp_path / "recordings").exists(), "temporary files are removed"
    before = (tmp_path / "kept.jsonl").read_bytes()
    assert agp(*arguments, home=tmp_path).code == 0
    assert (tmp_path / "kept.jsonl").read_bytes() == before
    refused = agp("bench", "corrections", "--games", "ALE/Skiing-v5", home=tmp_path)
    assert refused.code == 2 and "scripted expert" in refused.only_event("failed")["error"]


def test_practice_stores_the_rounds(tmp_path: Path) -> None:
    short = ("--demonstration", "0.2", "--training", "0.02", "--rounds", "1", "--round-seconds", "8",
             "--round-training", "0.02", "--game-seconds", "4", "--episodes", "1",
             "--frame-size", "48", "--motion")  # fmt: skip
    arguments = ("bench", "practice", "--games", "ALE/Breakout-v5", *short, "--kept", "kept.jsonl")
    done = agp(*arguments, home=tmp_path)
    assert done.code == 0, done.summary()
    (one,) = stored(tmp_path)
    assert [len(scores) for scores in one["rounds"]] == [4, 4]
    for player in ("expert", "chance", "clone", "best"):
        assert len(one[player]) == 1
    assert one["steady"] is None and one["best_round"] in (0, 1)
    (table,) = [event for event in done.events if event["type"] == "table"]
    assert [row[:3] for row in table["rows"]] == [["Breakout", 0, "48 pixels with motion"]]
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [], "temporary files are removed"


@pytest.mark.parametrize("command", ["learn", "bakeoff"])
def test_invalid_results_file_is_rejected_and_unchanged(tmp_path: Path, command: str) -> None:
    (tmp_path / "kept.jsonl").write_text('{"entry": 3}\n')
    refused = agp("bench", command, *SHORT, home=tmp_path)
    assert refused.code == 2, refused.summary()
    assert "line 1 of kept.jsonl" in refused.only_event("failed")["error"]
    assert (tmp_path / "kept.jsonl").read_text() == '{"entry": 3}\n'


@pytest.mark.parametrize("command", ["learn", "bakeoff"])
def test_unknown_algorithm_is_rejected(tmp_path: Path, command: str) -> None:
    refused = agp("bench", command, "--algorithms", "magic", home=tmp_path)
    assert refused.code == 2
    assert "found 'magic'" in refused.only_event("failed")["error"]


def test_missing_results_file_is_empty(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.jsonl", LearningResult) == []
