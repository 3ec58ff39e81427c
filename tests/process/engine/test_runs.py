"""Tests of run folders: creation, lookup, claim, follow, stop, and the state after a kill."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.full_disk import file_size_limit

from agp_tui.engine import runs as runs_module
from agp_tui.engine.runs import LiveFile, Run, RunError, RunLog, process_start
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import AgpError
from agp_tui.protocol.events import (
    AnyEvent,
    Failed,
    Finished,
    Live,
    Note,
    Progress,
    Stage,
    Started,
    decode_event,
    encode_event,
)

WORKER_SCRIPT = """
import sys, time
from pathlib import Path
from agp_tui.protocol.events import Failed, Finished, Live, Note, Started
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run, RunLog

run = Run(Path(sys.argv[1]))
run.claim()
job = Job(RunLog(run))
with job.stop_on_signals():
    job.emit(Started(job="train", run=run.id))
    for number in range({notes}):
        job.emit(Note(text=str(number)))
        job.emit(Live(seconds=number, fps=1, fps_asked=1, frames=number, missed=0))
        time.sleep(0.01)
    print("ready", flush=True)
    while {waits} and not job.stopping:
        time.sleep(0.01)
    job.emit({end})
job.close()
"""


@contextmanager
def running_worker(
    run: Run, notes: int = 3, waits: bool = True, end: str = 'Finished(job="train")'
) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker process of the run: emits `notes`, waits for a stop, then emits `end`."""
    program = WORKER_SCRIPT.format(notes=notes, waits=waits, end=end)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(run.path)], stdout=subprocess.PIPE, env=module_environment()
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(autouse=True)
def _short_end_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some runs are claimed by the test process itself, which does not exit after its last event."""
    monkeypatch.setattr(runs_module, "END_SECONDS", 0.2)


def new_run(root: Path) -> Run:
    return Run.create(root, "train", {"game": "rally", "settings": {"epochs": 3}})


def follow_to_end(run: Run, seconds: float = 20.0) -> list[AnyEvent]:
    """All events of `follow()` until it returns by itself."""
    deadline = time.monotonic() + seconds
    events: list[AnyEvent] = []
    for event in run.follow(poll_seconds=0.01):
        assert time.monotonic() < deadline, "follow() does not return"
        if event is not None:
            events.append(event)
    return events


def texts(events: list[AnyEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


# Creation and lookup


def test_new_run_stores_its_request_and_is_waiting(tmp_path: Path) -> None:
    run = new_run(tmp_path / "deep" / "runs")
    assert run.job == "train"
    assert run.request == {"game": "rally", "settings": {"epochs": 3}}
    assert run.state() == "waiting"
    assert run.alive() is False
    assert run.pid is None
    assert list(run.events()) == []
    assert run.path.stat().st_mode & 0o077 == 0


def test_existing_run_name_is_not_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(runs_module.secrets, "token_hex", lambda _bytes: next(names))
    monkeypatch.setattr(runs_module.time, "strftime", lambda _format: "20260101-000000")
    first, second = new_run(tmp_path), new_run(tmp_path)
    assert [first.id[-4:], second.id[-4:]] == ["aaaa", "bbbb"]


def test_runs_of_the_same_second_have_different_ids(tmp_path: Path) -> None:
    runs = [new_run(tmp_path) for _ in range(10)]
    assert len({run.id for run in runs}) == 10
    deleted = Run(runs[0].path.rename(tmp_path / f".{runs[0].id}.deleted"))
    assert set(Run.all(tmp_path)) == set(runs[1:]), f"partially deleted: {deleted.id}"


def test_all_returns_only_runs_oldest_first(tmp_path: Path) -> None:
    for name in ("20260102-000000-train-aa", "20260101-000000-train-bb", "other"):
        (tmp_path / name).mkdir()
    for name in ("20260102-000000-train-aa", "20260101-000000-train-bb"):
        (tmp_path / name / "run.json").write_text("{}")
    (tmp_path / "file").write_text("")
    assert [run.id[:8] for run in Run.all(tmp_path)] == ["20260101", "20260102"]
    assert Run.all(tmp_path / "missing") == []


def test_find_by_prefix_suffix_or_name(tmp_path: Path) -> None:
    for name in ("20260101-000000-train-ab12", "20260102-000000-train-cd34"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    assert Run.find(tmp_path, "cd34").id == "20260102-000000-train-cd34"
    assert Run.find(tmp_path, "20260101").id == "20260101-000000-train-ab12"
    assert Run.find(tmp_path, "20260102-000000-train-cd34").id == "20260102-000000-train-cd34"
    with pytest.raises(RunError, match="Expected one run named '2026', found 2 runs"):
        Run.find(tmp_path, "2026")
    with pytest.raises(RunError, match="found none") as caught:
        Run.find(tmp_path, "nothing")
    assert "20260102-000000-train-cd34" in caught.value.hint


def test_find_without_any_run_raises_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run yet"):
        Run.find(tmp_path / "none", "x")


def test_uncreatable_runs_folder_raises_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match="Expected to make a folder in"):
        new_run(tmp_path / "runs")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_damaged_request_raises_error(tmp_path: Path, body: bytes) -> None:
    run = new_run(tmp_path)
    (run.path / "run.json").write_bytes(body)
    with pytest.raises(RunError, match=r"run\.json"):
        _ = run.job


# Worker process


def test_claimed_run_is_alive_until_its_process_ends(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run) as process:
        assert run.alive()
        assert run.state() == "running"
        assert run.pid == process.pid
        assert run.checkpoints.is_dir()
    assert run.alive() is False


def test_claim_of_a_running_run_raises_error(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run), pytest.raises(RunError, match="found it running"):
        run.claim()


def test_process_with_the_same_pid_is_not_the_worker(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.claim()
    assert run.alive()
    worker = json.loads((run.path / "process.json").read_text())
    assert worker["pid"] == os.getpid()
    boot, _, began = worker["began"].partition(":")
    for other in (f"{boot}:{int(began) - 1}", f"another-boot:{began}", ""):
        (run.path / "process.json").write_text(json.dumps(worker | {"began": other}))
        assert run.alive() is False
        assert run.state() == "died"


def test_process_start_of_ended_or_zombie_process_is_empty() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert process_start(child.pid) == process_start(child.pid) != ""
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start(child.pid) == ""
    child.wait()
    assert process_start(child.pid) == ""
    assert child.stdin is not None
    child.stdin.close()


@pytest.mark.parametrize("body", ["", "{}", '{"pid": "x"}', "[1]"])
def test_run_with_a_damaged_claim_is_waiting(tmp_path: Path, body: str) -> None:
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(body)
    assert run.alive() is False
    assert run.state() == "waiting"


def test_stop_ends_the_worker_gracefully(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run) as process:
        run.stop()
        assert process.wait(20) == 0
    assert run.state() == "finished"


def test_stop_of_a_waiting_run_raises_error(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunError, match="to be running, found it waiting"):
        run.stop()


def test_stop_never_signals_a_reused_pid(tmp_path: Path) -> None:
    """The pid belongs to the test process, which a signal would end."""
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(json.dumps({"pid": os.getpid(), "began": "boot:1"}))
    with pytest.raises(RunError, match="found it died"):
        run.stop()


@pytest.mark.parametrize(
    ("end", "state"), [('Finished(job="train")', "finished"), ('Failed(error="no")', "failed")]
)
def test_state_of_an_ended_run(tmp_path: Path, end: str, state: str) -> None:
    run = new_run(tmp_path)
    with running_worker(run, waits=False, end=end) as process:
        process.wait(20)
    assert run.state() == state


def test_run_of_a_killed_worker_has_state_died(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run) as process:
        process.kill()
        process.wait()
        assert run.state() == "died"
        assert texts(follow_to_end(run)) == ["0", "1", "2"]


def test_run_killed_after_a_finished_execution_has_state_died(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run, waits=False) as process:
        process.wait(20)
    assert run.state() == "finished"
    with running_worker(run, notes=0) as process:
        process.kill()
        process.wait()
    assert run.state() == "died"


# Follow


def test_follow_yields_every_event_once_and_ends(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    events: list[AnyEvent] = []
    with running_worker(run, notes=5) as process:
        for event in run.follow(poll_seconds=0.01):
            if event is not None:
                events.append(event)
            if texts(events) == ["0", "1", "2", "3", "4"]:
                process.send_signal(signal.SIGTERM)
    assert texts(events) == ["0", "1", "2", "3", "4"]
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Started) for event in events) == 1
    # A later follow yields the same events.
    again = [event for event in follow_to_end(run) if not isinstance(event, Live)]
    assert again == [event for event in events if not isinstance(event, Live)]


def test_follow_yields_the_newest_live_event_which_is_not_logged(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run, notes=20) as process:
        live = next(event for event in run.follow() if isinstance(event, Live))
        assert live.frames == 19
        process.kill()
    assert not [event for event in run.events() if isinstance(event, Live)]


def test_follow_of_a_resumed_run_starts_at_the_resumption(tmp_path: Path) -> None:
    """The end of the first execution does not end the follow of the second."""
    run = new_run(tmp_path)
    with running_worker(run, notes=2, waits=False) as process:
        process.wait(20)
    with running_worker(run, notes=4) as process:
        threading.Timer(0.3, lambda: process.send_signal(signal.SIGTERM)).start()
        events = follow_to_end(run)
    assert texts(events) == ["0", "1", "2", "3"]
    assert isinstance(events[-1], Finished)
    assert texts(list(run.events())) == ["0", "1", "0", "1", "2", "3"]


def test_follow_waits_for_the_rest_of_a_partial_line(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.claim()
    path = run.path / "events.jsonl"
    first, second = encode_event(Note(text="first")), encode_event(Finished(job="train"))
    path.write_bytes(first + second[:20])
    events = []
    for event in run.follow(poll_seconds=0.01):
        if event is not None:
            events.append(event)
        elif len(events) == 1 and path.stat().st_size < len(first + second):
            path.write_bytes(first + second)
    assert [type(event) for event in events] == [Note, Finished]


def test_partial_line_after_a_crash_is_removed_on_resume(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.path / "events.jsonl").write_bytes(encode_event(Note(text="completed")) + b'{"type":"no')
    run.claim()
    log = RunLog(run)
    log.handle(Finished(job="train"))
    log.close()
    assert [type(event) for event in run.events()] == [Note, Finished]
    assert [type(event) for event in follow_to_end(run)] == [Finished]


def test_damaged_line_raises_in_follow_but_not_in_state(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(json.dumps({"pid": 1, "began": "boot:1"}))
    (run.path / "events.jsonl").write_bytes(b"junk\n")
    assert run.state() == "died"
    with pytest.raises(AgpError, match="Expected an event"):
        follow_to_end(run)


def test_follow_ends_on_failed(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with running_worker(run, waits=False, end='Failed(error="no", exit_code=2)'):
        assert follow_to_end(run)[-1] == next(event for event in run.events() if isinstance(event, Failed))


def test_live_file_holds_the_newest_live_event_until_the_next_stage(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "demo", {})
    log = RunLog(run)
    log.handle(Live(seconds=1, fps=30, fps_asked=30, frames=30, missed=0))
    other = LiveFile(run.live_file)
    other.handle(Note(text="not live"))
    other.handle(Live(seconds=2, fps=30, fps_asked=30, frames=60, missed=0))
    newest = decode_event(run.live_file.read_bytes())
    assert isinstance(newest, Live) and newest.frames == 60
    log.handle(Stage(name="train"))
    assert not run.live_file.exists()
    log.close()
    assert [type(event) for event in run.events()] == [Stage]
    assert [path.name for path in run.path.iterdir() if path.name.endswith(".part")] == []


def test_full_disk_drops_progress_and_live_events_but_raises_for_notes(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "demo", {})
    log = RunLog(run)
    log.handle(Note(text="before"))
    with file_size_limit((run.path / "events.jsonl").stat().st_size + 20):
        log.handle(Progress(done=1, total=2, unit="frames"))
        log.handle(Live(seconds=1, fps=30, fps_asked=30, frames=30, missed=0))
        with pytest.raises(OSError):
            log.handle(Note(text="result"))
    log.handle(Note(text="after"))
    log.close()
    assert texts(list(run.events())) == ["before", "after"]


def test_follow_of_a_run_stopped_elsewhere_returns_130(tmp_path: Path) -> None:
    from agp_tui.engine.job import Job
    from agp_tui.engine.launcher import follow

    run = Run.create(tmp_path, "train", {})
    with running_worker(run, end='Finished(job="train", stopped=job.interrupted)'):
        run.stop()
        assert follow(run, Job()) == 130
    completed = Run.create(tmp_path, "train", {})
    with running_worker(completed, waits=False):
        assert follow(completed, Job()) == 0
