"""Run folders: made, found, claimed, followed, stopped; what a kill in the middle leaves."""

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

WORKS = """
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
def working(
    run: Run, notes: int = 3, waits: bool = True, end: str = 'Finished(job="train")'
) -> "Iterator[subprocess.Popen[bytes]]":
    """A process that works on the run: it tells `notes`, then waits for a stop, then tells `end`."""
    program = WORKS.format(notes=notes, waits=waits, end=end)
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
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process works on some of the runs itself: it does not go when it has said its last word."""
    monkeypatch.setattr(runs_module, "END_SECONDS", 0.2)


def new_run(root: Path) -> Run:
    return Run.create(root, "train", {"game": "rally", "settings": {"epochs": 3}})


def told(run: Run, seconds: float = 20.0) -> list[AnyEvent]:
    """All that following it gives until the following ends by itself."""
    deadline = time.monotonic() + seconds
    events: list[AnyEvent] = []
    for event in run.follow(poll_seconds=0.01):
        assert time.monotonic() < deadline, "following does not end"
        if event is not None:
            events.append(event)
    return events


def texts(events: list[AnyEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, Note)]


# Made and found


def test_a_new_run_keeps_its_request_and_waits(tmp_path: Path) -> None:
    run = new_run(tmp_path / "deep" / "runs")
    assert run.job == "train"
    assert run.request == {"game": "rally", "settings": {"epochs": 3}}
    assert run.state() == "waiting"
    assert run.alive() is False
    assert run.pid is None
    assert list(run.events()) == []
    assert run.path.stat().st_mode & 0o077 == 0


def test_a_name_that_is_taken_is_not_taken_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr(runs_module.secrets, "token_hex", lambda _bytes: next(names))
    monkeypatch.setattr(runs_module.time, "strftime", lambda _form: "20260101-000000")
    first, second = new_run(tmp_path), new_run(tmp_path)
    assert [first.id[-4:], second.id[-4:]] == ["aaaa", "bbbb"]


def test_runs_of_the_same_second_are_different(tmp_path: Path) -> None:
    runs = [new_run(tmp_path) for _ in range(10)]
    assert len({run.id for run in runs}) == 10
    hidden = Run(runs[0].path.rename(tmp_path / f".{runs[0].id}.deleted"))
    assert set(Run.all(tmp_path)) == set(runs[1:]), f"half deleted: {hidden.id}"


def test_all_is_oldest_first_and_only_runs(tmp_path: Path) -> None:
    for name in ("20260102-000000-train-aa", "20260101-000000-train-bb", "other"):
        (tmp_path / name).mkdir()
    for name in ("20260102-000000-train-aa", "20260101-000000-train-bb"):
        (tmp_path / name / "run.json").write_text("{}")
    (tmp_path / "file").write_text("")
    assert [run.id[:8] for run in Run.all(tmp_path)] == ["20260101", "20260102"]
    assert Run.all(tmp_path / "missing") == []


def test_a_run_is_found_by_its_beginning_its_end_or_its_name(tmp_path: Path) -> None:
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


def test_no_run_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run yet"):
        Run.find(tmp_path / "none", "x")


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match="Expected to make a folder in"):
        new_run(tmp_path / "runs")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_request_is_a_sentence(tmp_path: Path, body: bytes) -> None:
    run = new_run(tmp_path)
    (run.path / "run.json").write_bytes(body)
    with pytest.raises(RunError, match=r"run\.json"):
        _ = run.job


# Who works on it


def test_a_claimed_run_is_alive_until_its_process_is_gone(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run) as process:
        assert run.alive()
        assert run.state() == "running"
        assert run.pid == process.pid
        assert run.checkpoints.is_dir()
    assert run.alive() is False


def test_a_run_in_work_is_not_claimed_again(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run), pytest.raises(RunError, match="found it running"):
        run.claim()


def test_another_process_with_the_same_number_is_not_the_worker(tmp_path: Path) -> None:
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


def test_a_process_that_is_gone_or_only_waits_to_be_buried_is_not_there() -> None:
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
def test_a_damaged_claim_is_no_worker(tmp_path: Path, body: str) -> None:
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(body)
    assert run.alive() is False
    assert run.state() == "waiting"


def test_stop_asks_the_process_and_it_ends_in_its_own_time(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run) as process:
        run.stop()
        assert process.wait(20) == 0
    assert run.state() == "finished"


