"""A job's link to the world, mostly as a process of its own with real pipes, terminals and signals."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from support.fakes import EventLog

from agp_tui.engine.job import Job
from agp_tui.engine.sinks import QUEUED_EVENTS, QUEUED_EVENTS_BEFORE_PROGRESS_DROPS, JsonLinesSink
from agp_tui.engine.subprocesses import module_environment
from agp_tui.protocol.commands import KeyInput, Panic, Pause, Resume, Stop, encode_command
from agp_tui.protocol.events import Live, Note, Progress, Stage

LISTENS = """
import sys, time
from agp_tui.protocol.events import Finished, Started
from agp_tui.engine.job import Job
from agp_tui.engine.sinks import stdout_sink

job = Job(stdout_sink())
with job.stop_on_signals():
    job.read_commands(sys.stdin.buffer)
    job.emit(Started(job="test"))
    end = time.monotonic() + {seconds}
    told = []
    while not job.stopping and time.monotonic() < end:
        told += [type(command).__name__ for command in job.commands()]
        job.wait_for_stop(0.01)
    told += [type(command).__name__ for command in job.commands()]
    job.emit(Finished(job="test", report={{
        "stopped": job.stopping, "interrupted": job.interrupted, "commands": told,
    }}))
job.close()
sys.exit(130 if job.interrupted else 0)
"""


def listens(seconds: float) -> list[str]:
    return [sys.executable, "-c", LISTENS.format(seconds=seconds)]


@contextmanager
def started(stdin: Any = subprocess.PIPE, seconds: float = 20.0) -> "Iterator[subprocess.Popen[bytes]]":
    """The listening job, once it says that it has begun."""
    process = subprocess.Popen(
        listens(seconds),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )
    try:
        assert b"started" in out(process).readline()
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def out(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def owner(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def end_of(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """The report of its last line, once it is gone; nothing may stand on stderr."""
    *notes, last = out(process).readlines()
    process.wait(20)
    assert process.stderr is not None
    assert process.stderr.read() == b""
    report: dict[str, Any] = json.loads(last)["report"]
    return report | {"notes": [json.loads(note) for note in notes]}


def test_the_end_of_its_owner_means_stop() -> None:
    with started() as process:
        owner(process).close()
        assert end_of(process) | {"notes": []} == {
            "stopped": True, "interrupted": False, "commands": [], "notes": [],
        }  # fmt: skip
        assert process.returncode == 0


def test_an_owner_that_is_killed_means_stop() -> None:
    """Whoever holds the other end of the pipe is a process of its own here, and dies by SIGKILL."""
    read_end, write_end = os.pipe()
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[write_end])
    os.close(write_end)
    with started(stdin=read_end) as process:
        os.close(read_end)
        assert process.poll() is None
        holder.kill()
        holder.wait()
        assert end_of(process)["stopped"] is True


def test_nothing_as_stdin_is_no_owner() -> None:
    with started(stdin=subprocess.DEVNULL, seconds=0.3) as process:
        assert end_of(process)["stopped"] is False


def test_a_terminal_is_no_owner() -> None:
    ours, theirs = pty.openpty()
    with started(stdin=theirs, seconds=0.5) as process:
        os.close(theirs)
        os.write(ours, b"\x04")
        assert end_of(process)["stopped"] is False
    os.close(ours)


def test_a_pipe_that_had_ended_before_is_no_owner() -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    with started(stdin=read_end, seconds=0.3) as process:
        os.close(read_end)
        assert end_of(process)["stopped"] is False


def test_commands_that_were_sent_before_the_start_are_obeyed_though_the_pipe_has_ended() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, encode_command(Pause()) + encode_command(Stop()))
    os.close(write_end)
    with started(stdin=read_end) as process:
        os.close(read_end)
        assert end_of(process)["commands"] == ["Pause", "Stop"]


def test_commands_come_in_order_and_stop_stops() -> None:
    with started() as process:
        for command in (Pause(), Resume(), Stop()):
            owner(process).write(encode_command(command))
        owner(process).flush()
        report = end_of(process)
        assert report["commands"] == ["Pause", "Resume", "Stop"]
        assert report["interrupted"] is False


def test_panic_stops() -> None:
    with started() as process:
        owner(process).write(encode_command(Panic()))
        owner(process).flush()
        assert end_of(process)["commands"] == ["Panic"]


def test_junk_is_answered_with_a_sentence_and_the_job_goes_on() -> None:
    with started() as process:
        owner(process).write(b"make it so\n" + encode_command(Stop()))
        owner(process).flush()
        report = end_of(process)
        (note,) = report["notes"]
        assert note["level"] == "warning"
        assert "Expected a command as one line of JSON, found b'make it so'" in note["text"]
        assert report["commands"] == ["Stop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_signal_interrupts(number: signal.Signals) -> None:
    with started() as process:
        process.send_signal(number)
        report = end_of(process)
        assert (report["stopped"], report["interrupted"]) == (True, True)
        assert process.returncode == 130


INSISTS = """
import time
from agp_tui.engine.job import Job

