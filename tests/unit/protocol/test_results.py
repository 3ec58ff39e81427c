"""Tests of typed results: JSON round trip, and events of versions without the newer fields."""

import inspect

import msgspec
import pytest

from agp_tui.errors import AgpError, BadSetting, Interrupted, JobFailed, JobStopped
from agp_tui.protocol import results
from agp_tui.protocol.events import Failed, Finished, Result, decode_event, encode_event
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.results import (
    DemoResult,
    LatencyResult,
    PickResult,
    PlayerScores,
    PlayResult,
    RecordResult,
    TrainingResult,
)

F1 = {"f1": 0.9, "change_f1": 0.8}
WORSE = {"f1": 0.5, "change_f1": 0.0}
VALIDATION = {
    "positions": 400,
    "changes": 20,
    "keys": [{"key": "up", "base_rate": 0.4, "precision": None, "recall": 1.0, "f1": 0.9, "threshold": 0.5}],
    "model": F1,
    "repeat": WORSE,
    "majority": WORSE,
    "loss": 0.1,
    "verdict": "",
}
FULL: list[Result] = [
    TrainingResult(
        why="epochs", epochs=3, validation=VALIDATION, preflight=LatencyResult(fits=True, fps=30.0)
    ),
    DemoResult(practised=PlayerScores(scores=(1.0, 2.0), mean=1.5)),
    PlayResult(capped=0, dry_run=False, panic=True, overruns=0, hangs=1, score=0.0),
    RecordResult(because="it was stopped", shares={"up": 0.5}, combinations=(), warnings=()),
    PickResult(center=(3, 4), display=":0"),
]


def read(event: Finished) -> Finished:
    decoded = decode_event(encode_event(event))
    assert isinstance(decoded, Finished)
    return decoded


@pytest.mark.parametrize("report", FULL, ids=lambda report: type(report).__name__)
def test_report_round_trip(report: Result) -> None:
    assert read(Finished(job="x", report=report)).result(type(report)) == report


def test_list_results_have_defaults() -> None:
    kinds = [
        kind for _, kind in inspect.getmembers(results, inspect.isclass) if kind.__name__.endswith("sResult")
    ]
    assert kinds
    for kind in kinds:
        if issubclass(kind, Result):
            assert read(Finished(job="x", report=kind())).result(kind) == kind()


def test_empty_fields_are_encoded_as_in_earlier_versions() -> None:
    training = msgspec.to_builtins(TrainingResult(why="stopped"))
    assert training == {
        "why": "stopped", "epochs": 0, "validation": {}, "preflight": None, "rare_situations": ()
    }  # fmt: skip
    assert msgspec.to_builtins(RecordResult(because="discarded")) == {"because": "discarded"}
    assert set(msgspec.to_builtins(FULL[2])) == {"capped", "dry_run", "panic", "overruns", "hangs", "score"}
    assert set(msgspec.to_builtins(DemoResult())) == {
        "expert",
        "clone after practice",
        "plain clone",
        "random",
    }


def test_report_of_another_version_or_type_is_accepted() -> None:
    assert Finished(job="x").result(TrainingResult) is None
    newer = Finished(job="x", report={"why": "epochs", "not_known_yet": 1})
    assert newer.result(TrainingResult) == TrainingResult(why="epochs")
    assert Finished(job="x", report={"center": "?"}).result(PickResult) is None
    assert Finished(job="x", report=FULL[4]).result(TrainingResult) is None


def test_validation_has_the_baseline_comparison() -> None:
    def beats(**changes: object) -> bool:
        metrics = TrainingResult(validation=VALIDATION | changes).metrics
        assert metrics is not None
        return metrics.beats_baselines

    assert beats()
    assert beats(repeat={"f1": 0.9, "change_f1": 0.9}), "these keys are unknown in play"
    assert not beats(majority={"f1": 0.9, "change_f1": 0.0})
    assert not beats(keys=[]), "no key is pressed"
    assert TrainingResult().metrics is None, "nothing was held out"


def test_failure_has_setting_and_stopped_fields() -> None:
    bad = Failed.of(BadSetting("Expected at most 60, found 99.", "Lower it.", setting="fps"))
    assert (bad.setting, bad.stopped, bad.exit_code) == ("fps", False, 2)
    assert bad.error == "fps: Expected at most 60, found 99."
    assert Failed.of(JobStopped("Too early.")).stopped and not Failed.of(JobFailed("It broke.")).stopped
    assert Failed.of(Interrupted("Enough.")).exit_code == 130
    assert Failed.of(JobFailed("It broke."), 130).stopped, "it was interrupted meanwhile"
    raised = bad.as_error()
    assert isinstance(raised, AgpError) and (raised.setting, raised.hint) == ("fps", "Lower it.")


@pytest.mark.parametrize(("exit_code", "stopped"), [(130, True), (1, False), (2, False)])
def test_stopped_is_derived_from_exit_code_of_old_failures(exit_code: int, stopped: bool) -> None:
    line = f'{{"type":"failed","error":"Stopped before it.","exit_code":{exit_code},"at":1.0}}\n'
    old = decode_event(line.encode())
    assert isinstance(old, Failed)
    assert old.was_stopped is stopped and old.setting is None


def test_measured_latency_has_percentiles() -> None:
    body = {"latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0}, "budget_ms": 33.3, "fps": 30, "fps_max": 60}
    found = Finished(job="measure", report=body).result(LatencyResult)
    assert found is not None and found.latency_ms == Percentiles(1.0, 2.0, 3.0)
