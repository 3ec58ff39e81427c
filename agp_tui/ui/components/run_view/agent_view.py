"""A training of an agent as it goes: its game, its scores, how good it is judged, what takes its time."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from agp_tui.formatting.text import duration_text
from agp_tui.protocol.events import AnyEvent, EpisodeFinished, Evaluated, Live, Progress
from agp_tui.ui.components.live_view import configured_picture
from agp_tui.ui.widgets.curve_chart import CurveChart
from agp_tui.ui.widgets.live_picture import LivePicture
from agp_tui.ui.widgets.score_table import ScoreTable
from agp_tui.ui.widgets.time_split import STAGES, TimeSplit

JOB = "atari"
NO_GAME = "The game shows here."
NO_SCORE = "The first game goes on."
NO_LOSS = "Nothing is learnt yet."
JUDGED, PLAYED = "evaluation", "training, mean of 100"
"""The curves of the scores: games apart from training, and those of the training itself."""
LOSS = "value loss"


class AgentView(Vertical):
    """Picture and curves, the table of scores below them. `reset` before another run."""

    def __init__(self) -> None:
        super().__init__(classes="agent-view")
        self._steps = 0.0
        self._average: float | None = None
        """Of the newest games, not yet in the curve."""

    def compose(self) -> ComposeResult:
        yield TimeSplit(classes="agent-split")
        with Horizontal(classes="agent-above"):
            yield configured_picture(self.app, NO_GAME, classes="agent-game")
            yield CurveChart(x_label="steps", message=NO_SCORE, classes="agent-score-curve")
        with Horizontal(classes="agent-below"):
            yield ScoreTable(classes="agent-scores")
            yield CurveChart(x_label="steps", message=NO_LOSS, log=True, classes="agent-loss-curve")

    def on_mount(self) -> None:
        self.query_one(".agent-score-curve").border_title = "Score; │ 95 % interval"
        self.query_one(".agent-loss-curve").border_title = "Loss"
        self.query_one(ScoreTable).border_title = "Games of the training"

    def reset(self) -> None:
        """Forget the run that was shown."""
        self._steps, self._average = 0.0, None
        self.query_one(TimeSplit).set_figures(None, {})
        self.query_one(ScoreTable).reset()
        # In this order whatever comes first, so that each curve keeps its letter and its colour.
        self.query_one(".agent-score-curve", CurveChart).set_series({JUDGED: (), PLAYED: ()})
        self.query_one(".agent-loss-curve", CurveChart).reset()
        self.rest()

    def rest(self) -> None:
        """Nothing plays now."""
        self.query_one(LivePicture).clear(NO_GAME)
        self.query_one(LivePicture).border_title = ""

    def show(self, event: AnyEvent) -> None:
        """One event of the run."""
        match event:
            case Live():
                self._live(event)
            case EpisodeFinished():
                self._average = event.average
                self.query_one(ScoreTable).add(event)
            case Evaluated():
                chart = self.query_one(".agent-score-curve", CurveChart)
                chart.add(JUDGED, event.steps, event.score_mean)
                chart.add_interval(event.steps, event.score_low, event.score_high)
            case Progress():
                self._progress(event)

    def _live(self, live: Live) -> None:
        if live.thumbnail and live.thumbnail_size is not None:
            self.query_one(LivePicture).show(live.thumbnail, live.thumbnail_size)
        if live.score is not None:
            self.query_one(LivePicture).border_title = f"score {live.score:g}"

    def _progress(self, event: Progress) -> None:
        metrics = event.metrics
        if (steps := metrics.get("steps")) is None:
            return
        if steps < self._steps:
            # A checkpoint lay before the end: what came after it is played anew.
            for chart in self.query(CurveChart):
                chart.drop_from(steps)
        self._steps = steps
        shares = {stage: metrics[f"{stage}_share"] for stage in STAGES if f"{stage}_share" in metrics}
        self.query_one(TimeSplit).set_figures(metrics.get("steps_per_second"), shares)
        if self._average is not None:
            self.query_one(".agent-score-curve", CurveChart).add(PLAYED, steps, self._average)
            self._average = None
        if "value_loss" in metrics:
            self.query_one(".agent-loss-curve", CurveChart).add(LOSS, steps, metrics["value_loss"])


def agent_progress(event: Progress) -> str:
    """How far a training is, in one line; what takes its time stands elsewhere."""
    metrics = event.metrics
    parts = [f"{metrics['steps']:,.0f} steps"] if "steps" in metrics else []
    if event.seconds_left is not None:
        parts.append(f"{duration_text(event.seconds_left)} left")
    if metrics.get("epsilon"):
        parts.append(f"epsilon {metrics['epsilon']:.2f}")
    return "  ".join(parts)
