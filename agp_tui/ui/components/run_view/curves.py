"""The curves of a long job: loss, F1, points, each on an axis that fits it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from agp_tui.protocol.events import Progress
from agp_tui.ui.widgets.curve_chart import CurveChart

LABELS: dict[str, tuple[str, str]] = {
    "loss": ("losses", "loss"),
    "val_loss": ("losses", "validation"),
    "f1": ("shares", "F1"),
    "change_f1": ("shares", "F1 at changes"),
    "score_mean": ("points", "mean score"),
}
"""By metric: the chart that it is drawn in, and its name there."""

AT_VALIDATIONS = {"val_loss", "f1", "change_f1"}
"""Reported with every step, but they change only after a validation."""


class RunCurves(Vertical):
    """Charts that appear with their first point; at most two at a time, the points instead of the F1."""

    DEFAULT_CSS = """
    RunCurves CurveChart { height: 1fr; border: round $foreground 25%; display: none; }
    RunCurves.-losses .curves-losses { display: block; }
    RunCurves.-shares .curves-shares { display: block; }
    RunCurves.-points .curves-points { display: block; }
    RunCurves.-points .curves-shares { display: none; }
    """
    TITLES: ClassVar[dict[str, str]] = {"losses": "Loss", "shares": "On held-out frames", "points": "Play"}

    def __init__(self) -> None:
        super().__init__(classes="run-curves")
        self._before = 0.0
        self._at = 0.0
        self._unit = ""
        self._last: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        yield CurveChart(log=True, x_label="frames", classes="curves-losses")
        yield CurveChart(x_label="frames", classes="curves-shares")
        yield CurveChart(x_label="rounds", classes="curves-points")

    def on_mount(self) -> None:
        for name, title in self.TITLES.items():
            self.query_one(f".curves-{name}").border_title = title

    def reset(self) -> None:
        """Forget all curves."""
        self._before, self._at, self._unit, self._last = 0.0, 0.0, "", {}
        for chart in self.query(CurveChart):
            chart.reset()
        for name in self.TITLES:
            self.remove_class(f"-{name}")

    def show(self, event: Progress) -> bool:
        """One more point of each curve that the event has figures of; whether there was one.

        Trainings one after the other, as in practice, make one long curve.
        """
        if event.unit == "frames":
            if event.done < self._at:
                self._before += self._at
            self._at = event.done
        # Games of several players at an exam have one mean each, which makes no curve.
        names = [name for name in event.metrics if name in LABELS and event.unit != "games"]
        for name in names:
            value = event.metrics[name]
            if name in AT_VALIDATIONS and self._last.get(name) == value:
                continue
            self._last[name] = value
            place, label = LABELS[name]
            x = self._before + self._at if place != "points" else event.done
            self.add_class(f"-{place}")
            self.query_one(f".curves-{place}", CurveChart).add(label, x, value)
        return bool(names)
