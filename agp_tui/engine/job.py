"""The interface between a running job and its surroundings: events out, commands in.

A job is a function that takes a `Job`. It does not know whether a person, the app or another
program listens, nor whether it runs in the foreground.
"""

import os
import queue
import select
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, Protocol, TypeVar

from agp_tui.errors import AgpError
from agp_tui.protocol.commands import AnyCommand, Command, Panic, Stop, decode_command
from agp_tui.protocol.events import Event, Note, Stage

STOP_POLL_SECONDS = 0.02

C = TypeVar("C", bound=Command)


class Listener(Protocol):
    """Receives events: a terminal, a pipe, a file."""

    def handle(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Job:
    """The handle of a job: `emit` publishes events, `stopping` and `commands` receive requests."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._commands: queue.SimpleQueue[AnyCommand] = queue.SimpleQueue()
        self._handlers: dict[type[Command], Callable[[Any], None]] = {}
        self._handlers_lock = threading.Lock()
        self._stop = _StopFlag()
        self.interrupted = False
        """Whether Ctrl-C or a signal requested the stop."""

    def emit(self, event: Event) -> None:
        """Publish an event to all listeners, without pending for slow ones."""
        for listener in self._listeners:
            listener.handle(event)

    def note(self, text: str, level: str = "info") -> None:
        """Publish one sentence for people."""
        self.emit(Note(text=text, level=level))

    def stage(self, name: str, number: int = 1, of: int = 1) -> None:
        """Publish the start of stage `number` of `of`."""
        self.emit(Stage(name=name, number=number, of=of))

    def subjob(self) -> "Job":
        """A job for a part of this one: it forwards all events except its own stages."""
        return self.with_listeners(_WithoutStages(self))

    def muted(self) -> "Job":
        """A job for a part of this one: it stops with this one, and its events are discarded."""
        return self.with_listeners()

    def with_listeners(self, *listeners: Listener) -> "Job":
        """A job for a part of this one: it stops with this one; only these listeners get its events."""
        job = Job(*listeners)
        job._stop = self._stop
        return job

    @property
    def stopping(self) -> bool:
        """Whether the job should finish now."""
        return self._stop.is_set

    def stop(self) -> None:
        """Request the job to finish."""
        self._stop.is_set = True

    def wait_for_stop(self, seconds: float) -> bool:
        """Sleep for `seconds` or until a stop is requested; returns whether it is."""
        return self._stop.wait(seconds)

    def send(self, command: AnyCommand) -> None:
        """Pass a command to the job."""
        with self._handlers_lock:
            handle = self._handlers.get(type(command))
            if handle is None:
                self._commands.put(command)
        if handle is not None:
            handle(command)
        if isinstance(command, Stop | Panic):
            self.stop()

    def on_command(self, kind: type[C], handle: Callable[[C], None]) -> None:
        """Pass commands of this type to `handle` only, immediately, on the thread that reads them.

        Commands of this type that are still queued are passed to it first.
        """
        with self._handlers_lock:
            self._handlers[kind] = handle
            for command in list(self.commands()):
                if isinstance(command, kind):
                    handle(command)
                else:
                    self._commands.put(command)

    def commands(self) -> Iterator[AnyCommand]:
        """The commands received since the last call."""
        while True:
            try:
                yield self._commands.get_nowait()
            except queue.Empty:
                return

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    def stop_on_signals(self) -> AbstractContextManager[None]:
        """Inside, SIGINT, SIGTERM and SIGHUP request a stop; a second SIGINT raises `KeyboardInterrupt`."""
        return self._stop_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def stop_on_interrupt(self) -> AbstractContextManager[None]:
        """The same for SIGINT only: the follower of a job does not stop it when its terminal closes."""
        return self._stop_on(signal.SIGINT)

    @contextmanager
    def _stop_on(self, *numbers: signal.Signals) -> Iterator[None]:
        def on_signal(number: int, _frame: object) -> None:
            if self.stopping and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.interrupted = True
            self.stop()

        before = {number: signal.signal(number, on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def read_commands(self, stream: BinaryIO) -> None:
        """Read commands from `stream` in a background thread; end-of-file requests a stop.

        Only a pipe or a socket is read. A terminal, a file and a pipe that was closed before the job
        began have no owner whose end could mean anything.
        """
        try:
            descriptor = stream.fileno()
            mode = os.fstat(descriptor).st_mode
        except (OSError, ValueError):
            return
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) or _hung_up(descriptor):
            return
        threading.Thread(target=self._read_commands, args=(descriptor,), daemon=True, name="commands").start()

    def _read_commands(self, descriptor: int) -> None:
        try:
            for line in _lines(descriptor):
                try:
                    self.send(decode_command(line))
                except AgpError as error:
                    self.note(str(error), level="warning")
        finally:
            # Also after an error: no further command can be received.
            self.stop()


class _WithoutStages:
    """Forwards the events of a subjob to its job, except stages."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def handle(self, event: Event) -> None:
        if not isinstance(event, Stage):
            self._job.emit(event)

    def close(self) -> None:
        """The job itself continues."""


class _StopFlag:
    """A flag without a lock, safe to set in a signal handler.

    A `threading.Event` may deadlock there: its lock can be held by the code that the signal interrupted.
    """

    def __init__(self) -> None:
        self.is_set = False

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds` or until it is set; returns whether it is."""
        end = time.monotonic() + seconds
        while not self.is_set and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STOP_POLL_SECONDS))
        return self.is_set


def _lines(descriptor: int) -> Iterator[bytes]:
    """The lines of a pipe up to its end.

    Python's buffered reader is avoided: a thread blocked in it holds a lock that the interpreter needs
    when the process exits, and the interpreter aborts.
    """
    pending = b""
    while chunk := _read(descriptor):
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines
    if pending:
        yield pending


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def _hung_up(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(events & select.POLLHUP and not events & select.POLLIN for _, events in poll.poll(0))
