"""Hears, on a thread of its own, what ends or pauses play, and empties the seat at once.

A command, a key, another window with the focus.

The playing loop may hang in the model meanwhile: no key stays down because of it.
"""

import contextlib
import threading
import time
from types import TracebackType
from typing import Protocol

from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed
from agp_tui.keys.listening import KeyListener
from agp_tui.play.intervention import Intervention
from agp_tui.play.key_gate import KeyGate
from agp_tui.protocol.events import Panic, Pause, Resume

POLL_SECONDS = 0.01
"""How long a command may go unnoticed. A person's key is noticed at once."""
FOCUS_SECONDS = 0.05
"""How long it may go unnoticed that another window has the focus."""
UNFOCUSED = "The game's window does not have the focus: nothing is pressed until"


class FocusMonitor(Protocol):
    """Knows whether keys reach the game."""

    def there(self) -> bool:
        """Whether they do."""
        ...


class Watchdog:
    """While inside: the panic key, `Panic`, `Pause`, `Resume` and `Stop` act on the seat.

    `listener`, where there is one, hears `panic_key` and what `takeover` is to know; it stays the
    caller's to close, as does `focus`. Without the focus every key is released: for as long as it is away,
    or, under `stay_away`, until `Resume`. Where no decision comes for `hang_seconds` they are released until
    the next one, and that is counted in `hangs`. What goes wrong on the thread ends the job and is kept in
    `failure`.
    """

    def __init__(
        self,
        seat: KeyGate,
        job: Job,
        listener: KeyListener | None,
        panic_key: str,
        takeover: Intervention | None = None,
        *,
        focus: FocusMonitor | None = None,
        stay_away: bool = False,
        hang_seconds: float | None = None,
    ) -> None:
        self.failure: AgpError | None = None
        self.panicked = False
        self.hangs = 0
        self._seat = seat
        self._job = job
        self._listener = listener
        self._panic_key = panic_key
        self._takeover = takeover
        self._focus = focus
        self._stay_away = stay_away
        self._hang_seconds = hang_seconds
        self._focus_due = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="oversight")

    def __enter__(self) -> "Watchdog":
        # Before anything is pressed.
        self._look_at_focus()
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
                self._look_at_focus()
                self._look_at_decisions()
                self._wait()
                if self._job.stopping:
                    self._obey()
                    self._seat.leave()
                    return
        except Exception as error:
            # Whatever it is: nobody hears the panic key any more, so nobody may play.
            self.failure = error if isinstance(error, AgpError) else _watchdog_failed(error)
            self._job.stop()
            with contextlib.suppress(Exception):
                self._seat.leave()

    def _wait(self) -> None:
        if self._listener is not None:
            self._listener.wait(POLL_SECONDS)
        else:
            self._job.wait_for_stop(POLL_SECONDS)

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
                away = self._focus is not None and not self._focus.there()
                self._seat.resume(away=away)
                self._job.note(f"{UNFOCUSED} it has it." if away else "Playing again.")

    def _look_at_focus(self) -> None:
        if self._focus is None or (now := time.monotonic()) < self._focus_due:
            return
        self._focus_due = now + FOCUS_SECONDS
        if self._focus.there():
            if self._seat.look_back():
                self._job.note("The game has the focus again: playing.")
        elif self._seat.look_away():
            if self._stay_away:
                self._seat.pause()
            until = "you resume" if self._stay_away else "it has it"
            self._job.note(f"{UNFOCUSED} {until}.")

    def _look_at_decisions(self) -> None:
        if self._hang_seconds is None or not self._seat.let_go(self._hang_seconds):
            return
        self.hangs += 1
        if self.hangs == 1:
            self._job.note(
                f"No decision for {self._hang_seconds:g} s: every key is released until the next one.",
                level="warning",
            )

    def _panic(self, why: str) -> None:
        if not self.panicked:
            self.panicked = True
            self._seat.leave()
            self._job.stop()
            self._job.note(f"Stopped ({why}): every key is released.", level="warning")


def _watchdog_failed(error: Exception) -> JobFailed:
    return JobFailed(
        f"Expected to hear the panic key until the end, found: {type(error).__name__}: {error}.",
        "Every key was released. Start this again.",
    )
