"""Where a job's events leave its process: told by a thread, so that nobody who reads slowly holds it up."""

import os
import queue
import sys
import threading
from abc import ABC, abstractmethod
from typing import BinaryIO

from agp_tui.protocol.events import Event, Live, Progress, encode

WAITING_EVENTS = 1_000
"""How many events may wait for a reader who does not read; live ones are dropped far earlier."""

PROGRESS_EVENTS = 100
"""With more than so many waiting, progress is dropped as well."""


class Outlet(ABC):
    """Tells every event by `_tell`, in a thread of its own; live ones are dropped while that is behind."""

    PATIENCE_SECONDS: float | None = None
    """How long the end waits for what is not told yet; None: until it is told."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING_EVENTS)
        self._teller = threading.Thread(target=self._run, daemon=True, name="events")
        self._teller.start()

    def hear(self, event: Event) -> None:
        # Of live ones only the newest counts; progress is points of curves, and comes in bursts from a run.
        may_wait = 0 if isinstance(event, Live) else PROGRESS_EVENTS if isinstance(event, Progress) else None
        if may_wait is not None and self._waiting.qsize() > may_wait:
            return
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            return

    def close(self) -> None:
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._teller.join(self.PATIENCE_SECONDS)

    def _run(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._tell(event)
            except (OSError, ValueError) as error:
                self._failed(error)
                return

    @abstractmethod
    def _tell(self, event: Event) -> None:
        """To whoever reads; takes as long as they do."""

    def _failed(self, error: Exception) -> None:  # noqa: B027
        """Nobody reads any more: nothing more is told."""


class JsonLines(Outlet):
    """Every event as a line of JSON."""

    PATIENCE_SECONDS = 2.0
    """Enough for a slow reader, not for one that has stopped reading."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        super().__init__()

    def _tell(self, event: Event) -> None:
        self._stream.write(encode(event))
        self._stream.flush()


def stdout_lines() -> JsonLines:
    """JSON lines on this process's stdout, which nothing else may write to."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    return JsonLines(stream)
