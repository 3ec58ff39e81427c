"""Made-up events of an Atari training run: episodes, progress, evaluations, a live picture."""

from agp_tui.protocol.events import (
    EpisodeFinished,
    Evaluated,
    Event,
    Finished,
    Live,
    Progress,
    Stage,
    Started,
)

BREAKOUT = "ALE/Breakout-v5"
NAME = "20260101-120000-atari-ab12"
STEPS_A_SECOND = 1000


def atari_request(**more: object) -> dict[str, object]:
    """The request of a training run as stored in its folder."""
    return {"settings": {"game": BREAKOUT, "algorithm": "ppo", "protocol": "sticky", **more}}


def start_events(at: float) -> tuple[Event, ...]:
    """The first events of the run."""
    return (
        Started(job="atari", run=NAME, settings=atari_request(), at=at),
        Stage(name="learn", number=1, of=2, at=at + 1),
    )


def episode_finished(number: int, score: float, high: float, at: float = 0.0) -> EpisodeFinished:
    """A finished episode."""
    return EpisodeFinished(
        number=number, score=score, high_score=high, average=round(score / 2, 3), frames=800 + number,
        seconds=10.0 * number, epsilon=0.25, loss=0.5 / number, at=at,
    )  # fmt: skip


def progress(second: int, at: float = 0.0) -> Progress:
    """Progress after `second` of 100 seconds."""
    figures = {"steps": STEPS_A_SECOND * second, "frames": 4000 * second, "steps_per_second": 1000.0}
    shares = {"environment_share": 0.2, "inference_share": 0.3, "learning_share": 0.5}
    return Progress(
        done=float(second), total=100, unit="%", rate=1000.0, seconds_left=100.0 - second,
        metrics={**figures, **shares, "epsilon": 0.25, "value_loss": 1 / second}, at=at + second,
    )  # fmt: skip


def evaluated(second: int, mean: float, at: float = 0.0) -> Evaluated:
    """An evaluation after `second` seconds."""
    return Evaluated(
        steps=STEPS_A_SECOND * second, frames=4000 * second, seconds=float(second), games=10,
        score_mean=mean, score_low=mean - 2, score_high=mean + 3, score_median=mean,
        human_normalised=round((mean - 1.7) / 28.8, 4), best=True, at=at + second,
    )  # fmt: skip


def training_events(at: float) -> tuple[Event, ...]:
    """40 seconds: an episode and a progress event per second, an evaluation every 10; scores increase."""
    events: list[Event] = []
    for second in range(1, 41):
        events += [episode_finished(second, second / 2, second / 2, at + second), progress(second, at)]
        if second % 10 == 0:
            events.append(evaluated(second, second / 3, at))
    return tuple(events)


def finished(mean: float = 12.5) -> Finished:
    """The last event, with the final evaluation of the best agent."""
    report = {
        "score_mean": mean, "score_low": mean - 1, "score_high": mean + 1, "games": 30,
        "human_normalised": 0.375,
    }  # fmt: skip
    return Finished(
        job="atari", run=NAME, checkpoint="/runs/best.pt", steps=100_000, seconds=120.0,
        steps_per_second=833.3, score_mean=mean, report=report,
    )  # fmt: skip


LIVE = Live(
    seconds=40.0, fps=250.0, fps_asked=60.0, frames=160_000, missed=0, score=7.0,
    thumbnail=bytes([200, 40, 40] * 64) + bytes([20, 20, 90] * 64), thumbnail_size=(8, 16),
)  # fmt: skip
