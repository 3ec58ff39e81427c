"""What lists tell programs: runs, models, games and findings as data, damaged ones among them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import Event, agp

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment
from agp_tui.protocol.events import Failed, Finished, encode_event


def last(home: Path, *words: str, code: int = 0) -> Event:
    """The last event of a command in a folder."""
    result = agp(*words, home=home)
    assert result.code == code, result.story()
    return result.events[-1]


WORKED = """
import sys
from pathlib import Path
from agp_tui.protocol.events import *
from agp_tui.engine.runs import Run, RunLog
run = Run(Path(sys.argv[1]))
run.claim()
RunLog(run).handle(decode_event(sys.argv[2].encode()))
"""


def ended(root: Path, event: Finished | Failed) -> Run:
    """A run whose process told this last."""
    run = Run.create(root, "train", {})
    subprocess.run(
        [sys.executable, "-c", WORKED, str(run.path), encode_event(event).decode()],
        check=True,
        env=module_environment(),
    )
    return run


def test_runs_say_what_came_of_them(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    now = time.time()
    good = ended(root, Finished(job="train", model="m", report={"long": 1}, at=now + 60))
    bad = ended(root, Failed(error="Expected frames, found none.", at=now + 1))
    waiting = Run.create(root, "demo", {})
    torn = Run.create(root, "demo", {})
    (torn.path / "run.json").write_text("{")
    found = {one["id"]: one for one in last(tmp_path, "runs", "list")["report"]["runs"]}
    assert set(found) == {good.id, bad.id, waiting.id, torn.id}
    assert found[good.id]["state"] == "finished"
    assert found[good.id]["result"] == {"type": "finished", "job": "train", "model": "m", "at": now + 60}
    assert found[good.id]["seconds"] == pytest.approx(60, abs=5)
    assert found[good.id]["ended"] == now + 60
    assert found[bad.id]["state"] == "failed"
    assert found[bad.id]["result"]["error"] == "Expected frames, found none."
    assert (found[waiting.id]["job"], found[waiting.id]["state"], found[waiting.id]["ended"]) == (
        "demo", "waiting", None,
    )  # fmt: skip
    assert found[torn.id]["state"] == "damaged"


def test_the_games_of_the_console_and_the_findings_come_as_data(tmp_path: Path) -> None:
    games = {one["id"]: one for one in last(tmp_path, "atari", "list")["report"]["games"]}
    pong = games["ALE/Pong-v5"]
    assert (pong["keys"], pong["expert"]) == (["up", "down"], True)
    assert not games["ALE/Adventure-v5"]["expert"]
    findings = last(tmp_path, "doctor")["report"]["findings"]
    assert {"name", "ok", "found", "cure"} == set(findings[0])
    assert len(findings) > 5


def test_the_doctor_wants_as_much_room_as_a_recording(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[record]\nmin_free_mb = 999999999\n")
    (disk,) = [one for one in last(tmp_path, "doctor")["report"]["findings"] if one["name"] == "disk"]
    assert disk["ok"] is False and "999999999 MB are needed" in disk["found"]


def test_models_are_listed_described_and_deleted_by_command(tmp_path: Path) -> None:
    damaged = tmp_path / "models" / "torn"
    damaged.mkdir(parents=True)
    (damaged / "model.toml").write_text("schema = 1\nkeys = 3\n")
    (listed,) = last(tmp_path, "models", "list")["report"]["models"]
    assert listed["name"] == "torn" and "model.toml" in listed["problem"]
    assert "Add --yes" in last(tmp_path, "models", "delete", "torn", code=2)["hint"]
    assert damaged.exists()
    assert last(tmp_path, "models", "delete", "torn", "--yes")["model"] == str(damaged)
    assert not damaged.exists()


def test_an_ended_run_is_deleted_by_command_and_only_when_told_twice(tmp_path: Path) -> None:
    run = ended(tmp_path / "runs", Finished(job="train"))
    assert "Add --yes" in last(tmp_path, "runs", "delete", run.id, code=2)["hint"]
    assert run.path.exists()
    assert last(tmp_path, "runs", "delete", run.id, "--yes")["run"] == run.id
    assert not run.path.exists()
