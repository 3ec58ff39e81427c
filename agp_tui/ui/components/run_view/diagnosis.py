"""Diagnosis of a model: pictures of the rare situations in its recordings, and its learning curve."""

import asyncio
from pathlib import Path
from typing import ClassVar

from msgspec import UNSET
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll, Vertical
from textual.content import Content
from textual.markup import escape
from textual.message import Message
from textual.widgets import Static

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.results import DiagnosisResult, LearningCurveResult, RareSituation
from agp_tui.ui.components.live_view import configured_picture
from agp_tui.ui.widgets.curve_chart import CurveChart
from agp_tui.ui.widgets.live_picture import LivePicture

HEAD = (
    "[b]Rare situations[/]: few examples, large loss. Play them more often, then train again.  "
    "[dim]← → choose, enter replays the moment[/]"
)
NO_SITUATION = "No rare situation stands out: the loss is spread over the recordings."
NO_PICTURE = "The picture is gone."


class SituationCard(Vertical, can_focus=True):
    """A rare situation: its picture, its keys and how often it occurs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "replay", "Replay", id="situations.replay")]

    class ReplayRequested(Message):
        """The user wants to see the recording at the situation."""

        def __init__(self, situation: RareSituation) -> None:
            super().__init__()
            self.situation = situation

    def __init__(self, situation: RareSituation) -> None:
        super().__init__()
        self.situation = situation

    def compose(self) -> ComposeResult:
        yield configured_picture(self.app, "…")
        yield Static(Content.from_markup(situation_text(self.situation)))

    def on_mount(self) -> None:
        self.load_picture()

    @work
    async def load_picture(self) -> None:
        """Show the picture file."""
        picture = self.query_one(LivePicture)
        found = await asyncio.to_thread(_read_picture, self.situation.picture)
        if found is None:
            picture.clear(NO_PICTURE)
        else:
            picture.show(*found)

    def on_click(self) -> None:
        """The first click selects the card."""
        self.focus()

    def action_replay(self) -> None:
        """Ask for the replay."""
        self.post_message(self.ReplayRequested(self.situation))


class DiagnosisPane(Vertical):
    """A row of situations; below it the learning curve, if there is one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Situation", key_display="← →", id="situations.before"),
        Binding("right", "move(1)", "Next", id="situations.after", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(classes="diagnosis")

    def compose(self) -> ComposeResult:
        yield Static(classes="diagnosis-head")
        yield HorizontalScroll(classes="diagnosis-situations", can_focus=False)
        yield Static(classes="diagnosis-statement")
        yield CurveChart(x_label="minutes", classes="diagnosis-curve")

    async def show(self, diagnosis: DiagnosisResult) -> None:
        """Show a diagnosis in place of another one, and focus its first situation."""
        situations = diagnosis.rare_situations
        self.query_one(".diagnosis-head", Static).update(
            Content.from_markup(HEAD if situations else NO_SITUATION)
        )
        row = self.query_one(".diagnosis-situations")
        await row.remove_children()
        cards = [SituationCard(one) for one in situations]
        await row.mount(*cards)
        row.display = bool(cards)
        curve = diagnosis.learning_curve
        self.set_class(curve is not UNSET, "-curve")
        if isinstance(curve, LearningCurveResult):
            self._show_curve(curve)
        if cards:
            cards[0].focus()

    def _show_curve(self, curve: LearningCurveResult) -> None:
        self.query_one(".diagnosis-statement", Static).update(Content.from_markup(curve_text(curve)))
        now, twice = curve.fitted, curve.forecast
        chart = self.query_one(CurveChart)
        chart.set_series(
            {
                "held-out loss": [(one.minutes, one.loss) for one in curve.points],
                "forecast": [(now.minutes, now.loss), (twice.minutes, twice.loss)],
            }
        )
        chart.add_interval(twice.minutes, twice.low, twice.high)

    def action_move(self, by: int) -> None:
        """Focus the next or the previous situation."""
        cards = list(self.query(SituationCard))
        if cards:
            at = next((number for number, card in enumerate(cards) if card.has_focus), 0)
            cards[min(max(at + by, 0), len(cards) - 1)].focus()


def situation_text(one: RareSituation) -> str:
    """The caption of a situation, as markup."""
    recording = Path(one.recording).name
    return (
        f"[b $warning]{one.relative_loss:.1f}x[/] the mean loss\n"
        f"you   [b]{escape(' '.join(one.keys)) or 'no key'}[/]\n"
        f"model {escape(' '.join(one.predicted)) or 'no key'}\n"
        f"{one.examples} frames, {one.visits} time{'' if one.visits == 1 else 's'}\n"
        f"[dim]{clock_text(one.seconds)} {escape(recording)}[/]"
    )


def curve_text(curve: LearningCurveResult) -> str:
    """The forecast as markup."""
    color = {"helps": "$success", "little": "$warning", "unclear": "$warning"}[curve.outlook]
    return f"[{color}]{escape(curve.statement)}[/]"


def _read_picture(path: str) -> tuple[bytes, tuple[int, int]] | None:
    """RGB bytes and size (height, width) of a picture file; None if it cannot be read."""
    import cv2
    import numpy as np

    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError:
        return None
    # Not imread, which prints a warning over the screen.
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    if pixels is None:
        return None
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB).tobytes(), (pixels.shape[0], pixels.shape[1])
