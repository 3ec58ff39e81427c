"""Progress events of a training: loss curve, validation figures, remaining time."""

import time

import numpy as np

from agp_tui.engine.job import Job
from agp_tui.imitation.metrics import ValidationReport
from agp_tui.imitation.schedule import TrainSchedule, TrainState
from agp_tui.protocol.events import Progress

REPORT_SECONDS = 0.5
"""Shortest time between two events."""


class ProgressReporter:
    """Emits a `Progress` event at most twice per second and after each validation.

    Each event has `done` and `total` in frames, `rate` (frames per second), `seconds_left`, and in `metrics`
    the running `loss`, the `epoch` and, after the first validation, `f1`, `change_f1` and `val_loss` of the
    latest one. The run stores them in `events.jsonl`, from which the curves are drawn.
    """

    def __init__(self, job: Job, schedule: TrainSchedule) -> None:
        self._job, self._schedule = job, schedule
        self._last_report = 0.0
        self._rate = 0.0
        self._validation: dict[str, float] = {}
        self.loss = float("nan")
        """Exponential moving average over about fifty steps."""

    def on_step(self, state: TrainState, loss: float) -> None:
        self.loss = loss if np.isnan(self.loss) else 0.98 * self.loss + 0.02 * loss
        if time.perf_counter() - self._last_report >= REPORT_SECONDS:
            self.emit(state)

    def on_validation(self, report: ValidationReport, state: TrainState) -> None:
        self._validation = {
            "f1": report.model.f1,
            "change_f1": report.model.change_f1,
            "val_loss": report.loss,
        }
        self.emit(state)

    def emit(self, state: TrainState) -> None:
        """Emit the event now."""
        self._last_report = time.perf_counter()
        if state.seconds > 0:
            self._rate = state.positions / state.seconds
        progress = self._schedule.progress(state)
        left = state.seconds * (1 - progress) / progress if progress > 0 else None
        total = state.positions / progress if progress > 0 else state.positions
        metrics = {"loss": self.loss, "epoch": float(state.epoch), **self._validation}
        self._job.emit(
            Progress(
                done=state.positions,
                total=round(total),
                unit="frames",
                rate=round(self._rate, 1),
                seconds_left=None if left is None else round(left, 1),
                # The loss is NaN before the first step, which JSON cannot represent.
                metrics={name: round(value, 5) for name, value in metrics.items() if np.isfinite(value)},
            )
        )
