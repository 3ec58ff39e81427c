"""Tests of the scripted experts and the random driver on the real emulator."""

import itertools
from collections.abc import Callable

import pytest

from agp_tui.config import GameSettings
from agp_tui.engine.clock import Clock, SimulatedTime
from agp_tui.errors import SettingError
from agp_tui.games.atari import AtariGame, default_keys
from agp_tui.games.base import Driver, Frame
from agp_tui.games.experts import HumanLikeExpert, RandomDriver, expert_for, expert_games, has_expert
from agp_tui.keys.state import NO_KEYS, Keys, Who

PONG, BREAKOUT, FREEWAY, ENDURO = "ALE/Pong-v5", "ALE/Breakout-v5", "ALE/Freeway-v5", "ALE/Enduro-v5"
FPS = 20


def _game(name: str, seed: int = 0, sticky: float = 0.0, fps: int = FPS) -> tuple[AtariGame, Clock]:
    time = SimulatedTime()
    settings = GameSettings(keys=default_keys(name), fps=fps, seed=seed, sticky=sticky)
    return AtariGame(name, settings, time), Clock(fps, time)


def _play(driver: Driver, game: AtariGame, clock: Clock, seconds: float) -> list[Keys]:
    """Play for `seconds`; returns the keys held at each decision."""
    held = []
    for _ in clock.slots(seconds=seconds):
        held.append(driver.decide(game.grab()))
        game.hold(held[-1])
    return held


def _total_score(game: AtariGame) -> float:
    status = game.status()
    return status.score + sum(status.finished_scores)


def _expert_and_random_scores(
    name: str, seconds: float, sticky: float = 0.0, fps: int = FPS
) -> tuple[float, float]:
    """Scores of the expert and of random play, summed over two games of `seconds` each."""
    expert = chance = 0.0
    for seed in (1, 2):
        game, clock = _game(name, seed, sticky, fps)
        _play(expert_for(game), game, clock, seconds)
        expert += _total_score(game)
        game, clock = _game(name, seed, sticky, fps)
        _play(RandomDriver(game.keys, seed), game, clock, seconds)
        chance += _total_score(game)
    return expert, chance


def test_pong_expert_beats_random_play() -> None:
    expert, chance = _expert_and_random_scores(PONG, seconds=60, fps=30)
    assert expert > 0
    assert chance < -20
    assert expert > chance + 30


def test_breakout_expert_clears_bricks() -> None:
    expert, chance = _expert_and_random_scores(BREAKOUT, seconds=60)
    assert expert > 60
    assert expert > 4 * chance


class _Constant:
    """Holds the same keys all the time."""

    who: Who = "agent"

    def __init__(self, *keys: str) -> None:
        self._keys = frozenset(keys)

    def decide(self, frame: Frame) -> Keys:
        return self._keys


def _score(make_driver: Callable[[AtariGame], Driver], name: str, seed: int = 1) -> float:
    """The score of 40 seconds with sticky actions."""
    game, clock = _game(name, seed, sticky=0.25, fps=30)
    _play(make_driver(game), game, clock, 40)
    return _total_score(game)


STRAIGHT_ON = {
    PONG: _Constant(),
    BREAKOUT: _Constant("space"),
    FREEWAY: _Constant("up"),
    ENDURO: _Constant("space"),
}


@pytest.mark.parametrize(("name", "margin"), [(FREEWAY, 3), (ENDURO, 15)])
def test_expert_avoids_cars(name: str, margin: float) -> None:
    assert _score(expert_for, name) >= _score(lambda _: STRAIGHT_ON[name], name) + margin


@pytest.mark.parametrize(("name", "margin"), [(PONG, 10), (BREAKOUT, 10), (FREEWAY, 2), (ENDURO, 15)])
def test_human_like_expert_plays_well(name: str, margin: float) -> None:
    """Better than the same keys all the time."""
    straight_on = _score(lambda _: STRAIGHT_ON[name], name, seed=2)
    assert _score(HumanLikeExpert, name, seed=2) >= straight_on + margin


@pytest.mark.parametrize("name", expert_games())
def test_human_like_expert_holds_keys(name: str) -> None:
    """No key changes twice within 80 ms, and there are few changes; the seed determines them."""
    game, clock = _game(name, seed=3, fps=60)
    held = _play(HumanLikeExpert(game), game, clock, 12)
    for key in game.keys:
        runs = [len(list(run)) for _, run in itertools.groupby(key in keys for keys in held)]
        assert min(runs[1:-1], default=99) >= 5, f"{key} changed after {min(runs[1:-1])} frames"
    changes = sum(len(a ^ b) for a, b in itertools.pairwise(held)) / 12
    assert 0.2 < changes < 8
    again, clock = _game(name, seed=3, fps=60)
    assert _play(HumanLikeExpert(again), again, clock, 4) == held[:240]
    other, clock = _game(name, seed=4, fps=60)
    assert _play(HumanLikeExpert(other), other, clock, 4) != held[:240]


