"""Tests of `Job`: events, commands and signals, mostly in a subprocess with real pipes and terminals."""

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

LISTENER_SCRIPT = """
import sys, time
from agp_tui.protocol.events import Finished, Started
from agp_tui.engine.job import Job
from agp_tui.engine.sinks import stdout_sink

job = Job(stdout_sink())
with job.stop_on_signals():
    job.read_commands(sys.stdin.buffer)
    job.emit(Started(job="test"))
    end = time.monotonic() + {seconds}
    commands = []
    while not job.stopping and time.monotonic() < end:
        commands += [type(command).__name__ for command in job.commands()]
        job.wait_for_stop(0.01)
    commands += [type(command).__name__ for command in job.commands()]
    job.emit(Finished(job="test", report={{
        "stopped": job.stopping, "interrupted": job.interrupted, "commands": commands,
    }}))
job.close()
sys.exit(130 if job.interrupted else 0)
"""


def listener_command(seconds: float) -> list[str]:
    return [sys.executable, "-c", LISTENER_SCRIPT.format(seconds=seconds)]


@contextmanager
def running_listener(
    stdin: Any = subprocess.PIPE, seconds: float = 20.0
) -> "Iterator[subprocess.Popen[bytes]]":
    """The listening job, after its `started` event."""
    process = subprocess.Popen(
        listener_command(seconds),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )
    try:
        assert b"started" in stdout_of(process).readline()
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def stdout_of(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdout is not None
    return process.stdout


def stdin_of(process: "subprocess.Popen[bytes]") -> IO[bytes]:
    assert process.stdin is not None
    return process.stdin


def final_report(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """The report in the last line after the process has exited; stderr must be empty."""
    *notes, last = stdout_of(process).readlines()
    process.wait(20)
    assert process.stderr is not None
    assert process.stderr.read() == b""
    report: dict[str, Any] = json.loads(last)["report"]
    return report | {"notes": [json.loads(note) for note in notes]}


def test_end_of_stdin_stops_the_job() -> None:
    with running_listener() as process:
        stdin_of(process).close()
        assert final_report(process) | {"notes": []} == {
            "stopped": True, "interrupted": False, "commands": [], "notes": [],
        }  # fmt: skip
        assert process.returncode == 0


def test_killed_owner_stops_the_job() -> None:
    """A separate process holds the write end of the pipe and is killed with SIGKILL."""
    read_end, write_end = os.pipe()
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], pass_fds=[write_end])
    os.close(write_end)
    with running_listener(stdin=read_end) as process:
        os.close(read_end)
        assert process.poll() is None
        holder.kill()
        holder.wait()
        assert final_report(process)["stopped"] is True


def test_devnull_as_stdin_does_not_stop_the_job() -> None:
    with running_listener(stdin=subprocess.DEVNULL, seconds=0.3) as process:
        assert final_report(process)["stopped"] is False


def test_end_of_file_in_a_terminal_does_not_stop_the_job() -> None:
    controller, terminal = pty.openpty()
    with running_listener(stdin=terminal, seconds=0.5) as process:
        os.close(terminal)
        os.write(controller, b"\x04")
        assert final_report(process)["stopped"] is False
    os.close(controller)


def test_pipe_closed_before_the_start_does_not_stop_the_job() -> None:
    read_end, write_end = os.pipe()
    os.close(write_end)
    with running_listener(stdin=read_end, seconds=0.3) as process:
        os.close(read_end)
        assert final_report(process)["stopped"] is False


def test_commands_sent_before_the_start_are_read_from_a_closed_pipe() -> None:
    read_end, write_end = os.pipe()
    os.write(write_end, encode_command(Pause()) + encode_command(Stop()))
    os.close(write_end)
    with running_listener(stdin=read_end) as process:
        os.close(read_end)
        assert final_report(process)["commands"] == ["Pause", "Stop"]


def test_commands_arrive_in_order_and_stop_ends_the_job() -> None:
    with running_listener() as process:
        for command in (Pause(), Resume(), Stop()):
            stdin_of(process).write(encode_command(command))
        stdin_of(process).flush()
        report = final_report(process)
        assert report["commands"] == ["Pause", "Resume", "Stop"]
        assert report["interrupted"] is False


