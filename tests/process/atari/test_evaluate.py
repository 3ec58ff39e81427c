"""Judging: whole games, each console its share of them, unclipped scores."""

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from agp_tui.atari.evaluate import NUM_ENVS, Evaluation, RandomPolicy, evaluate
from agp_tui.atari.vector_env import PROTOCOLS, EvalProtocol, ObservationSpec, VectorEnv

VIEW = ObservationSpec(1, 4, 16, 16)
SHORT = EvalProtocol(0.25, frame_cap=640)
"""Games of Breakout by chance: some are over before it, some are cut."""


def judged(
    games: int, protocol: EvalProtocol = SHORT, told: Callable[[int], bool] | None = None
) -> Evaluation:
    return evaluate(
        RandomPolicy(4),
        "ALE/Breakout-v5",
        VIEW,
        protocol=protocol,
        games=games,
        epsilon=1.0,
        seed=4,
        on_progress=told,
    )


def by_hand(steps: int) -> list[list[tuple[float, int, bool]]]:
    """The games that each console plays within so many steps, in order: score, frames, whether cut."""
    found: list[list[tuple[float, int, bool]]] = [[] for _ in range(NUM_ENVS)]
    rng = np.random.default_rng([4, 77])
    with closing(VectorEnv("ALE/Breakout-v5", NUM_ENVS, protocol=SHORT, obs_spec=VIEW, seed=4)) as consoles:
        for _ in range(steps):
            for one in consoles.step(rng.integers(0, 4, NUM_ENVS)).episodes:
                found[one.env].append((one.score, one.frames, one.truncated))
    return found


def test_each_console_plays_its_share() -> None:
    """Of 11 games the first three consoles play two and the others one, though some had time for more."""
    found, games = judged(11), by_hand(340)
    share = [one for at, own in enumerate(games) for one in own[: 2 if at < 3 else 1]]
    assert sorted(zip(found.scores, found.frames, strict=True)) == sorted(one[:2] for one in share)
    assert len(share) == 11 and sum(map(len, games)) > 14
    assert found.truncated == sum(one[2] for one in share)
    assert 0 < found.truncated < 11, "the test saw too little"


def test_it_says_how_far_it_is_and_stops_where_told() -> None:
    """Games of 30 decisions: after them all eight consoles have played one."""
    heard: list[int] = []

    def told(done: int) -> bool:
        heard.append(done)
        return done < 5

    cut_early = EvalProtocol(0.25, frame_cap=120)
    found = judged(11, cut_early, told)
    assert heard == [0] * 29 + [8]
    assert len(found.scores) == found.truncated == 8
    with pytest.raises(ValueError, match="whole game"):
        judged(11, cut_early, lambda done: False)


def test_what_is_told_of_it_is_so() -> None:
    found = Evaluation(
        game="ALE/Pong-v5", rom="pong", protocol="p", epsilon=0.01,
        scores=(-20.7, 14.6, 14.6), frames=(100, 200, 600), truncated=1, seconds=1.0,
    )  # fmt: skip
    figures = found.figures()
    assert figures["score_mean"] == pytest.approx(2.833) and figures["score_median"] == 14.6
    assert figures["human_normalised"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["score_low"] <= figures["score_mean"] <= figures["score_high"] <= 14.6
    assert (figures["games"], figures["cut"], figures["frames_mean"]) == (3, 1, 300.0)
    assert ["episodes", "3, 1 truncated"] in found.table().rows


def test_chance_loses_at_pong_as_the_table_says() -> None:
    """-20.7 there; the mean of four games, which have a deviation of 0.8 each."""
    found = evaluate(
        RandomPolicy(6), "ALE/Pong-v5", VIEW, protocol=PROTOCOLS["sticky"], games=4, epsilon=1.0, seed=0
    )
    assert -21.0 <= np.mean(found.scores) <= -19.2
    assert min(found.scores) >= -21.0 and found.truncated == 0
    assert found.human_normalised == pytest.approx(0.0, abs=0.045)
    assert 3000 < np.mean(found.frames) < 6000
