"""Tests of detached jobs: a real training survives its launcher and stops on request."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.fakes import EventLog

from agp_tui.engine import launcher as launcher_module
from agp_tui.engine.job import Job
from agp_tui.engine.launcher import follow, last_words, launch
from agp_tui.engine.runs import Run, RunError
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import JobFailed
from agp_tui.games.base import Frame
from agp_tui.keys.state import KeyEdge
from agp_tui.protocol.events import Failed
from agp_tui.recording.store import RecordingMeta, RecordingWriter

TRAIN = ["train", "--game", "rally", "--segment", "2", "--epochs", "100000", "--patience", "100000"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty `config.toml` and a tiny recording: white frames go with left, black ones with right."""
    (tmp_path / "config.toml").write_text("")
    meta = RecordingMeta(
        game="rally", fps=30, frame_size=(32, 32), keys=("left", "right"), backend="mss", source="human",
        labels="human",
    )  # fmt: skip
    with RecordingWriter.create(tmp_path / "recordings", meta) as writer:
        for number in range(300):
            left = number // 10 % 2 == 0
            time_ns = number * 33_333_333 + 1_000
            if number % 10 == 0:
                writer.edge(KeyEdge(time_ns - 2, "right" if left else "left", False, "human"))
                writer.edge(KeyEdge(time_ns - 1, "left" if left else "right", True, "human"))
            writer.frame(Frame(np.full((32, 32, 3), 255 * left, np.uint8), time_ns, time_ns + 1))
    return tmp_path


@contextmanager
def agp(home: Path, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
    """The command in a new session, as a terminal starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agp_tui", *words, "--json"],
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=module_environment(OMP_NUM_THREADS="1"),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def next_event(process: "subprocess.Popen[bytes]", kind: str) -> dict[str, Any]:
    """The next event of type `kind`."""
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["type"] == kind:
            return event
    raise AssertionError(f"no event of type {kind} before the end")


def only_run(home: Path) -> Run:
    (run,) = Run.all(home / "runs")
    return run


@pytest.fixture
def kill_remaining_runs(home: Path) -> Iterator[None]:
    """Kill runs that are still alive after the test."""
    yield
    for run in Run.all(home / "runs"):
        if run.alive() and run.pid is not None:
            os.kill(run.pid, signal.SIGKILL)


def writes_events(run: Run, seconds: float = 30.0) -> bool:
    """Whether the run writes new events."""
    path, deadline = run.path / "events.jsonl", time.monotonic() + seconds
    size = path.stat().st_size
    while time.monotonic() < deadline:
        if path.stat().st_size > size:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.usefixtures("kill_remaining_runs")
def test_training_survives_its_launcher_and_is_followed_stopped_resumed(home: Path) -> None:
    with agp(home, *TRAIN) as starter:
        assert next_event(starter, "started")["run"] == only_run(home).id
        next_event(starter, "progress")
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    run = only_run(home)
    assert run.state() == "running"
    assert writes_events(run)

    with agp(home, "runs", "follow", run.id) as terminal:
        assert next_event(terminal, "started")["run"] == run.id
        next_event(terminal, "progress")
        os.killpg(terminal.pid, signal.SIGHUP)
        terminal.wait(20)
    assert run.state() == "running"
    assert writes_events(run)

    with agp(home, "runs", "follow", run.id) as terminal:
        next_event(terminal, "progress")
        terminal.send_signal(signal.SIGINT)
        finished = next_event(terminal, "finished")
        assert terminal.wait(30) == 130
    assert finished["run"] == run.id
    assert finished["report"]["why"] == "stopped"
    assert run.state() == "finished"
    assert (run.checkpoints / "last.pt").is_file()

    # A resumed run continues and reports new events only.
    with agp(home, "train", "--resume", run.id) as terminal:
        next_event(terminal, "started")
        assert next_event(terminal, "progress")["at"] > finished["at"]
        with agp(home, "runs", "stop", run.id) as stopper:
            assert next_event(stopper, "finished")["run"] == run.id
        next_event(terminal, "finished")
    assert Run.all(home / "runs") == [run]


@pytest.mark.usefixtures("kill_remaining_runs")
def test_detach_returns_immediately_and_the_run_continues(home: Path) -> None:
    with agp(home, *TRAIN, "--detach") as starter:
        assert next_event(starter, "finished")["run"] == only_run(home).id
        assert starter.wait(20) == 0
    run = only_run(home)
    assert run.alive()
    assert run.pid is not None
    assert os.getsid(run.pid) == run.pid

    with pytest.raises(RunError, match="found it running"):
        launch(run)

    os.kill(run.pid, signal.SIGKILL)
    event_log = EventLog()
    assert follow(run, Job(event_log)) == 1
    assert run.state() == "died"
    assert isinstance(event_log.events[-1], Failed)
    assert event_log.events[-1].error.startswith(f"The run {run.id} ended without a result")


def test_run_with_an_unknown_job_fails_with_exit_code_2(home: Path) -> None:
    run = Run.create(home / "runs", "knitting", {})
    launch(run)
    event_log = EventLog()
    assert follow(run, Job(event_log)) == 2
    assert event_log.events[-1] == next(event for event in run.events() if isinstance(event, Failed))
    assert "found 'knitting'" in event_log.events[-1].error
    assert run.state() == "failed"


def test_launch_of_a_failing_worker_reports_its_last_output_line(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    # A folder cannot be created where a file exists.
    (run.path / "checkpoints").write_text("")
    with pytest.raises(JobFailed, match="to start, found: FileExistsError"):
        launch(run)


def test_last_words_returns_the_last_non_blank_line(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    assert last_words(run) == "nothing"
    (run.path / "narration.log").write_bytes(b"one\n  two \n\n \n")
    assert last_words(run) == "two"


def test_following_a_run_that_was_never_started_fails(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    with agp(home, "runs", "follow", run.id) as terminal:
        failed = next_event(terminal, "failed")
        assert terminal.wait(20) == 2
    assert "never did" in failed["error"]


def test_runs_list_includes_damaged_runs(home: Path) -> None:
    good = Run.create(home / "runs", "train", {})
    bad = Run.create(home / "runs", "train", {})
    (bad.path / "run.json").write_text("{")
    with agp(home, "runs", "list") as terminal:
        rows = next_event(terminal, "table")["rows"]
    assert {row[0]: row[2] for row in rows} == {good.id: "waiting", bad.id: "damaged"}


def test_worker_does_not_start_after_its_launch_timed_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher_module, "START_SECONDS", 0.0)
    run = Run.create(home / "runs", "train", {})
    with pytest.raises(JobFailed, match="to start"):
        launch(run)
    time.sleep(1.5)
    assert run.state() == "waiting"