def test_panic_command_stops_the_job() -> None:
    with running_listener() as process:
        stdin_of(process).write(encode_command(Panic()))
        stdin_of(process).flush()
        assert final_report(process)["commands"] == ["Panic"]


def test_invalid_command_gives_a_warning_and_the_job_continues() -> None:
    with running_listener() as process:
        stdin_of(process).write(b"make it so\n" + encode_command(Stop()))
        stdin_of(process).flush()
        report = final_report(process)
        (note,) = report["notes"]
        assert note["level"] == "warning"
        assert "Expected a command as one line of JSON, found b'make it so'" in note["text"]
        assert report["commands"] == ["Stop"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_signal_interrupts_the_job(number: signal.Signals) -> None:
    with running_listener() as process:
        process.send_signal(number)
        report = final_report(process)
        assert (report["stopped"], report["interrupted"]) == (True, True)
        assert process.returncode == 130


SECOND_INTERRUPT_SCRIPT = """
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
    print("interrupted again", flush=True)
"""


def test_second_sigint_raises_but_second_sigterm_does_not() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SECOND_INTERRUPT_SCRIPT], stdout=subprocess.PIPE, env=module_environment()
    )
    try:
        assert stdout_of(process).readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert stdout_of(process).readline() == b"stopping\n"
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert stdout_of(process).readline() == b"interrupted again\n"
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        stdout_of(process).close()


SIGNAL_STORM_SCRIPT = """
import os, signal, threading, time
from agp_tui.engine.job import Job

job = Job()
def send_signals():
    for _ in range(1_000):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.0005)
with job.stop_on_signals():
    thread = threading.Thread(target=send_signals)
    thread.start()
    while thread.is_alive():
        job.stop()
        job.wait_for_stop(0.001)
print("done")
"""


def test_many_concurrent_signals_cause_no_deadlock() -> None:
    """A handler may interrupt itself, or the code that it stops, at any point."""
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL_STORM_SCRIPT],
        capture_output=True,
        env=module_environment(),
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"done\n", b"")


def test_signal_handlers_are_restored() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with Job().stop_on_signals():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    with Job().stop_on_interrupt():
        assert signal.getsignal(signal.SIGTERM) == before[1]


EMITTER_SCRIPT = """
import sys, time
from agp_tui.protocol.events import Finished, Live, Note
from agp_tui.engine.job import Job
from agp_tui.engine.sinks import stdout_sink

job = Job(stdout_sink())
longest_emit = 0.0
for number in range({count}):
    began = time.perf_counter()
    job.emit({event})
    longest_emit = max(longest_emit, time.perf_counter() - began)
    time.sleep({pause})
sys.stderr.write("%f" % longest_emit)
sys.stderr.flush()
job.emit(Finished(job="test"))
began = time.perf_counter()
job.close()
sys.stderr.write(" %f" % (time.perf_counter() - began))
"""
LIVE = "Live(seconds=number, fps=30, fps_asked=30, frames=number, missed=0, thumbnail=bytes(6000))"


