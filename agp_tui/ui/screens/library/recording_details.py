"""Details of the recording under the cursor: facts, key combinations, warnings, problems."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.widgets import Static

from agp_tui.protocol.results import CheckResult, RecordingInfoResult
from agp_tui.protocol.summaries import RecordingSummary
from agp_tui.ui.components.key_combinations import CombinationBars
from agp_tui.ui.components.recording_result import warnings_text

ALREADY_SHOWN = ("path", "game", "state", "seconds", "frames")
"""Facts that the head or the table shows already."""


class RecordingDetails(VerticalScroll):
    """Shows facts, key combinations, warnings, and the problems found by a check."""

    def compose(self) -> ComposeResult:
        yield Static(id="details-head")
        yield CombinationBars(id="details-bars")
        yield Static(id="details-found")
        yield Static(id="details-facts")

    def show(
        self, item: RecordingSummary | None, report: RecordingInfoResult | None, check: CheckResult | None
    ) -> None:
        """Show a recording, its report (`agp recordings info`) and a check's problems, None if unknown."""
        self.query_one(CombinationBars).show(report.combinations if report else ())
        texts = {"head": "", "found": "", "facts": ""}
        if item is not None:
            texts = {
                "head": head_text(item),
                "found": findings_text(item, report, check),
                "facts": facts_text(report or RecordingInfoResult()),
            }
        for name, markup in texts.items():
            self.query_one(f"#details-{name}", Static).update(Content.from_markup(markup))


def head_text(item: RecordingSummary) -> str:
    """The path, the player and the annotator."""
    who = item.source
    if item.labels and item.labels != item.source:
        who += f", corrected by {item.labels}"
    return f"[b]{escape(item.path)}[/]" + (f"\n[dim]played by[/] {escape(who)}" if who else "")


def findings_text(
    item: RecordingSummary, report: RecordingInfoResult | None, check: CheckResult | None
) -> str:
    """Problems, warnings and what can be done about them."""
    lines = [f"[$error]✗[/] {escape(item.problem)}"] if item.problem else []
    if report is not None:
        lines.append(warnings_text(report.warnings))
    if check is not None:
        lines += [f"[$error]✗[/] {escape(problem)}" for problem in check.problems]
        if not check.problems:
            lines.append("[$success]✓[/] checked: no problems found")
        elif item.state == "broken off" or check.repairable:
            lines.append("[b]r[/] repairs it: what can be read is restored")
    return "\n".join(lines)


def facts_text(report: RecordingInfoResult) -> str:
    """One line per fact, and how often each key was pressed."""
    lines = [
        f"[dim]{escape(name)}[/] {escape(str(value))}"
        for name, value in report.facts.items()
        if name not in ALREADY_SHOWN
    ]
    presses = ", ".join(f"{key} {times}" for key, times in report.presses.items())
    if presses:
        lines.append(f"[dim]times pressed[/] {escape(presses)}")
    return "\n".join(lines)
