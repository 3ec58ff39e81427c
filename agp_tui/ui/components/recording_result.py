"""Result of a recording: figures, key combinations and warnings."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.widgets import Static

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Finished
from agp_tui.protocol.results import RecordResult
from agp_tui.ui.components.key_combinations import CombinationBars


class RecordingResult(VerticalScroll, can_focus=False):
    """Shows the figures, key combinations and warnings of a finished recording."""

    def compose(self) -> ComposeResult:
        yield Static(id="recorded-facts")
        yield Static("[b]Keys held together[/]", classes="recorded-head")
        yield CombinationBars(id="recorded-bars")
        yield Static(id="recorded-warnings")

    def show(self, finished: Finished, offers_profile: bool = False) -> None:
        """Show the result of `agp record`; `offers_profile`: whether p saves its region as a profile."""
        report = finished.result(RecordResult) or RecordResult()
        self.query_one("#recorded-facts", Static).update(
            Content.from_markup(result_text(finished, offers_profile))
        )
        self.query_one(CombinationBars).show(report.combinations or ())
        warnings = warnings_text(report.warnings or ())
        self.query_one("#recorded-warnings", Static).update(Content.from_markup(warnings))


def result_text(finished: Finished, offers_profile: bool = False) -> str:
    """Length, frames, share of filled frame slots, size, scores and reason of the end, as markup."""
    frames, missed = finished.frames or 0, finished.missed or 0
    filled = 100 * frames / max(1, frames + missed)
    style = "$warning" if filled < 99.5 else "$success"
    parts = [
        f"[b]{clock_text(finished.seconds or 0.0)}[/] long",
        f"[b]{frames}[/] frames",
        f"[{style}]{filled:.1f} % filled[/]",
        f"{(finished.bytes or 0) / 1e6:.1f} MB",
    ]
    report = finished.result(RecordResult) or RecordResult()
    if excluded := sum(one.stop_seconds - one.start_seconds for one in report.excluded):
        parts.append(f"[$warning]{excluded:.1f} s excluded[/]")
    if finished.scores:
        parts.append(f"scores {', '.join(f'{score:g}' for score in finished.scores)}")
    if report.nudges:
        parts.append(f"[b]{report.nudges}[/] nudges, {report.nudge_seconds:.1f} s")
    reason = report.because
    profile = (
        "\n[b $accent]p[/] saves its region and keys as the profile of the game." if offers_profile else ""
    )
    return (
        f"{'  '.join(parts)}\n[dim]{escape(finished.recording or '')}[/]\n"
        f"Ended: {escape(reason)}.  [b $accent]Enter[/] keeps it, [b $accent]x[/] discards it.{profile}"
    )


def warnings_text(warnings: list[str] | tuple[str, ...]) -> str:
    """One line of markup per warning."""
    if not warnings:
        return "[$success]✓[/] no warnings: ready to train on"
    return "\n".join(f"[$warning]![/] {escape(text)}" for text in warnings)
