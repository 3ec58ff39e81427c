"""A training's curves as TensorBoard reads them, under the names that are usual there."""

from pathlib import Path

from agp_tui.engine.events import Evaluated, Event, Progress, Try


class TensorBoard:
    """Writes what it hears to event files in a folder; the x axis counts decisions."""

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder))
        self._steps = 0

    def hear(self, event: Event) -> None:
        """Keep its figures."""
        match event:
            case Progress(metrics=metrics) if "steps" in metrics:
                self._steps = int(metrics["steps"])
                names = {"steps_per_second": "time/fps", "epsilon": "rollout/exploration_rate"}
                for name, value in metrics.items():
                    self._put(names.get(name, f"train/{name}"), value)
            case Try():
                self._put("rollout/ep_rew", event.score)
                self._put("rollout/ep_rew_mean", event.average)
                self._put("rollout/ep_len", event.frames)
            case Evaluated():
                self._steps = event.steps
                self._put("eval/mean_reward", event.score_mean)
                self._put("eval/median_reward", event.score_median)
                self._writer.flush()

    def close(self) -> None:
        """Write what waits."""
        self._writer.close()

    def _put(self, name: str, value: float) -> None:
        self._writer.add_scalar(name, value, self._steps)
