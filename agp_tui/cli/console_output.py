"""Events as text on a terminal: results on stdout, narration on stderr."""

import time

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from agp_tui.engine.sinks import EventSink
from agp_tui.formatting.events import percentiles_text, progress_text, result_text
from agp_tui.formatting.tables import rich_table
from agp_tui.protocol.events import Event, Failed, Finished, Live, Note, Progress, Stage, Started, Table

QUIET_SECONDS = 10.0
"""Interval between progress lines without a terminal."""


class ConsoleOutput(EventSink):
    """Prints events as text; on a terminal, progress is updated in place on one line."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = self._err.status("") if self._err.is_terminal else None
        self._last_written = 0.0
        self._broken: BrokenPipeError | None = None
        super().__init__()

    def close(self) -> None:
        """Raises `BrokenPipeError` if the reader of stdout has gone."""
        super().close()
        self._pause()
        if self._broken is not None:
            raise self._broken

    def _write(self, event: Event) -> None:
        match event:
            case Started():
                self._narrate(f"[bold]{event.job}[/bold]" + (f"  run {event.run}" if event.run else ""))
            case Stage():
                self._narrate(f"[bold cyan]{event.number}/{event.of}[/bold cyan] {escape(event.name)}")
            case Progress() | Live():
                self._state(progress_text(event) if isinstance(event, Progress) else _live(event))
            case Note():
                colour = "yellow" if event.level == "warning" else "dim"
                self._narrate(f"[{colour}]{escape(event.text)}[/{colour}]")
            case Table():
                self._pause()
                self._out.print(rich_table(event))
            case Finished():
                self._pause()
                self._out.print(result_text(event))
            case Failed():
                self._narrate(f"[bold red]{escape(event.error)}[/bold red] {escape(event.hint)}")

    def _failed(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError):
            self._broken = error

    def _narrate(self, markup: str) -> None:
        self._err.print(markup)

    def _state(self, text: str) -> None:
        if self._status is not None:
            self._status.update(Text(text))
            self._status.start()
        elif time.monotonic() - self._last_written >= QUIET_SECONDS:
            self._last_written = time.monotonic()
            self._err.print(Text(f"  {text}"))

    def _pause(self) -> None:
        if self._status is not None:
            self._status.stop()


def _live(event: Live) -> str:
    parts = [f"{event.seconds:.1f} s", f"{event.fps:.1f}/{event.fps_asked:g} fps", f"{event.missed} missed"]
    if event.paused:
        parts.insert(0, "paused")
    if event.nudge:
        parts.insert(0, f"NUDGE {' '.join(event.nudge)}")
    if event.latency_ms:
        parts.append(
            f"latency {percentiles_text(event.latency_ms['total'])}" if "total" in event.latency_ms else ""
        )
    if event.score is not None:
        parts.append(f"score {event.score:g}")
    if event.value is not None:
        parts.append(f"value {event.value:.2f}")
    if event.excluded:
        parts.append(f"{event.excluded:.1f} s excluded")
    if event.bytes is not None:
        parts.append(f"{event.bytes / 1e6:.1f} MB")
    parts.append(" ".join(event.held) or "-")
    return "  ".join(part for part in parts if part)
