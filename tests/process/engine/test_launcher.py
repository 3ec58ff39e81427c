"""Long jobs as processes of their own: a real training outlives its starter and stops when asked."""

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

from agp_tui.engine import launcher as client
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
    """The command as a terminal starts it: leader of a session of its own."""
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


def until(process: "subprocess.Popen[bytes]", kind: str) -> dict[str, Any]:
    """The next line of that kind."""
    assert process.stdout is not None
    for line in process.stdout:
        event: dict[str, Any] = json.loads(line)
        if event["type"] == kind:
            return event
    raise AssertionError(f"it ended before a line of type {kind}")


def the_run(home: Path) -> Run:
    (run,) = Run.all(home / "runs")
    return run


@pytest.fixture
def no_survivors(home: Path) -> Iterator[None]:
    """No training of this test goes on after it."""
    yield
    for run in Run.all(home / "runs"):
        if run.alive() and run.pid is not None:
            os.kill(run.pid, signal.SIGKILL)


def grows(run: Run, seconds: float = 30.0) -> bool:
    """Whether the run still tells new things."""
    path, deadline = run.path / "events.jsonl", time.monotonic() + seconds
    size = path.stat().st_size
    while time.monotonic() < deadline:
        if path.stat().st_size > size:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.usefixtures("no_survivors")
def test_a_training_outlives_its_starter_is_followed_again_and_stopped(home: Path) -> None:
    with agp(home, *TRAIN) as starter:
        assert until(starter, "started")["run"] == the_run(home).id
        until(starter, "progress")
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    run = the_run(home)
    assert run.state() == "running"
    assert grows(run)

    with agp(home, "runs", "follow", run.id) as terminal:
        assert until(terminal, "started")["run"] == run.id
        until(terminal, "progress")
        os.killpg(terminal.pid, signal.SIGHUP)
        terminal.wait(20)
    assert run.state() == "running"
    assert grows(run)

    with agp(home, "runs", "follow", run.id) as terminal:
        until(terminal, "progress")
        terminal.send_signal(signal.SIGINT)
        finished = until(terminal, "finished")
        assert terminal.wait(30) == 130
    assert finished["run"] == run.id
    assert finished["report"]["why"] == "stopped"
    assert run.state() == "finished"
    assert (run.checkpoints / "last.pt").is_file()

    # It goes on from where it was, and what is told now is not what was told then.
    with agp(home, "train", "--resume", run.id) as terminal:
        until(terminal, "started")
        assert until(terminal, "progress")["at"] > finished["at"]
        with agp(home, "runs", "stop", run.id) as stopper:
            assert until(stopper, "finished")["run"] == run.id
        until(terminal, "finished")
    assert Run.all(home / "runs") == [run]


@pytest.mark.usefixtures("no_survivors")
def test_detached_returns_at_once_and_the_run_goes_on(home: Path) -> None:
    with agp(home, *TRAIN, "--detach") as starter:
        assert until(starter, "finished")["run"] == the_run(home).id
        assert starter.wait(20) == 0
    run = the_run(home)
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


def test_a_run_with_bad_input_fails_with_its_exit_code(home: Path) -> None:
    run = Run.create(home / "runs", "knitting", {})
    launch(run)
    event_log = EventLog()
    assert follow(run, Job(event_log)) == 2
    assert event_log.events[-1] == next(event for event in run.events() if isinstance(event, Failed))
    assert "found 'knitting'" in event_log.events[-1].error
    assert run.state() == "failed"


def test_a_worker_that_does_not_come_up_is_said_with_its_last_words(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    # Nobody can make a folder where a file is.
    (run.path / "checkpoints").write_text("")
    with pytest.raises(JobFailed, match="to start, found: FileExistsError"):
        launch(run)


def test_last_words_are_the_last_line_that_says_anything(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    assert last_words(run) == "nothing"
    (run.path / "narration.log").write_bytes(b"one\n  two \n\n \n")
    assert last_words(run) == "two"


def test_a_run_that_never_began_is_not_waited_for(home: Path) -> None:
    run = Run.create(home / "runs", "train", {})
    with agp(home, "runs", "follow", run.id) as terminal:
        failed = until(terminal, "failed")
        assert terminal.wait(20) == 2
    assert "never did" in failed["error"]


def test_the_list_shows_every_run_even_a_damaged_one(home: Path) -> None:
    good = Run.create(home / "runs", "train", {})
    bad = Run.create(home / "runs", "train", {})
    (bad.path / "run.json").write_text("{")
    with agp(home, "runs", "list") as terminal:
        rows = until(terminal, "table")["rows"]
    assert {row[0]: row[2] for row in rows} == {good.id: "waiting", bad.id: "damaged"}


def test_who_is_told_that_it_did_not_start_does_not_find_it_running_later(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "START_SECONDS", 0.0)
    run = Run.create(home / "runs", "train", {})
    with pytest.raises(JobFailed, match="to start"):
        launch(run)
    time.sleep(1.5)
    assert run.state() == "waiting"