job = Job()
try:
    with job.stop_on_signals():
        print("ready", flush=True)
        while not job.stopping:
            time.sleep(0.01)
        print("stopping", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("insisted", flush=True)
"""


def test_a_second_interrupt_insists_but_a_second_termination_does_not() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INSISTS], stdout=subprocess.PIPE, env=module_environment()
    )
    try:
        assert out(process).readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert out(process).readline() == b"stopping\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert out(process).readline() == b"insisted\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        out(process).close()


STORM = """
import os, signal, threading, time
from agp_tui.engine.job import Job

job = Job()
def storm():
    for _ in range(1_000):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.0005)
with job.stop_on_signals():
    thread = threading.Thread(target=storm)
    thread.start()
    while thread.is_alive():
        job.stop()
        job.wait_for_stop(0.001)
print("through")
"""


def test_many_signals_at_once_hang_nothing() -> None:
    """A handler may interrupt itself, or the code that it is to stop, at any place."""
    done = subprocess.run(
        [sys.executable, "-c", STORM], capture_output=True, env=module_environment(), check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"through\n", b"")


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Job().stop_on_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    with Job().stop_on_interrupt():
        assert signal.getsignal(signal.SIGTERM) == before[1]


TELLS = """
import sys, time
from agp_tui.protocol.events import Finished, Live, Note
from agp_tui.engine.job import Job
from agp_tui.engine.sinks import stdout_sink

job = Job(stdout_sink())
longest = 0.0
for number in range({count}):
    began = time.perf_counter()
    job.emit({event})
    longest = max(longest, time.perf_counter() - began)
    time.sleep({pause})
