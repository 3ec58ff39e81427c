"""Trainings beside each other: read from what runs told, whole, going on, stopped and damaged ones."""

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


def run_of(root: Path, *events: Event, job: str = "atari", **settings: Any) -> Run:
    """A run that told these, its process gone."""
    run = Run.create(root, job, atari_events.atari_request(**settings))
    (run.path / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    body = {"pid": 1 << 22, "began": "then", "events_from": 0}
    (run.path / "process.json").write_text(json.dumps(body))
    return run


def only(root: Path) -> AgentRunSummary:
    (found,) = compare(Run.all(root))
    return found


def test_the_best_evaluation_counts_while_a_training_has_not_ended(tmp_path: Path) -> None:
    told = (
        *atari_events.start_events(0.0),
        atari_events.evaluated(10, 9.0),
        atari_events.evaluated(20, 4.0),
        atari_events.progress(30),
    )
    run = run_of(tmp_path, *told)
    assert only(tmp_path) == AgentRunSummary(
        id=run.id, game=BREAKOUT, algorithm="ppo", protocol="sticky", state="died", steps=30_000, minutes=0.5,
        score_mean=9.0, score_low=7.0, score_high=12.0, games=10, human_normalised=0.2535,
    )  # fmt: skip


def test_in_the_end_the_longer_evaluation_of_the_best_agent_counts(tmp_path: Path) -> None:
    run_of(tmp_path, *atari_events.training_events(0.0), atari_events.finished(6.0))
    found = only(tmp_path)
    assert (found.score_mean, found.games, found.steps, found.minutes) == (6.0, 30, 100_000, 2.0)
    assert found.state == "finished"


def test_a_stopped_training_is_called_so_and_keeps_its_best_evaluation(tmp_path: Path) -> None:
    end = msgspec.structs.replace(atari_events.finished(), stopped=True, report=None)
    run_of(tmp_path, *atari_events.training_events(0.0), end)
    found = only(tmp_path)
    assert found.state == "stopped" and found.score_mean == 40 / 3


def test_a_damaged_line_costs_only_what_comes_after_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, *atari_events.training_events(0.0))
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"type": "nonsense"}\n' + encode_event(atari_events.finished()))
    assert only(tmp_path).steps == 40_000


def test_other_jobs_and_unreadable_runs_are_left_out(tmp_path: Path) -> None:
    run_of(tmp_path, job="train")
    broken = run_of(tmp_path)
    (broken.path / "run.json").write_text("{")
    strange = run_of(tmp_path)
    (strange.path / "run.json").write_text('{"job": "atari", "created": 1.0, "request": {}}')
    assert compare(Run.all(tmp_path)) == []


def test_the_command_tells_programs_all_and_people_the_same_shortly(tmp_path: Path) -> None:
    run = run_of(tmp_path / "runs", *atari_events.training_events(0.0), atari_events.finished(6.0))
    run_of(tmp_path / "runs", Failed(error="no"), algorithm="dqn", protocol="classic")
    report = agp("atari", "runs", home=tmp_path).finished["report"]["runs"]
    good, bad = sorted(report, key=lambda one: one["id"] != run.id)
    assert good["id"] == run.id and good["human_normalised"] == 0.375
    assert (bad["algorithm"], bad["state"], bad["score_mean"], bad["steps"]) == ("dqn", "failed", None, None)
    said = agp_text("atari", "runs", home=tmp_path).stdout
    assert run.id[-4:] in said and "100k" in said and "5.0 to 7.0" in said
    assert "(classic)" in said


def test_numbers_are_shortened() -> None:
    assert [shortened(number) for number in (812, 3_904, 1_250_000)] == ["812", "3.9k", "1.25M"]