def test_nothing_to_stop_is_said(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with pytest.raises(RunError, match="to be running, found it waiting"):
        run.stop()


def test_a_stale_number_is_never_signalled(tmp_path: Path) -> None:
    """The number now belongs to somebody else: this very process, which would die of the signal."""
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(json.dumps({"pid": os.getpid(), "began": "boot:1"}))
    with pytest.raises(RunError, match="found it died"):
        run.stop()


@pytest.mark.parametrize(
    ("end", "state"), [('Finished(job="train")', "finished"), ('Failed(error="no")', "failed")]
)
def test_a_run_that_ended_says_how(tmp_path: Path, end: str, state: str) -> None:
    run = new_run(tmp_path)
    with working(run, waits=False, end=end) as process:
        process.wait(20)
    assert run.state() == state


def test_a_killed_worker_died(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run) as process:
        process.kill()
        process.wait()
        assert run.state() == "died"
        assert texts(told(run)) == ["0", "1", "2"]


def test_a_worker_killed_in_its_second_execution_died_though_the_first_one_finished(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run, waits=False) as process:
        process.wait(20)
    assert run.state() == "finished"
    with working(run, notes=0) as process:
        process.kill()
        process.wait()
    assert run.state() == "died"


# Following


def test_following_gives_everything_once_and_ends(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    events: list[AnyEvent] = []
    with working(run, notes=5) as process:
        for event in run.follow(poll_seconds=0.01):
            if event is not None:
                events.append(event)
            if texts(events) == ["0", "1", "2", "3", "4"]:
                process.send_signal(signal.SIGTERM)
    assert texts(events) == ["0", "1", "2", "3", "4"]
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Started) for event in events) == 1
    # The same again from a later terminal.
    again = [event for event in told(run) if not isinstance(event, Live)]
    assert again == [event for event in events if not isinstance(event, Live)]


def test_the_newest_live_event_is_followed_and_only_that_is_kept(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run, notes=20) as process:
        live = next(event for event in run.follow() if isinstance(event, Live))
        assert live.frames == 19
        process.kill()
    assert not [event for event in run.events() if isinstance(event, Live)]


def test_going_on_with_a_run_is_followed_from_where_it_goes_on(tmp_path: Path) -> None:
    """The end of the first execution is not taken for the end of the second."""
    run = new_run(tmp_path)
    with working(run, notes=2, waits=False) as process:
        process.wait(20)
    with working(run, notes=4) as process:
        threading.Timer(0.3, lambda: process.send_signal(signal.SIGTERM)).start()
        events = told(run)
    assert texts(events) == ["0", "1", "2", "3"]
    assert isinstance(events[-1], Finished)
    assert texts(list(run.events())) == ["0", "1", "0", "1", "2", "3"]


def test_following_is_not_misled_by_half_a_line(tmp_path: Path) -> None:
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


def test_half_a_line_that_a_crash_left_is_gone_when_the_run_goes_on(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.path / "events.jsonl").write_bytes(encode_event(Note(text="whole")) + b'{"type":"no')
    run.claim()
    log = RunLog(run)
    log.handle(Finished(job="train"))
    log.close()
    assert [type(event) for event in run.events()] == [Note, Finished]
    assert [type(event) for event in told(run)] == [Finished]


def test_a_damaged_line_is_a_sentence_for_the_follower_and_no_trouble_for_the_list(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.path / "process.json").write_text(json.dumps({"pid": 1, "began": "boot:1"}))
    (run.path / "events.jsonl").write_bytes(b"junk\n")
    assert run.state() == "died"
    with pytest.raises(AgpError, match="Expected an event"):
        told(run)


def test_failed_ends_the_following_too(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with working(run, waits=False, end='Failed(error="no", exit_code=2)'):
        assert told(run)[-1] == next(event for event in run.events() if isinstance(event, Failed))


def test_the_newest_live_event_of_any_process_is_kept_until_the_next_stage(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "demo", {})
    log = RunLog(run)
    log.handle(Live(seconds=1, fps=30, fps_asked=30, frames=30, missed=0))
    other = LiveFile(run.live_file)
    other.handle(Note(text="not live"))
    other.handle(Live(seconds=2, fps=30, fps_asked=30, frames=60, missed=0))
    kept = decode_event(run.live_file.read_bytes())
    assert isinstance(kept, Live) and kept.frames == 60
    log.handle(Stage(name="train"))
    assert not run.live_file.exists()
    log.close()
    assert [type(event) for event in run.events()] == [Stage]
    assert [path.name for path in run.path.iterdir() if path.name.endswith(".part")] == []


def test_a_full_disk_takes_progress_and_pictures_and_nothing_else(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "demo", {})
    log = RunLog(run)
    log.handle(Note(text="before"))
    with file_size_limit((run.path / "events.jsonl").stat().st_size + 20):
        log.handle(Progress(done=1, total=2, unit="frames"))
        log.handle(Live(seconds=1, fps=30, fps_asked=30, frames=30, missed=0))
        with pytest.raises(OSError):
            log.handle(Note(text="what came of it"))
    log.handle(Note(text="after"))
    log.close()
    assert texts(list(run.events())) == ["before", "after"]


def test_a_follower_of_a_run_that_another_terminal_stopped_does_not_exit_with_0(tmp_path: Path) -> None:
    from agp_tui.engine.job import Job
    from agp_tui.engine.launcher import follow

    run = Run.create(tmp_path, "train", {})
    with working(run, end='Finished(job="train", stopped=job.interrupted)'):
        run.stop()
        assert follow(run, Job()) == 130
    whole = Run.create(tmp_path, "train", {})
    with working(whole, waits=False):
        assert follow(whole, Job()) == 0
