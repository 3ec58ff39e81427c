"""A running job's link to the world: it tells what happens and hears when to stop.

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
from agp_tui.protocol.events import (
    AnyCommand,
    Command,
    Event,
    Note,
    Panic,
    Stage,
    Stop,
    decode_command,
)

STOP_POLL_SECONDS = 0.02

C = TypeVar("C", bound=Command)


class Listener(Protocol):
    """Somebody who is told of events: a terminal, a pipe, a file."""

    def hear(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Job:
    """What a job is given: `emit` to tell, `stopping` and `commands` to listen."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._commands: queue.SimpleQueue[AnyCommand] = queue.SimpleQueue()
        self._takers: dict[type[Command], Callable[[Any], None]] = {}
        self._taking = threading.Lock()
        self._stop = _StopFlag()
        self.interrupted = False
        """Whether a person asked for the end by Ctrl-C or a signal."""

    def emit(self, event: Event) -> None:
        """Tell everybody who listens. Never waits for them."""
        for listener in self._listeners:
            listener.hear(event)

    def note(self, text: str, level: str = "info") -> None:
        """Tell one sentence to people."""
        self.emit(Note(text=text, level=level))

    def stage(self, name: str, number: int = 1, of: int = 1) -> None:
        """Say that part `number` of `of` begins."""
        self.emit(Stage(name=name, number=number, of=of))

    def part(self) -> "Job":
        """A job for a part of this one: all it tells is passed on, but for stages of its own."""
        return self.heard_by(_WithoutStages(self))

    def quietly(self) -> "Job":
        """A job for a part of this one: it stops with it, but nobody is told of its events."""
        return self.heard_by()

    def heard_by(self, *listeners: Listener) -> "Job":
        """A job for a part of this one: it stops with it, and only these are told of its events."""
        part = Job(*listeners)
        part._stop = self._stop
        return part

    @property
    def stopping(self) -> bool:
        """Whether the job should come to its end now."""
        return self._stop.is_up

    def stop(self) -> None:
        """Ask the job to come to its end."""
        self._stop.is_up = True

    def wait_for_stop(self, seconds: float) -> bool:
        """Sleep, but not past a stop; True if the job should end."""
        return self._stop.wait(seconds)

    def tell(self, command: AnyCommand) -> None:
        """Give the job a command."""
        with self._taking:
            take = self._takers.get(type(command))
            if take is None:
                self._commands.put(command)
        if take is not None:
            take(command)
        if isinstance(command, Stop | Panic):
            self.stop()

    def on(self, kind: type[C], take: Callable[[C], None]) -> None:
        """Give commands of this kind to `take` alone: at once, on the thread that hears them.

        Those that came before go to it first.
        """
        with self._taking:
            self._takers[kind] = take
            for command in list(self.commands()):
                if isinstance(command, kind):
                    take(command)
                else:
                    self._commands.put(command)

    def commands(self) -> Iterator[AnyCommand]:
        """The commands that came since the last call."""
        while True:
            try:
                yield self._commands.get_nowait()
            except queue.Empty:
                return

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()

    def signals(self) -> AbstractContextManager[None]:
        """While inside, SIGINT, SIGTERM and SIGHUP ask the job to stop; a second SIGINT insists."""
        return self._asked_by(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupts(self) -> AbstractContextManager[None]:
        """The same for SIGINT alone: who only follows a job does not end it by going away."""
        return self._asked_by(signal.SIGINT)

    @contextmanager
    def _asked_by(self, *numbers: signal.Signals) -> Iterator[None]:
        def ask(number: int, _frame: object) -> None:
            if self.stopping and number == signal.SIGINT:
                raise KeyboardInterrupt
            self.interrupted = True
            self.stop()

        before = {number: signal.signal(number, ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def obey(self, stream: BinaryIO) -> None:
        """Take commands from `stream`, in the background; its end means stop.

        Only a pipe or socket has an owner whose end means something. A terminal, a file, and a
        pipe that had already ended before the job began have none and are not read.
        """
        try:
            descriptor = stream.fileno()
            mode = os.fstat(descriptor).st_mode
        except (OSError, ValueError):
            return
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) or _ended(descriptor):
            return
        threading.Thread(target=self._obey, args=(descriptor,), daemon=True, name="commands").start()

    def _obey(self, descriptor: int) -> None:
        try:
            for line in _lines(descriptor):
                try:
                    self.tell(decode_command(line))
                except AgpError as error:
                    self.note(str(error), level="warning")
        finally:
            # Also where this fails: nobody can be heard any more.
            self.stop()


class _WithoutStages:
    """Passes on to a job what a part of it tells."""

    def __init__(self, whole: Job) -> None:
        self._whole = whole

    def hear(self, event: Event) -> None:
        if not isinstance(event, Stage):
            self._whole.emit(event)

    def close(self) -> None:
        """The whole job goes on."""


class _StopFlag:
    """Whether to stop, without a lock.

    Signal handlers raise it. The lock of a `threading.Event` may be held by the very code that the
    signal interrupted, which then never goes on.
    """

    def __init__(self) -> None:
        self.is_up = False

    def wait(self, seconds: float) -> bool:
        """Sleep until it is up, or so long; whether it is."""
        end = time.monotonic() + seconds
        while not self.is_up and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, STOP_POLL_SECONDS))
        return self.is_up


def _lines(descriptor: int) -> Iterator[bytes]:
    """The lines of a pipe to its end.

    Not through Python's own buffered reader: a thread that waits in it holds its lock, and the
    interpreter, which wants that lock when the process ends, then aborts.
    """
    waiting = b""
    while chunk := _read(descriptor):
        *lines, waiting = (waiting + chunk).split(b"\n")
        yield from lines
    if waiting:
        yield waiting


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return b""


def _ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return any(events & select.POLLHUP and not events & select.POLLIN for _, events in poll.poll(0))
