"""Trainings of agents side by side: what each learnt, for how long, and how good it became.

Read from the runs' own events, so it is there while they go on. Quick to import: no agent comes with it.
"""

import contextlib
from dataclasses import dataclass
from typing import Any

from agp_tui.engine.runs import Run, RunError
from agp_tui.errors import AgpError
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import AnyEvent, Evaluated, Finished, Progress, Table

COLUMNS = ["run", "game", "algorithm", "steps", "min", "mean", "95 %", "human"]
JUDGED = ("score_mean", "score_low", "score_high", "games", "human_normalised")
JOB = "atari"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One training. What it has not come to yet is None."""

    id: str
    game: str
    algorithm: str
    protocol: str
    """Scores of different protocols say nothing about each other."""
    state: str
    """As of `Run.state`, or `stopped`."""
    steps: int | None = None
    """Decisions."""
    minutes: float | None = None
    """Of training."""
    score_mean: float | None = None
    """Of the best evaluation; of the last, longer one where the training came to its end."""
    score_low: float | None = None
    score_high: float | None = None
    games: int | None = None
    """That the mean is of."""
    human_normalised: float | None = None
    """0 is random play, 1 a person."""

    def row(self) -> list[str | float | int | None]:
        """Under `COLUMNS`; the last letters of a run's id are enough to name it."""
        interval = None
        if self.score_low is not None and self.score_high is not None:
            interval = f"{self.score_low:.1f} to {self.score_high:.1f}"
        game = short_name(self.game)
        return [
            self.id[-4:],
            game if self.protocol == "sticky" else f"{game} ({self.protocol})",
            self.algorithm,
            None if self.steps is None else shortened(self.steps),
            self.minutes,
            self.score_mean,
            interval,
            self.human_normalised,
        ]


def shortened(number: float) -> str:
    """Three digits that matter, such as 812, 3.9k, 1.25M."""
    for limit, letter in ((1e6, "M"), (1e3, "k")):
        if abs(number) >= limit:
            return f"{number / limit:.3g}{letter}"
    return f"{number:g}"


def compare(runs: list[Run]) -> list[Compared]:
    """The trainings among these runs, in their order; damaged ones are left out."""
    return [found for run in runs if (found := _compared(run)) is not None]


def table(found: list[Compared]) -> Table:
    """For people."""
    return Table(title="Trainings of agents", columns=COLUMNS, rows=[one.row() for one in found])


def _compared(run: Run) -> Compared | None:
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
    return Compared(
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
                report = event.report or {}
                if all(name in report for name in JUDGED):
                    self.judged = {name: report[name] for name in JUDGED}
