"""Tests of evaluation: whole episodes, a fixed number for each environment, unclipped scores."""

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from agp_tui.atari.evaluate import NUM_ENVS, Evaluation, RandomPolicy, evaluate
from agp_tui.atari.vector_env import PROTOCOLS, EvalProtocol, ObservationSpec, VectorEnv

OBS_SPEC = ObservationSpec(1, 4, 16, 16)
SHORT = EvalProtocol(0.25, frame_cap=640)
"""With random actions in Breakout, some episodes terminate and some are truncated."""


def run_evaluation(
    games: int, protocol: EvalProtocol = SHORT, on_progress: Callable[[int], bool] | None = None
) -> Evaluation:
    return evaluate(
        RandomPolicy(4),
        "ALE/Breakout-v5",
        OBS_SPEC,
        protocol=protocol,
        games=games,
        epsilon=1.0,
        seed=4,
        on_progress=on_progress,
    )


def episodes_per_env(steps: int) -> list[list[tuple[float, int, bool]]]:
    """The episodes of each environment within `steps` steps, in order: (score, frames, truncated)."""
    episodes: list[list[tuple[float, int, bool]]] = [[] for _ in range(NUM_ENVS)]
    rng = np.random.default_rng([4, 77])
    with closing(VectorEnv("ALE/Breakout-v5", NUM_ENVS, protocol=SHORT, obs_spec=OBS_SPEC, seed=4)) as env:
        for _ in range(steps):
            for episode in env.step(rng.integers(0, 4, NUM_ENVS)).episodes:
                episodes[episode.env].append((episode.score, episode.frames, episode.truncated))
    return episodes


@pytest.mark.nightly
def test_each_environment_contributes_a_fixed_number_of_episodes() -> None:
    """Of 11 episodes, three environments contribute two and five one, even if more are done."""
    result, games = run_evaluation(11), episodes_per_env(340)
    expected = [episode for index, own in enumerate(games) for episode in own[: 2 if index < 3 else 1]]
    assert sorted(zip(result.scores, result.frames, strict=True)) == sorted(
        episode[:2] for episode in expected
    )
    assert len(expected) == 11 and sum(map(len, games)) > 14
    assert result.truncated == sum(episode[2] for episode in expected)
    assert 0 < result.truncated < 11, "both terminated and truncated episodes are needed"


def test_evaluation_reports_progress_and_stops_on_request() -> None:
    """Episodes of 30 decisions: after 30 steps each environment has finished one."""
    progress: list[int] = []

    def stop_after_five(done: int) -> bool:
        progress.append(done)
        return done < 5

    short_cap = EvalProtocol(0.25, frame_cap=120)
    result = run_evaluation(11, short_cap, stop_after_five)
    assert progress == [0] * 29 + [8]
    assert len(result.scores) == result.truncated == 8
    with pytest.raises(ValueError, match="whole game"):
        run_evaluation(11, short_cap, lambda done: False)


def test_figures_and_table_match_the_episodes() -> None:
    result = Evaluation(
        game="ALE/Pong-v5", rom="pong", protocol="p", epsilon=0.01,
        scores=(-20.7, 14.6, 14.6), frames=(100, 200, 600), truncated=1, seconds=1.0,
    )  # fmt: skip
    fields = result.figures()
    assert fields["score_mean"] == pytest.approx(2.833) and fields["score_median"] == 14.6
    assert fields["human_normalised"] == pytest.approx(2 / 3, abs=1e-4)
    assert fields["score_low"] <= fields["score_mean"] <= fields["score_high"] <= 14.6
    assert (fields["games"], fields["cut"], fields["frames_mean"]) == (3, 1, 300.0)
    assert ["episodes", "3, 1 truncated"] in result.table().rows


def test_random_policy_reaches_the_published_random_score_of_pong() -> None:
    """Published: -20.7. One episode has a standard deviation of about 0.8."""
    result = evaluate(
        RandomPolicy(6), "ALE/Pong-v5", OBS_SPEC, protocol=PROTOCOLS["sticky"], games=4, epsilon=1.0, seed=0
    )
    assert -21.0 <= np.mean(result.scores) <= -19.2
    assert min(result.scores) >= -21.0 and result.truncated == 0
    assert result.human_normalised == pytest.approx(0.0, abs=0.045)
    assert 3000 < np.mean(result.frames) < 6000
