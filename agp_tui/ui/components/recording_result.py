"""What a recording came to be, and whether to keep it."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.widgets import Static

from agp_tui.protocol.events import Finished
from agp_tui.ui.components.key_combinations import CombinationBars
from agp_tui.ui.components.live_view import clock


class RecordingResult(VerticalScroll, can_focus=False):
    """The figures of a finished recording, its keys in balance, what to know of it."""

    def compose(self) -> ComposeResult:
        yield Static(id="recorded-facts")
        yield Static("[b]Keys held together[/]", classes="recorded-head")
        yield CombinationBars(id="recorded-bars")
        yield Static(id="recorded-warnings")

    def show(self, finished: Finished) -> None:
        """The result of `agp record`."""
        report: dict[str, Any] = finished.report or {}
        self.query_one("#recorded-facts", Static).update(Content.from_markup(result_text(finished)))
        self.query_one(CombinationBars).show(report.get("combinations", ()))
        warnings = warnings_text(report.get("warnings", ()))
        self.query_one("#recorded-warnings", Static).update(Content.from_markup(warnings))


def result_text(finished: Finished) -> str:
    """Length, frames, how full, size, scores, why it ended; what can be done."""
    frames, missed = finished.frames or 0, finished.missed or 0
    filled = 100 * frames / max(1, frames + missed)
    style = "$warning" if filled < 99.5 else "$success"
    parts = [
        f"[b]{clock(finished.seconds or 0.0)}[/] long",
        f"[b]{frames}[/] frames",
        f"[{style}]{filled:.1f} % filled[/]",
        f"{(finished.bytes or 0) / 1e6:.1f} MB",
    ]
    if finished.scores:
        parts.append(f"scores {', '.join(f'{score:g}' for score in finished.scores)}")
    because = str((finished.report or {}).get("because", ""))
    return (
        f"{'  '.join(parts)}\n[dim]{escape(finished.recording or '')}[/]\n"
        f"Ended: {escape(because)}.  [b $accent]Enter[/] keeps it, [b $accent]x[/] discards it."
    )


def warnings_text(warnings: list[str] | tuple[str, ...]) -> str:
    """A line for each."""
    if not warnings:
        return "[$success]✓[/] nothing speaks against learning from it"
    return "\n".join(f"[$warning]![/] {escape(text)}" for text in warnings)