sys.stderr.write("%f" % longest)
sys.stderr.flush()
job.emit(Finished(job="test"))
began = time.perf_counter()
job.close()
sys.stderr.write(" %f" % (time.perf_counter() - began))
"""
LIVE = "Live(seconds=number, fps=30, fps_asked=30, frames=number, missed=0, thumbnail=bytes(6000))"


def telling(event: str, count: int, pause: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", TELLS.format(event=event, count=count, pause=pause)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )


def figures(process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    assert process.stderr is not None
    longest, closing = process.stderr.read().split()
    return float(longest), float(closing)


@pytest.mark.parametrize("event", [LIVE, "Note(text='x' * 6000)"], ids=["live", "note"])
def test_a_reader_who_does_not_read_never_blocks_the_job(event: str) -> None:
    """24 MB for a pipe that holds 64 KiB and is never read: the job goes on and ends by itself."""
    process = telling(event, count=3_000, pause=0.0)
    try:
        longest, closing = figures(process)
        assert process.wait(30) == 0
        assert longest < 1.0
        assert closing < 4.0
    finally:
        process.kill()
        process.wait()
        out(process).close()


def test_live_events_are_dropped_for_a_slow_reader_and_the_rest_arrives() -> None:
    """The reader sleeps; when it reads, the end is there and only few of the live events before it."""
    process = telling(LIVE, count=300, pause=0.002)
    assert process.stderr is not None
    process.stderr.read(1)
    lines = out(process).read().splitlines()
    assert process.wait(30) == 0
    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds[-1] == "finished"
    assert kinds.count("live") < 50
    process.stderr.close()
    out(process).close()


def test_all_notes_reach_a_reader_who_reads() -> None:
    process = telling("Note(text=str(number))", count=2_000, pause=0.0005)
    lines = out(process).read().splitlines()
    assert process.wait(30) == 0
    assert [json.loads(line)["text"] for line in lines[:-1]] == [str(number) for number in range(2_000)]
    assert json.loads(lines[-1])["type"] == "finished"
    assert process.stderr is not None
    process.stderr.close()
    out(process).close()


def test_a_reader_who_went_away_does_not_end_the_job() -> None:
    process = telling("Note(text='x' * 6000)", count=200, pause=0.001)
    out(process).close()
    longest, closing = figures(process)
    assert process.wait(30) == 0
    assert longest < 1.0
    assert closing < 4.0
    assert process.stderr is not None
    process.stderr.close()


@pytest.fixture
def narrow() -> "Iterator[tuple[Callable[[], bytes], Any]]":
    """A pipe and the lines that go into it."""
    read_end, write_end = os.pipe()
    lines = JsonLinesSink(os.fdopen(write_end, "wb"))
    yield lambda: os.read(read_end, 1 << 20), lines
    os.close(read_end)


def test_what_waits_for_a_reader_has_a_bound(narrow: "tuple[Callable[[], bytes], Any]") -> None:
    _, lines = narrow
    for _ in range(3 * QUEUED_EVENTS):
        lines.handle(Note(text="x" * 200))
    assert lines._queue.qsize() <= QUEUED_EVENTS


def test_progress_waits_in_a_burst_and_is_dropped_for_who_does_not_read(
    narrow: "tuple[Callable[[], bytes], Any]",
) -> None:
    _, lines = narrow
    while lines._queue.empty():
        lines.handle(Note(text="x" * 10_000))
    waiting = lines._queue.qsize()
    lines.handle(Live(seconds=1, fps=1, fps_asked=1, frames=1, missed=0))
    assert lines._queue.qsize() == waiting
    for _ in range(3 * QUEUED_EVENTS_BEFORE_PROGRESS_DROPS):
        lines.handle(Progress(done=1, total=2, unit="epochs"))
    assert waiting < lines._queue.qsize() <= QUEUED_EVENTS_BEFORE_PROGRESS_DROPS + waiting
    waiting = lines._queue.qsize()
    lines.handle(Stage(name="next"))
    assert lines._queue.qsize() == waiting + 1


def test_everybody_who_listens_is_told() -> None:
    first, second = EventLog(), EventLog()
    job = Job(first, second)
    job.note("hello")
    job.stage("convert", 2, 3)
    assert first.events == second.events
    assert [type(event) for event in first.events] == [Note, Stage]


def test_a_quiet_part_stops_with_the_job_and_tells_nobody() -> None:
    event_log = EventLog()
    job = Job(event_log)
    part = job.muted()
    part.note("unheard")
    assert event_log.events == []
    job.stop()
    assert part.stopping


def test_waiting_ends_with_a_stop() -> None:
    job = Job()
    assert job.wait_for_stop(0.01) is False
    job.stop()
    began = time.monotonic()
    assert job.wait_for_stop(10) is True
    assert time.monotonic() - began < 5


def test_commands_of_a_kind_go_at_once_to_who_asked_for_them_those_before_included() -> None:
    job, taken = Job(), list[KeyInput]()
    early, late = KeyInput(key="up"), KeyInput(key="left")
    for command in (Pause(), early):
        job.send(command)
    job.on_command(KeyInput, taken.append)
    for command in (late, Resume()):
        job.send(command)
    assert taken == [early, late]
    assert [type(command) for command in job.commands()] == [Pause, Resume]
