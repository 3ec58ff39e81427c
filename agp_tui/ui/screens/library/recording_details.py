"""Everything about the recording that the cursor is on."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.widgets import Static

from agp_tui.ui.client.catalog import RecordingItem
from agp_tui.ui.components.key_combinations import CombinationBars
from agp_tui.ui.components.recording_result import warnings_text

ALREADY_SHOWN = ("path", "game", "state", "seconds", "frames")
"""Facts that the first lines, or the table, say already."""

DAMAGE_WORDS = ("video", "damaged", "torn", "timeline")
"""Words of problems that a repair is for."""


class RecordingDetails(VerticalScroll):
    """Facts, how often which keys are held together, warnings, problems that a check found."""

    def compose(self) -> ComposeResult:
        yield Static(id="details-head")
        yield CombinationBars(id="details-bars")
        yield Static(id="details-found")
        yield Static(id="details-facts")

    def show(
        self, item: RecordingItem | None, report: dict[str, Any] | None, problems: list[str] | None
    ) -> None:
        """`report`: of `agp recordings info`, None while it is looked up; `problems`: of a check, if any."""
        report = report or {}
        self.query_one(CombinationBars).show(report.get("combinations", ()))
        texts = {"head": "", "found": "", "facts": ""}
        if item is not None:
            texts = {
                "head": head_text(item),
                "found": findings_text(item, report, problems),
                "facts": facts_text(report),
            }
        for name, markup in texts.items():
            self.query_one(f"#details-{name}", Static).update(Content.from_markup(markup))


def head_text(item: RecordingItem) -> str:
    """The path, and who plays for whom."""
    who = item.source
    if item.labels and item.labels != item.source:
        who += f", corrected by {item.labels}"
    return f"[b]{escape(item.path)}[/]" + (f"\n[dim]played by[/] {escape(who)}" if who else "")


def findings_text(item: RecordingItem, report: dict[str, Any], problems: list[str] | None) -> str:
    """What is wrong with it, or what to know of it."""
    lines = [f"[$error]✗[/] {escape(item.problem)}"] if item.problem else []
    if "warnings" in report:
        lines.append(warnings_text(report["warnings"]))
    if problems is not None:
        lines += [f"[$error]✗[/] {escape(problem)}" for problem in problems]
        if not problems:
            lines.append("[$success]✓[/] checked: nothing is wrong with it")
        elif item.state == "broken off" or any(word in text for text in problems for word in DAMAGE_WORDS):
            lines.append("[b]r[/] makes a whole recording of what can be read")
    return "\n".join(lines)


def facts_text(report: dict[str, Any]) -> str:
    """One line each; how often each key is pressed at the end."""
    told = [
        f"[dim]{escape(name)}[/] {escape(str(value))}"
        for name, value in report.get("facts", {}).items()
        if name not in ALREADY_SHOWN
    ]
    presses = ", ".join(f"{key} {times}" for key, times in report.get("presses", {}).items())
    if presses:
        told.append(f"[dim]times pressed[/] {escape(presses)}")
    return "\n".join(told)
