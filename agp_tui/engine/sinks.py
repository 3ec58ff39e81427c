"""Event sinks: a thread writes events out, so that a slow reader never delays the job."""

import os
import queue
import sys
import threading
from abc import ABC, abstractmethod
from typing import BinaryIO

from agp_tui.protocol.events import Event, Live, Progress, encode_event

QUEUED_EVENTS = 1_000
"""Capacity of the queue while nobody reads; live events are dropped far earlier."""

QUEUED_EVENTS_BEFORE_PROGRESS_DROPS = 100
"""With more events queued than this, progress is dropped as well."""


class EventSink(ABC):
    """Passes every event to `_write` in a thread of its own; drops live events while that is behind."""

    CLOSE_TIMEOUT_SECONDS: float | None = None
    """How long `close` waits for queued events; None: until all are written."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Event | None] = queue.Queue(QUEUED_EVENTS)
        self._thread = threading.Thread(target=self._run, daemon=True, name="events")
        self._thread.start()

    def handle(self, event: Event) -> None:
        # Of live events only the newest counts; progress is points of curves and comes in bursts from a run.
        max_queued = (
            0
            if isinstance(event, Live)
            else QUEUED_EVENTS_BEFORE_PROGRESS_DROPS
            if isinstance(event, Progress)
            else None
        )
        if max_queued is not None and self._queue.qsize() > max_queued:
            return
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            return

    def close(self) -> None:
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(self.CLOSE_TIMEOUT_SECONDS)

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._write(event)
            except (OSError, ValueError) as error:
                self._failed(error)
                return

    @abstractmethod
    def _write(self, event: Event) -> None:
        """Write one event; may block."""

    def _failed(self, error: Exception) -> None:  # noqa: B027
        """Called once if the reader has gone: nothing more is written."""


class JsonLinesSink(EventSink):
    """Writes every event as a line of JSON."""

    CLOSE_TIMEOUT_SECONDS = 2.0
    """Enough for a slow reader; one that has stopped reading is not waited for."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        super().__init__()

    def _write(self, event: Event) -> None:
        self._stream.write(encode_event(event))
        self._stream.flush()


def stdout_sink() -> JsonLinesSink:
    """A sink on this process's stdout, which nothing else may write to."""
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    return JsonLinesSink(stream)