def emitting(event: str, count: int, pause: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", EMITTER_SCRIPT.format(event=event, count=count, pause=pause)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )


def timings(process: "subprocess.Popen[bytes]") -> tuple[float, float]:
    assert process.stderr is not None
    longest_emit, close_seconds = process.stderr.read().split()
    return float(longest_emit), float(close_seconds)


@pytest.mark.parametrize("event", [LIVE, "Note(text='x' * 6000)"], ids=["live", "note"])
def test_unread_pipe_never_blocks_the_job(event: str) -> None:
    """24 MB of events for a pipe of 64 KiB that is never read: the job continues and ends."""
    process = emitting(event, count=3_000, pause=0.0)
    try:
        longest_emit, close_seconds = timings(process)
        assert process.wait(30) == 0
        assert longest_emit < 1.0
        assert close_seconds < 4.0
    finally:
        process.kill()
        process.wait()
        stdout_of(process).close()


def test_slow_reader_loses_live_events_only() -> None:
    """The last event arrives, with only a few of the live events before it."""
    process = emitting(LIVE, count=300, pause=0.002)
    assert process.stderr is not None
    process.stderr.read(1)
    lines = stdout_of(process).read().splitlines()
    assert process.wait(30) == 0
    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds[-1] == "finished"
    assert kinds.count("live") < 50
    process.stderr.close()
    stdout_of(process).close()


def test_active_reader_receives_every_note() -> None:
    process = emitting("Note(text=str(number))", count=2_000, pause=0.0005)
    lines = stdout_of(process).read().splitlines()
    assert process.wait(30) == 0
    assert [json.loads(line)["text"] for line in lines[:-1]] == [str(number) for number in range(2_000)]
    assert json.loads(lines[-1])["type"] == "finished"
    assert process.stderr is not None
    process.stderr.close()
    stdout_of(process).close()


def test_closed_reader_does_not_end_the_job() -> None:
    process = emitting("Note(text='x' * 6000)", count=200, pause=0.001)
    stdout_of(process).close()
    longest_emit, close_seconds = timings(process)
    assert process.wait(30) == 0
    assert longest_emit < 1.0
    assert close_seconds < 4.0
    assert process.stderr is not None
    process.stderr.close()


@pytest.fixture
def pipe_sink() -> "Iterator[tuple[Callable[[], bytes], Any]]":
    """A function that reads from a pipe, and the sink that writes into it."""
    read_end, write_end = os.pipe()
    sink = JsonLinesSink(os.fdopen(write_end, "wb"))
    yield lambda: os.read(read_end, 1 << 20), sink
    os.close(read_end)


def test_queue_of_unread_events_is_bounded(pipe_sink: "tuple[Callable[[], bytes], Any]") -> None:
    _, sink = pipe_sink
    for _ in range(3 * QUEUED_EVENTS):
        sink.handle(Note(text="x" * 200))
    assert sink._queue.qsize() <= QUEUED_EVENTS


def test_progress_is_queued_up_to_a_limit_then_dropped(
    pipe_sink: "tuple[Callable[[], bytes], Any]",
) -> None:
    _, sink = pipe_sink
    while sink._queue.empty():
        sink.handle(Note(text="x" * 10_000))
    waiting = sink._queue.qsize()
    sink.handle(Live(seconds=1, fps=1, fps_asked=1, frames=1, missed=0))
    assert sink._queue.qsize() == waiting
    for _ in range(3 * QUEUED_EVENTS_BEFORE_PROGRESS_DROPS):
        sink.handle(Progress(done=1, total=2, unit="epochs"))
    assert waiting < sink._queue.qsize() <= QUEUED_EVENTS_BEFORE_PROGRESS_DROPS + waiting
    waiting = sink._queue.qsize()
    sink.handle(Stage(name="next"))
    assert sink._queue.qsize() == waiting + 1


def test_every_listener_receives_every_event() -> None:
    first, second = EventLog(), EventLog()
    job = Job(first, second)
    job.note("hello")
    job.stage("convert", 2, 3)
    assert first.events == second.events
    assert [type(event) for event in first.events] == [Note, Stage]


def test_muted_job_emits_nothing_and_stops_with_its_parent() -> None:
    event_log = EventLog()
    job = Job(event_log)
    muted = job.muted()
    muted.note("not emitted")
    assert event_log.events == []
    job.stop()
    assert muted.stopping


def test_wait_for_stop_returns_on_stop() -> None:
    job = Job()
    assert job.wait_for_stop(0.01) is False
    job.stop()
    began = time.monotonic()
    assert job.wait_for_stop(10) is True
    assert time.monotonic() - began < 5


def test_on_command_handler_receives_earlier_and_later_commands() -> None:
    job, handled = Job(), list[KeyInput]()
    early, late = KeyInput(key="up"), KeyInput(key="left")
    for command in (Pause(), early):
        job.send(command)
    job.on_command(KeyInput, handled.append)
    for command in (late, Resume()):
        job.send(command)
    assert handled == [early, late]
    assert [type(command) for command in job.commands()] == [Pause, Resume]
