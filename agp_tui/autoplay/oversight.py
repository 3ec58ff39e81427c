"""Hears, on a thread of its own, what ends or pauses play and who touches the keys; empties the seat at once.

The playing loop may hang in the model meanwhile: no key stays down because of it.
"""

import contextlib
import threading
import time
from types import TracebackType

from agp_tui.autoplay.seat import Seat
from agp_tui.autoplay.takeover import Takeover
from agp_tui.engine.events import Panic, Pause, Resume
from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed
from agp_tui.keys.listening import KeyListener

POLL_SECONDS = 0.01
"""How long a person's key, or a pause, may go unnoticed. A stop is noticed at once."""


class Oversight:
    """While inside: the panic key, `Panic`, `Pause`, `Resume` and `Stop` act on the seat.

    `listener`, where there is one, hears `panic_key` and what `takeover` is to know; it stays the
    caller's to close. What goes wrong on the thread ends the job and is kept in `failure`.
    """

    def __init__(
        self,
        seat: Seat,
        job: Job,
        listener: KeyListener | None,
        panic_key: str,
        takeover: Takeover | None = None,
    ) -> None:
        self.failure: AgpError | None = None
        self.panicked = False
        self._seat = seat
        self._job = job
        self._listener = listener
        self._panic_key = panic_key
        self._takeover = takeover
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="oversight")

    def __enter__(self) -> "Oversight":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(timeout=1.0)

    def _watch(self) -> None:
        try:
            while not self._over.is_set():
                self._obey()
                if self._job.wait_for_stop(POLL_SECONDS):
                    self._obey()
                    self._seat.leave()
                    return
        except Exception as error:
            # Whatever it is: nobody hears the panic key any more, so nobody may play.
            self.failure = error if isinstance(error, AgpError) else _blind(error)
            self._job.stop()
            with contextlib.suppress(Exception):
                self._seat.leave()

    def _obey(self) -> None:
        if self._listener is not None:
            edges = self._listener.edges()
            if any(edge.down and edge.key == self._panic_key for edge in edges):
                self._panic(f"{self._panic_key} was pressed")
            if self._takeover is not None:
                self._takeover.hear(edges, time.monotonic_ns())
        for command in self._job.commands():
            if isinstance(command, Panic):
                self._panic("panic")
            elif isinstance(command, Pause):
                self._seat.pause()
                self._job.note("Paused: every key is released.")
            elif isinstance(command, Resume):
                self._seat.resume()
                self._job.note("Playing again.")

    def _panic(self, why: str) -> None:
        if not self.panicked:
            self.panicked = True
            self._seat.leave()
            self._job.stop()
            self._job.note(f"Stopped ({why}): every key is released.", level="warning")


def _blind(error: Exception) -> JobFailed:
    return JobFailed(
        f"Expected to hear the panic key until the end, found: {type(error).__name__}: {error}.",
        "Every key was released. Start this again.",
    )
