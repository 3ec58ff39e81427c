"""Trainings of agents side by side: what each learnt, for how long, and how good it became.

Read from the runs' own events, so it is there while they go on. Quick to import: no agent comes with it.
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
JUDGED = ("score_mean", "score_low", "score_high", "games", "human_normalised")
JOB = "atari"


def _row(one: AgentRunSummary) -> list[str | float | int | None]:
    """A training under `COLUMNS`; the last letters of a run's id are enough to name it."""
    interval = None
    if one.score_low is not None and one.score_high is not None:
        interval = f"{one.score_low:.1f} to {one.score_high:.1f}"
    game = short_name(one.game)
    return [
        one.id[-4:],
        game if one.protocol == "sticky" else f"{game} ({one.protocol})",
        one.algorithm,
        None if one.steps is None else shortened(one.steps),
        one.minutes,
        one.score_mean,
        interval,
        one.human_normalised,
    ]


def shortened(number: float) -> str:
    """Three digits that matter, such as 812, 3.9k, 1.25M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{letter}"
    return f"{number:g}"


def compare(runs: list[Run]) -> list[AgentRunSummary]:
    """The trainings among these runs, in their order; damaged ones are left out."""
    return [found for run in runs if (found := _compared(run)) is not None]


def table(found: list[AgentRunSummary]) -> Table:
    """For people."""
    return Table(title="Trainings of agents", columns=COLUMNS, rows=[_row(one) for one in found])


def _compared(run: Run) -> AgentRunSummary | None:
    try:
        if run.job != JOB:
            return None
        settings = run.request["settings"]
        game, algorithm, protocol = (str(settings[name]) for name in ("game", "algorithm", "protocol"))
    except (RunError, KeyError, TypeError):
        return None
    told = _Told()
    # A damaged line: what was told before it holds.
    with contextlib.suppress(AgpError):
        for event in run.events():
            told.handle(event)
    state = run.state()
    return AgentRunSummary(
        id=run.id,
        game=game,
        algorithm=algorithm,
        protocol=protocol,
        state="stopped" if state == "finished" and told.stopped else state,
        steps=told.steps,
        minutes=None if told.seconds is None else round(told.seconds / 60, 1),
        **(told.judged or {}),
    )


class _Told:
    """What a training told, event by event, over all its executions."""

    def __init__(self) -> None:
        self.steps: int | None = None
        self.seconds: float | None = None
        self.judged: dict[str, Any] | None = None
        """Of the best evaluation, or of the last word about it."""
        self.stopped = False

    def handle(self, event: AnyEvent) -> None:
        match event:
            case Progress(metrics={"steps": steps, "steps_per_second": rate}) if rate:
                self.steps, self.seconds = int(steps), steps / rate
            case Evaluated():
                if self.judged is None or event.score_mean > self.judged["score_mean"]:
                    self.judged = {name: getattr(event, name) for name in JUDGED}
            case Finished():
                self.stopped = event.stopped
                self.steps, self.seconds = event.steps, event.seconds
                best = event.result(EvaluationResult)
                if best is not None and best.games:
                    self.judged = {name: getattr(best, name) for name in JUDGED}
