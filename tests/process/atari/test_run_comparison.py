"""Tests of the run comparison: finished, running, stopped and damaged runs."""

import json
from pathlib import Path
from typing import Any

import msgspec
from support import atari_events
from support.atari_events import BREAKOUT
from support.commands import agp, agp_text

from agp_tui.atari.run_comparison import compare, shortened
from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Event, Failed, encode_event
from agp_tui.protocol.summaries import AgentRunSummary


def create_run(root: Path, *events: Event, job: str = "atari", **settings: Any) -> Run:
    """A run with these events whose process no longer exists."""
    run = Run.create(root, job, atari_events.atari_request(**settings))
    (run.path / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    body = {"pid": 1 << 22, "began": "then", "events_from": 0}
    (run.path / "process.json").write_text(json.dumps(body))
    return run


def only_summary(root: Path) -> AgentRunSummary:
    (summary,) = compare(Run.all(root))
    return summary


def test_unfinished_run_shows_its_best_evaluation(tmp_path: Path) -> None:
    events = (
        *atari_events.start_events(0.0),
        atari_events.evaluated(10, 9.0),
        atari_events.evaluated(20, 4.0),
        atari_events.progress(30),
    )
    run = create_run(tmp_path, *events)
    assert only_summary(tmp_path) == AgentRunSummary(
        id=run.id, game=BREAKOUT, algorithm="ppo", protocol="sticky", state="died", steps=30_000, minutes=0.5,
        score_mean=9.0, score_low=7.0, score_high=12.0, games=10, human_normalised=0.2535,
    )  # fmt: skip


def test_finished_run_shows_the_final_evaluation(tmp_path: Path) -> None:
    create_run(tmp_path, *atari_events.training_events(0.0), atari_events.finished(6.0))
    summary = only_summary(tmp_path)
    assert (summary.score_mean, summary.games, summary.steps, summary.minutes) == (6.0, 30, 100_000, 2.0)
    assert summary.state == "finished"


def test_stopped_run_shows_its_best_evaluation(tmp_path: Path) -> None:
    end = msgspec.structs.replace(atari_events.finished(), stopped=True, report=None)
    create_run(tmp_path, *atari_events.training_events(0.0), end)
    summary = only_summary(tmp_path)
    assert summary.state == "stopped" and summary.score_mean == 40 / 3


def test_events_before_a_damaged_line_are_used(tmp_path: Path) -> None:
    run = create_run(tmp_path, *atari_events.training_events(0.0))
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"type": "nonsense"}\n' + encode_event(atari_events.finished()))
    assert only_summary(tmp_path).steps == 40_000


def test_other_jobs_and_unreadable_runs_are_skipped(tmp_path: Path) -> None:
    create_run(tmp_path, job="train")
    broken = create_run(tmp_path)
    (broken.path / "run.json").write_text("{")
    invalid = create_run(tmp_path)
    (invalid.path / "run.json").write_text('{"job": "atari", "created": 1.0, "request": {}}')
    assert compare(Run.all(tmp_path)) == []


def test_command_prints_full_json_and_a_short_table(tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", *atari_events.training_events(0.0), atari_events.finished(6.0))
    create_run(tmp_path / "runs", Failed(error="no"), algorithm="dqn", protocol="classic")
    report = agp("atari", "runs", home=tmp_path).finished["report"]["runs"]
    good, bad = sorted(report, key=lambda summary: summary["id"] != run.id)
    assert good["id"] == run.id and good["human_normalised"] == 0.375
    assert (bad["algorithm"], bad["state"], bad["score_mean"], bad["steps"]) == ("dqn", "failed", None, None)
    output = agp_text("atari", "runs", home=tmp_path).stdout
    assert run.id[-4:] in output and "100k" in output and "5.0 to 7.0" in output
    assert "(classic)" in output


def test_shortened_numbers() -> None:
    assert [shortened(number) for number in (812, 3_904, 1_250_000)] == ["812", "3.9k", "1.25M"]