def test_human_like_expert_reacts_late() -> None:
    """After a serve, the key follows 100 to 250 ms after the one that the expert itself would press."""
    game, clock = _game(BREAKOUT, fps=60)
    expert, human = expert_for(game), HumanLikeExpert(game)
    wanted_at = held_at = None
    for slot in clock.slots(seconds=2):
        frame = game.grab()
        if wanted_at is None and "space" in expert.decide(frame):
            wanted_at = slot
        keys = human.decide(frame)
        game.hold(keys)
        if held_at is None and "space" in keys:
            held_at = slot
    assert wanted_at is not None
    assert held_at is not None
    assert 0.1 <= (held_at - wanted_at) / 60 <= 0.3


@pytest.mark.parametrize(("name", "seconds"), [(PONG, 40), (BREAKOUT, 30)])
def test_expert_plays_with_sticky_actions(name: str, seconds: float) -> None:
    expert, chance = _expert_and_random_scores(name, seconds, sticky=0.25, fps=30)
    assert expert > chance + 10


@pytest.mark.parametrize("name", expert_games())
def test_expert_decisions_depend_on_the_state_only(name: str) -> None:
    """In two identical games, one expert is queried at every frame, the other at every 17th."""
    often, clock = _game(name, seed=5)
    seldom, other_clock = _game(name, seed=5)
    teacher, newcomer = expert_for(often), expert_for(seldom)
    player, same_player = RandomDriver(often.keys, 3), RandomDriver(often.keys, 3)
    decisions: set[Keys] = set()
    for slot, other_slot in zip(clock.slots(seconds=20), other_clock.slots(seconds=20), strict=True):
        frame, other_frame = often.grab(), seldom.grab()
        advice = teacher.decide(frame)
        if slot % 17 == 0:
            assert newcomer.decide(other_frame) == advice
            assert expert_for(seldom).decide(other_frame) == advice
        assert slot == other_slot
        decisions.add(advice)
        often.hold(player.decide(frame))
        seldom.hold(same_player.decide(other_frame))
    assert len(decisions) >= 2, "expected different decisions for different states"


@pytest.mark.parametrize("name", expert_games())
def test_querying_an_expert_does_not_change_the_game(name: str) -> None:
    queried, clock = _game(name, seed=5)
    alone, other_clock = _game(name, seed=5)
    teacher = expert_for(queried)
    for _ in zip(clock.slots(seconds=10), other_clock.slots(seconds=10), strict=True):
        for _again in range(3):
            teacher.decide(queried.grab())
        alone.grab()
    assert queried.ram_pair()[1].tobytes() == alone.ram_pair()[1].tobytes()
    assert queried.emulated_frames == alone.emulated_frames


@pytest.mark.parametrize("name", expert_games())
def test_expert_holds_only_keys_of_its_game(name: str) -> None:
    game, clock = _game(name)
    expert = expert_for(game)
    assert expert.who == "expert"
    pressed = frozenset[str]().union(*_play(expert, game, clock, 15))
    assert pressed
    assert pressed <= set(game.keys)


def test_breakout_expert_serves_and_follows_the_ball() -> None:
    game, clock = _game(BREAKOUT)
    held = _play(expert_for(game), game, clock, 10)
    assert held[0] == {"space"}
    assert {frozenset({"left"}), frozenset({"right"}), NO_KEYS} <= set(held)
    assert game.status().score > 0


def test_game_without_expert_is_refused_with_a_hint() -> None:
    game, _ = _game("ALE/Skiing-v5")
    assert not has_expert(game.name)
    assert has_expert("ale/pong-v5")
    with pytest.raises(SettingError, match="Skiing") as caught:
        expert_for(game)
    assert PONG in caught.value.hint


def test_missing_expert_keys_are_reported() -> None:
    game = AtariGame(PONG, GameSettings(keys=("left", "up")), SimulatedTime())
    with pytest.raises(SettingError, match="up, down") as caught:
        expert_for(game)
    assert "--keys up,down" in caught.value.hint


def test_random_driver_holds_keys_for_a_while() -> None:
    """Seeded; changes every 0.25 s on average, each key is down about half of the time."""
    game, clock = _game(PONG)
    held = _play(RandomDriver(game.keys, seed=7, hold_seconds=0.25), game, clock, 120)
    changes = sum(a != b for a, b in itertools.pairwise(held))
    assert 120 * 1 < changes < 120 * 4
    for key in game.keys:
        assert 0.4 < sum(key in keys for keys in held) / len(held) < 0.6
    again, other_clock = _game(PONG)
    assert _play(RandomDriver(again.keys, seed=7, hold_seconds=0.25), again, other_clock, 10) == held[:200]
    third, third_clock = _game(PONG)
    assert _play(RandomDriver(third.keys, seed=8, hold_seconds=0.25), third, third_clock, 10) != held[:200]
