from pathlib import Path

import pytest
import torch
from support.dot_dataset import SIDES, SIZE, dot_settings, moving_dot
from support.fakes import EventLog

from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.imitation.batching import Batch
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.trainer import Trainer
from agp_tui.protocol.events import Progress


def dots(segment: int = 3, frames: int = 1200) -> Dataset:
    clips = (moving_dot(frames, 1), moving_dot(300, 2))
    return Dataset(clips, (IndexRange(0, 0, frames),), (IndexRange(1, 0, 300),), segment)


def trainer(data: Dataset, **changes: object) -> Trainer:
    torch.manual_seed(0)
    network = PolicyNetwork(NetworkSpec("small", SIZE, data.segment, 2))
    trained = Trainer(network, dot_settings(segment=data.segment, **changes), SIDES, device="cpu")
    trained.fit_normalization(data)
    return trained


def test_learns_a_task_that_needs_motion(job: Job, event_log: EventLog) -> None:
    data = dots()
    result = trainer(data).fit(data, job, epochs=12)
    assert result.report is not None and result.why == "epochs"
    assert result.report.model.f1 > 0.9 and result.report.model.change_f1 > 0.8
    assert result.report.result.beats_baselines
    progress = [event for event in event_log.events if isinstance(event, Progress)]
    # Every validation has a distinct progress value, so that a curve can be drawn.
    validated = {event.metrics["epoch"]: event for event in progress if "f1" in event.metrics}
    assert set(validated) == set(range(1, 13))
    assert [event.done for event in validated.values()] == sorted(event.done for event in validated.values())
    assert validated[12].metrics["f1"] == pytest.approx(result.report.model.f1, abs=1e-4)
    assert all(event.seconds_left is not None for event in validated.values())
    last = progress[-1]
    assert (
        last.done == last.total and last.rate and {"loss", "val_loss", "f1", "change_f1"} <= set(last.metrics)
    )


def test_report_has_the_likelihood_on_shifted_frames(job: Job) -> None:
    """A network trained on shifted frames is better there, although not on plain frames."""
    data = dots(frames=400)
    losses = {}
    for shift in (0, 4):
        report = trainer(data, shift=shift).fit(data, job, epochs=8).report
        assert report is not None and report.shifted_loss is not None and report.base_rate_loss is not None
        losses[shift] = report.shifted_loss
        assert report.shifted_loss > 0 and 0.6 < report.base_rate_loss < 0.7
    assert losses[4] < losses[0]


def test_one_frame_is_not_enough(job: Job) -> None:
    data = dots(segment=1)
    result = trainer(data).fit(data, job, epochs=6)
    assert result.report is not None and result.report.model.f1 < 0.85


def test_probabilities_of_a_range(job: Job) -> None:
    data = dots(frames=200)
    trained = trainer(data)
    whole = trained.probabilities(data, [IndexRange(1, 0, 300)])
    part = trained.probabilities(data, [IndexRange(1, 100, 170)])
    assert whole is not None and part is not None
    assert abs(whole[100:170] - part).max() < 1e-5


class StopsAfter(Job):
    """Stops at the n-th query of `stopping`."""

    def __init__(self, queries: int) -> None:
        super().__init__()
        self._queries = queries

    @property
    def stopping(self) -> bool:
        self._queries -= 1
        return self._queries < 0


@pytest.mark.parametrize("queries", [2, 7, 40])
def test_stopped_training_resumes_exactly(queries: int, tmp_path: Path) -> None:
    data = dots(frames=400)
    straight = trainer(data, shift=2, jitter=0.1)
    straight.fit(data, Job(), epochs=3)

    stopped = trainer(data, shift=2, jitter=0.1)
    assert stopped.fit(data, StopsAfter(queries), epochs=3).why == "stopped"
    torch.save({"weights": stopped.policy.state_dict(), **stopped.state_dict()}, tmp_path / "state.pt")
    stored = torch.load(tmp_path / "state.pt", weights_only=True)
    resumed = trainer(data, shift=2, jitter=0.1)
    resumed.network.load_state_dict(stored["weights"])
    resumed.load_state_dict(stored)
    resumed.fit(data, Job(), epochs=3)

    for expected, found in ((straight.network, resumed.network), (straight.policy, resumed.policy)):
        for one, other in zip(expected.parameters(), found.parameters(), strict=True):
            assert torch.equal(one, other)


def test_policy_is_the_moving_average_of_the_weights(job: Job) -> None:
    data = dots(frames=400)
    trained = trainer(data, ema_decay=0.9)
    step = trained.train_step
    history: list[torch.Tensor] = []

    def recorded_step(batch: Batch, learning_rate: float) -> torch.Tensor:
        loss = step(batch, learning_rate)
        history.append(trained.network.head.weight.detach().clone())
        return loss

    trained.train_step = recorded_step  # type: ignore[method-assign]
    trained.fit(data, job, epochs=3)
    average = history[0]
    for number, weight in enumerate(history[1:], start=1):
        decay = min(0.9, (1 + number) / (10 + number))
        average = decay * average + (1 - decay) * weight
    assert len(history) > 5
    torch.testing.assert_close(trained.policy.head.weight, average)
    assert not torch.equal(trained.policy.head.weight, trained.network.head.weight)
    # Without a decay there is no second network.
    plain = trainer(data, ema_decay=0.0)
    plain.fit(data, job, epochs=1)
    assert plain.policy is plain.network


def test_second_fit_keeps_the_optimizer_state(job: Job) -> None:
    data = dots(frames=200)
    trained = trainer(data)
    trained.fit(data, job, epochs=1)
    steps = [state["step"].item() for state in trained.optimizer.state.values()]
    trained.fit(data, job, epochs=1)
    assert trained.state.fits == 2
    assert all(
        state["step"].item() > before
        for state, before in zip(trained.optimizer.state.values(), steps, strict=True)
    )


def test_time_limit(job: Job) -> None:
    data = dots(frames=400)
    result = trainer(data).fit(data, job, minutes=0.02)
    assert result.why == "minutes" and 1.2 <= result.state.seconds < 10


def test_early_stopping(job: Job) -> None:
    data = dots(frames=200)
    result = trainer(data, learning_rate=1e-9).fit(data, job, epochs=50, patience=2)
    assert result.why == "patience" and result.state.epoch < 50


def test_non_finite_loss_fails(job: Job) -> None:
    data = dots(frames=200)
    trained = trainer(data)
    with torch.no_grad():
        trained.network.head.bias.fill_(float("nan"))
    with pytest.raises(JobFailed, match="loss to be a number"):
        trained.fit(data, job, epochs=1)
