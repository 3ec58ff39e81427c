"""Data panes of the train screen: the list of recordings, and the report on the chosen ones."""

import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.markup import escape
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.results import DatasetResult
from agp_tui.protocol.summaries import RecordingSummary
from agp_tui.ui.widgets.key_bars import KeyBars

MOST_COMBINATIONS = 6


class Recordings(SelectionList[str]):
    """The game's recordings, all selected; unreadable ones are marked and disabled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.start", "Train", id="train.start"),
        Binding("space", "select", "Choose", id="train.choose"),
        Binding("a", "toggle_all", "All or none", id="train.all", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="train-recordings")
        self._items: tuple[RecordingSummary, ...] = ()

    def on_mount(self) -> None:
        self.border_title = "Recordings"

    def update_data(self, items: tuple[RecordingSummary, ...]) -> None:
        """Show these; deselected ones stay deselected, new ones are selected."""
        if items == self._items:
            return
        left_out = set(self.usable) - set(self.selected)
        at = self.highlighted
        self._items = items
        self.clear_options()
        self.add_options([selection(one, one.path not in left_out) for one in items])
        if items:
            self.highlighted = min(at or 0, len(items) - 1)
        self.show_selection()

    @property
    def usable(self) -> list[str]:
        """Paths of the recordings that can be selected."""
        return [one.path for one in self._items if not broken(one)]

    def show_selection(self) -> None:
        """Show the number and the length of the selected recordings."""
        chosen = set(self.selected)
        seconds = sum(one.seconds for one in self._items if one.path in chosen)
        self.border_subtitle = f"{len(chosen)} of {len(self._items)}, {clock_text(seconds).split('.')[0]}"

    def flags(self) -> list[str]:
        """The selection as a flag of `agp train`; no flag if all are selected."""
        if len(self.selected) == len(self._items):
            return []
        return ["--recordings=" + ",".join("/".join(Path(path).parts[-2:]) for path in self.selected)]

    def action_toggle_all(self) -> None:
        """Select all, or none if all are selected."""
        if len(self.selected) == len(self.usable):
            self.deselect_all()
        else:
            for path in self.usable:
                self.select(path)


def broken(one: RecordingSummary) -> bool:
    """Whether the recording cannot be used for training."""
    return bool(one.problem) or one.state in ("recording", "unreadable") or one.frames == 0


def selection(one: RecordingSummary, chosen: bool) -> Selection[str]:
    """A line of the list."""
    when = _moment(one.stamp)
    if broken(one):
        why = "is being recorded" if one.state == "recording" else one.problem or "holds no frames"
        text = Content.from_markup(f"[$error]✗[/] {when}  [dim]{escape(why)}[/]")
        return Selection(text, one.path, False, disabled=True)
    who = "corrections" if one.source == "agent" else one.labels or one.source
    text = Content.from_markup(
        f"{when}  [b]{clock_text(one.seconds).split('.')[0]:>5}[/]  [dim]{escape(who)}[/]"
    )
    return Selection(text, one.path, chosen)


def _moment(stamp: str) -> str:
    """The time in a folder's name, such as `01 Jan 12:00:00`."""
    day, _, rest = stamp.partition("-")
    clock_, _, number = rest.partition("-")
    try:
        moment = time.strptime(f"{day}-{clock_}", "%Y%m%d-%H%M%S")
    except ValueError:
        return escape(stamp)
    return time.strftime("%d %b %H:%M:%S", moment) + (f" ({number})" if number else "    ")


class DatasetPane(Horizontal):
    """Report on the selected recordings: share by key, combinations, validation split, warnings."""

    def compose(self) -> ComposeResult:
        yield KeyBars("record", id="look-keys", message="The report appears here.")
        with VerticalScroll(id="look-words"):
            yield Static(id="look-text")

    def on_mount(self) -> None:
        self.border_title = "What they hold"

    def clear(self, markup: str) -> None:
        """Show a message instead of a report."""
        self.query_one(KeyBars).reset()
        self.query_one("#look-text", Static).update(Content.from_markup(markup))

    def show(self, report: DatasetResult) -> None:
        """The report of `agp train --look`."""
        self.query_one(KeyBars).reset(list(report.keys))
        self.query_one(KeyBars).set_figures(report.keys, ())
        self.query_one("#look-text", Static).update(Content.from_markup(dataset_text(report)))


def dataset_text(report: DatasetResult) -> str:
    """Warnings, key combinations and the validation split, as markup."""
    parts = [f"[$warning]! {escape(text)}[/]" for text in report.warnings]
    together = [
        f"{escape('+'.join(one.keys) or 'no key')} [b]{100 * one.share:.0f} %[/]"
        for one in report.combinations[:MOST_COMBINATIONS]
    ]
    if together:
        more = len(report.combinations) - len(together)
        parts.append("Together: " + "  ".join(together) + (f"  and {more} more" if more > 0 else ""))
    held_out = report.validation
    if held_out:
        names = dict.fromkeys(Path(one.recording).name for one in held_out)
        whole = all(one.whole for one in held_out)
        parts.append(
            f"Learns from [b]{report.train_frames}[/] frames, is judged on "
            f"[b]{report.validation_frames}[/]: {'all' if whole else 'blocks'} of "
            f"{escape(', '.join(names))}"
        )
    return "\n".join(parts)
