"""How a job's events look to a person at a terminal: results on stdout, narration on stderr."""

import time
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from agp_tui.engine.clock import Percentiles
from agp_tui.engine.events import Event, Failed, Finished, Live, Note, Progress, Stage, Started, Table
from agp_tui.ui.tables import drawn

QUIET_SECONDS = 10.0
"""Without a terminal, progress is told this often."""


class Narrator:
    """Tells events as sentences; on a terminal the newest state stays on one line."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._status = self._err.status("") if self._err.is_terminal else None
        self._told = 0.0

    def hear(self, event: Event) -> None:
        match event:
            case Started():
                self._narrate(f"[bold]{event.job}[/bold]" + (f"  run {event.run}" if event.run else ""))
            case Stage():
                self._narrate(f"[bold cyan]{event.number}/{event.of}[/bold cyan] {escape(event.name)}")
            case Progress() | Live():
                self._state(_progress(event) if isinstance(event, Progress) else _live(event))
            case Note():
                colour = "yellow" if event.level == "warning" else "dim"
                self._narrate(f"[{colour}]{escape(event.text)}[/{colour}]")
            case Table():
                self._pause()
                self._out.print(drawn(event))
            case Finished():
                self._pause()
                self._out.print(summary(event))
            case Failed():
                self._narrate(f"[bold red]{escape(event.error)}[/bold red] {escape(event.hint)}")

    def close(self) -> None:
        self._pause()

    def _narrate(self, markup: str) -> None:
        self._err.print(markup)

    def _state(self, text: str) -> None:
        if self._status is not None:
            self._status.update(Text(text))
            self._status.start()
        elif time.monotonic() - self._told >= QUIET_SECONDS:
            self._told = time.monotonic()
            self._err.print(Text(f"  {text}"))

    def _pause(self) -> None:
        if self._status is not None:
            self._status.stop()


def summary(event: Finished) -> str:
    """A result in a few lines: what was made, then its figures."""
    made = [
        f"[bold green]{name}[/bold green] {escape(str(value))}"
        for name, value in (
            ("recording", event.recording),
            ("model", event.model),
            ("checkpoint", event.checkpoint),
            ("run", event.run),
        )
        if value
    ]
    return "\n".join([*made, ", ".join(_figures(event))]).strip() or f"{event.job} done"


def _figures(event: Finished) -> Iterable[str]:
    if event.frames is not None:
        yield f"{event.frames} frames"
    if event.seconds is not None:
        yield f"{event.seconds:.1f} s"
    if event.fps is not None:
        yield f"{event.fps:.1f} fps"
    if event.missed is not None:
        yield f"{event.missed} missed"
    if event.decisions is not None:
        yield f"{event.decisions} decisions"
    if event.latency_ms is not None:
        yield f"latency {_percentiles(event.latency_ms)}"
    if event.deadline_misses is not None:
        yield f"{event.deadline_misses} deadlines missed"
    if event.scores:
        yield f"scores {', '.join(f'{score:g}' for score in event.scores)}"
    if event.score_mean is not None:
        yield f"mean {event.score_mean:.1f}"
    if event.bytes is not None:
        yield f"{event.bytes / 1e6:.1f} MB"
    for name, value in (event.metrics or {}).items():
        yield f"{name.replace('_', ' ')} {value:.3g}"


def _progress(event: Progress) -> str:
    parts = [f"{event.done:g}/{event.total:g} {event.unit}"]
    if event.rate:
        parts.append(f"{event.rate:.0f}/s")
    if event.seconds_left is not None:
        parts.append(f"{event.seconds_left:.0f} s left")
    parts += [f"{name.replace('_', ' ')} {value:.3f}" for name, value in event.metrics.items()]
    return "  ".join(parts)


def _live(event: Live) -> str:
    parts = [f"{event.seconds:.1f} s", f"{event.fps:.1f}/{event.fps_asked:g} fps", f"{event.missed} missed"]
    if event.latency_ms:
        parts.append(
            f"latency {_percentiles(event.latency_ms['total'])}" if "total" in event.latency_ms else ""
        )
    if event.score is not None:
        parts.append(f"score {event.score:g}")
    if event.bytes is not None:
        parts.append(f"{event.bytes / 1e6:.1f} MB")
    parts.append(" ".join(event.held) or "-")
    return "  ".join(part for part in parts if part)


def _percentiles(value: Percentiles) -> str:
    return f"p50 {value.p50:.1f} p99 {value.p99:.1f} ms"
