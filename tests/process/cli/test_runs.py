"""Tests of JSON output for runs, models, games and doctor findings, damaged entries included."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import Event, agp

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment
from agp_tui.protocol.events import Failed, Finished, encode_event


def last_event(home: Path, *words: str, code: int = 0) -> Event:
    """The last event of a command run in `home`."""
    result = agp(*words, home=home)
    assert result.code == code, result.summary()
    return result.events[-1]


WORKER_SCRIPT = """
import sys
from pathlib import Path
from agp_tui.protocol.events import *
from agp_tui.engine.runs import Run, RunLog
run = Run(Path(sys.argv[1]))
run.claim()
RunLog(run).handle(decode_event(sys.argv[2].encode()))
"""


def create_ended_run(root: Path, event: Finished | Failed) -> Run:
    """A run whose worker emitted `event` last."""
    run = Run.create(root, "train", {})
    subprocess.run(
        [sys.executable, "-c", WORKER_SCRIPT, str(run.path), encode_event(event).decode()],
        check=True,
        env=module_environment(),
    )
    return run


def test_runs_list_reports_state_and_result(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    now = time.time()
    good = create_ended_run(root, Finished(job="train", model="m", report={"long": 1}, at=now + 60))
    bad = create_ended_run(root, Failed(error="Expected frames, found none.", at=now + 1))
    waiting = Run.create(root, "demo", {})
    damaged = Run.create(root, "demo", {})
    (damaged.path / "run.json").write_text("{")
    found = {one["id"]: one for one in last_event(tmp_path, "runs", "list")["report"]["runs"]}
    assert set(found) == {good.id, bad.id, waiting.id, damaged.id}
    assert found[good.id]["state"] == "finished"
    assert found[good.id]["result"] == {"type": "finished", "job": "train", "model": "m", "at": now + 60}
    assert found[good.id]["seconds"] == pytest.approx(60, abs=5)
    assert found[good.id]["ended"] == now + 60
    assert found[bad.id]["state"] == "failed"
    assert found[bad.id]["result"]["error"] == "Expected frames, found none."
    assert (found[waiting.id]["job"], found[waiting.id]["state"], found[waiting.id]["ended"]) == (
        "demo", "waiting", None,
    )  # fmt: skip
    assert found[damaged.id]["state"] == "damaged"


def test_atari_list_and_doctor_report_data(tmp_path: Path) -> None:
    games = {one["id"]: one for one in last_event(tmp_path, "atari", "list")["report"]["games"]}
    pong = games["ALE/Pong-v5"]
    assert (pong["keys"], pong["expert"]) == (["up", "down"], True)
    assert not games["ALE/Adventure-v5"]["expert"]
    findings = last_event(tmp_path, "doctor")["report"]["findings"]
    assert {"name", "ok", "found", "cure"} == set(findings[0])
    assert len(findings) > 5


def test_doctor_uses_the_minimum_disk_space_of_record(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[record]\nmin_free_mb = 999999999\n")
    (disk,) = [one for one in last_event(tmp_path, "doctor")["report"]["findings"] if one["name"] == "disk"]
    assert disk["ok"] is False and "999999999 MB" in disk["found"]


def test_damaged_model_is_listed_and_deleted_with_yes_flag(tmp_path: Path) -> None:
    damaged = tmp_path / "models" / "damaged"
    damaged.mkdir(parents=True)
    (damaged / "model.toml").write_text("schema = 1\nkeys = 3\n")
    (listed,) = last_event(tmp_path, "models", "list")["report"]["models"]
    assert listed["name"] == "damaged" and "model.toml" in listed["problem"]
    assert "Add --yes" in last_event(tmp_path, "models", "delete", "damaged", code=2)["hint"]
    assert damaged.exists()
    assert last_event(tmp_path, "models", "delete", "damaged", "--yes")["model"] == str(damaged)
    assert not damaged.exists()


def test_ended_run_is_deleted_only_with_yes_flag(tmp_path: Path) -> None:
    run = create_ended_run(tmp_path / "runs", Finished(job="train"))
    assert "Add --yes" in last_event(tmp_path, "runs", "delete", run.id, code=2)["hint"]
    assert run.path.exists()
    assert last_event(tmp_path, "runs", "delete", run.id, "--yes")["run"] == run.id
    assert not run.path.exists()
