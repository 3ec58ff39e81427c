"""Comparison of training runs of agents: game, algorithm, steps, time and best evaluation of each.

Read from the events of the runs, so it also covers runs in progress. Imports no torch.
"""

import contextlib
from typing import Any

from agp_tui.engine.runs import Run, RunError
from agp_tui.errors import AgpError
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import AnyEvent, Evaluated, Finished, Progress, Table
from agp_tui.protocol.results import EvaluationResult
from agp_tui.protocol.summaries import AgentRunSummary

COLUMNS = ["run", "game", "algorithm", "steps", "min", "mean", "95 %", "human"]
EVALUATION_FIELDS = ("score_mean", "score_low", "score_high", "games", "human_normalised")
JOB = "atari"


def _row(run: AgentRunSummary) -> list[str | float | int | None]:
    """The row of a run under `COLUMNS`; the last four characters of its id identify it."""
    interval = None
    if run.score_low is not None and run.score_high is not None:
        interval = f"{run.score_low:.1f} to {run.score_high:.1f}"
    game = short_name(run.game)
    return [
        run.id[-4:],
        game if run.protocol == "sticky" else f"{game} ({run.protocol})",
        run.algorithm,
        None if run.steps is None else shortened(run.steps),
        run.minutes,
        run.score_mean,
        interval,
        run.human_normalised,
    ]


def shortened(number: float) -> str:
    """Three significant digits, such as 812, 3.9k, 1.25M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{letter}"
    return f"{number:g}"


def compare(runs: list[Run]) -> list[AgentRunSummary]:
    """Summaries of the training runs of agents among these, in order; damaged ones are left out."""
    return [summary for run in runs if (summary := _summary(run)) is not None]


def table(summaries: list[AgentRunSummary]) -> Table:
    """The comparison as a table of text."""
    return Table(title="Trainings of agents", columns=COLUMNS, rows=[_row(one) for one in summaries])


def _summary(run: Run) -> AgentRunSummary | None:
    try:
        if run.job != JOB:
            return None
        settings = run.request["settings"]
        game, algorithm, protocol = (str(settings[name]) for name in ("game", "algorithm", "protocol"))
    except (RunError, KeyError, TypeError):
        return None
    metrics = _RunMetrics()
    # After a damaged line: the events before it are valid.
    with contextlib.suppress(AgpError):
        for event in run.events():
            metrics.handle(event)
    state = run.state()
    return AgentRunSummary(
        id=run.id,
        game=game,
        algorithm=algorithm,
        protocol=protocol,
        state="stopped" if state == "finished" and metrics.stopped else state,
        steps=metrics.steps,
        minutes=None if metrics.seconds is None else round(metrics.seconds / 60, 1),
        **(metrics.evaluation or {}),
    )


class _RunMetrics:
    """Metrics of a run from its events, over all its executions."""

    def __init__(self) -> None:
        self.steps: int | None = None
        self.seconds: float | None = None
        self.evaluation: dict[str, Any] | None = None
        """The best evaluation, or the final one."""
        self.stopped = False

    def handle(self, event: AnyEvent) -> None:
        match event:
            case Progress(metrics={"steps": steps, "steps_per_second": rate}) if rate:
                self.steps, self.seconds = int(steps), steps / rate
            case Evaluated():
                if self.evaluation is None or event.score_mean > self.evaluation["score_mean"]:
                    self.evaluation = {name: getattr(event, name) for name in EVALUATION_FIELDS}
            case Finished():
                self.stopped = event.stopped
                self.steps, self.seconds = event.steps, event.seconds
                best = event.result(EvaluationResult)
                if best is not None and best.games:
                    self.evaluation = {name: getattr(best, name) for name in EVALUATION_FIELDS}
