"""Recordings of scripted players, made by the job of `agp record`."""

from pathlib import Path

import pytest

from agp_tui.config import GameSettings, RecordSettings
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.jobs.record import RecordRequest, run_record
from agp_tui.recording.store import Recording


def request(folder: Path, by: str, *, human_like: bool) -> RecordRequest:
    return RecordRequest(
        game="ALE/Freeway-v5",
        place=GameSettings(fps=30, seed=3),
        settings=RecordSettings(by=by, human_like=human_like, fast=True, seconds=8.0),
        recordings=folder / "recordings",
        models=folder / "models",
        runs=folder / "runs",
    )


def test_human_like_expert_is_recorded(tmp_path: Path) -> None:
    edges = []
    for human_like in (False, True):
        done = run_record(request(tmp_path, "expert", human_like=human_like), Job())
        recording = Recording.open(Path(done.recording or ""))
        assert (recording.meta.source, recording.meta.labels) == ("expert", "expert")
        edges.append([(edge.time_ns, edge.key, edge.down) for edge in recording.timeline.edges])
    expert, human = edges
    first = int(recording.timeline.before_ns[0])
    assert (human[0][0] - first) / 1e9 >= 0.1, "a person reacts late"
    assert expert != human


def test_only_the_expert_can_be_human_like(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="found chance"):
        run_record(request(tmp_path, "chance", human_like=True), Job())
    assert not (tmp_path / "recordings").exists()
