"""Stops, pauses and releases play from a thread of its own, also while the model hangs.

It reacts to the panic key, to commands, to a loss of the keyboard focus and to missing decisions.
"""

import contextlib
import threading
import time
from types import TracebackType

from agp_tui.engine.job import Job
from agp_tui.errors import AgpError, JobFailed
from agp_tui.games.base import FocusMonitor
from agp_tui.keys.listening import KeyListener
from agp_tui.play.intervention import Intervention
from agp_tui.play.key_gate import KeyGate
from agp_tui.protocol.commands import Panic, Pause, Resume

POLL_SECONDS = 0.01
"""Longest time until a command is noticed. A person's key is noticed at once."""
FOCUS_POLL_SECONDS = 0.05
"""Longest time until a change of the keyboard focus is noticed."""


class Watchdog:
    """A context manager that runs the watchdog thread and closes the gate when play must stop.

    `listener`, if given, hears `panic_key` and the keys for `intervention`; `listener` and `focus` remain
    the caller's to close. While the game lacks the focus every key is released; with `pause_on_focus_loss`
    until `Resume`. Without a decision for `hang_seconds` every key is released until the next one. An error
    on the thread stops the job and is stored in `failure`.
    """

    def __init__(
        self,
        gate: KeyGate,
        job: Job,
        listener: KeyListener | None,
        panic_key: str,
        intervention: Intervention | None = None,
        *,
        focus: FocusMonitor | None = None,
        pause_on_focus_loss: bool = False,
        hang_seconds: float | None = None,
    ) -> None:
        self.failure: AgpError | None = None
        self.panicked = False
        self.hangs = 0
        """How often keys were released because no decision came."""
        self._gate = gate
        self._job = job
        self._listener = listener
        self._panic_key = panic_key
        self._intervention = intervention
        self._focus = focus
        self._pause_on_focus_loss = pause_on_focus_loss
        self._hang_seconds = hang_seconds
        self._next_focus_check = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="watchdog")

    def __enter__(self) -> "Watchdog":
        # Before the first key is pressed.
        self._check_focus()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._handle_input()
                self._check_focus()
                self._check_hang()
                self._wait()
                if self._job.stopping:
                    self._handle_input()
                    self._gate.close()
                    return
        except Exception as error:
            # Whatever it is: the panic key no longer works, so play must stop.
            self.failure = error if isinstance(error, AgpError) else _watchdog_failed(error)
            self._job.stop()
            with contextlib.suppress(Exception):
                self._gate.close()

    def _wait(self) -> None:
        if self._listener is not None:
            self._listener.wait(POLL_SECONDS)
        else:
            self._job.wait_for_stop(POLL_SECONDS)

    def _handle_input(self) -> None:
        if self._listener is not None:
            edges = self._listener.edges()
            if any(edge.down and edge.key == self._panic_key for edge in edges):
                self._panic(f"{self._panic_key} was pressed")
            if self._intervention is not None:
                self._intervention.process(edges, time.monotonic_ns())
        for command in self._job.commands():
            if isinstance(command, Panic):
                self._panic("panic")
            elif isinstance(command, Pause):
                self._gate.pause()
                self._job.note("Paused: every key is released.")
            elif isinstance(command, Resume):
                focused = self._focus is None or self._focus.has_focus()
                self._gate.resume(focused=focused)
                self._job.note("Playing again." if focused else _unfocused_note("the game has the focus"))

    def _check_focus(self) -> None:
        if self._focus is None or (now := time.monotonic()) < self._next_focus_check:
            return
        self._next_focus_check = now + FOCUS_POLL_SECONDS
        if self._focus.has_focus():
            if self._gate.focus_gained():
                self._job.note("The game has the focus again: playing.")
        elif self._gate.focus_lost():
            if self._pause_on_focus_loss:
                self._gate.pause()
            self._job.note(
                _unfocused_note("you resume" if self._pause_on_focus_loss else "the game has the focus")
            )

    def _check_hang(self) -> None:
        if self._hang_seconds is None or not self._gate.release_if_stale(self._hang_seconds):
            return
        self.hangs += 1
        if self.hangs == 1:
            self._job.note(
                f"No decision for {self._hang_seconds:g} s: every key is released until the next one.",
                level="warning",
            )

    def _panic(self, reason: str) -> None:
        if not self.panicked:
            self.panicked = True
            self._gate.close()
            self._job.stop()
            self._job.note(f"Stopped ({reason}): every key is released.", level="warning")


def _unfocused_note(until: str) -> str:
    return f"The game's window does not have the focus: nothing is pressed until {until}."


def _watchdog_failed(error: Exception) -> JobFailed:
    return JobFailed(
        f"Expected to listen for the panic key until the end, found: {type(error).__name__}: {error}.",
        "Every key was released. Start this again.",
    )
