"""The reaction time, held keys and slips of human-like players."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agp_tui.games.human_like import HumanLike, HumanTraits
from agp_tui.keys.state import Keys

STEP = 0.005
NONE: Keys = frozenset()
NO_SLIPS = HumanTraits(slip_every=math.inf)


@dataclass(frozen=True)
class Moment:
    time: float


@dataclass(frozen=True)
class Scripted:
    """Decides by the time of the state."""

    wanted: Callable[[float], Keys]

    def decide(self, state: Moment) -> Keys:
        return self.wanted(state.time)


def played(
    wanted: Callable[[float], Keys], seconds: float, *, seed: int = 0, traits: HumanTraits = NO_SLIPS
) -> list[tuple[float, Keys]]:
    """The keys of a person at each step, who sees a state every 20 ms."""
    person = HumanLike(Scripted(wanted), ("left", "right"), seed=seed, traits=traits)
    found = []
    for number in range(round(seconds / STEP)):
        now = number * STEP
        if number % 4 == 0:
            person.see(Moment(now))
        found.append((now, person.keys(now)))
    return found


def changes(found: list[tuple[float, Keys]], key: str) -> list[float]:
    return [now for (_, one), (now, other) in pairwise(found) if (key in one) != (key in other)]


def test_keys_follow_the_state_after_the_delay_of_a_person() -> None:
    delays = []
    for seed in range(40):
        found = played(lambda time: frozenset({"left"}) if time >= 1 else NONE, 2, seed=seed)
        (pressed,) = changes(found, "left")
        delays.append(pressed - 1)
    assert min(delays) >= 0.1 - 1e-9 and max(delays) <= 0.25 + 0.02 + 2 * STEP
    assert max(delays) - min(delays) > 0.08


def test_keys_are_held_for_a_while() -> None:
    """The demonstrator wants to change a key every 40 ms."""
    found = played(lambda time: frozenset({"left"}) if int(time / 0.04) % 2 else NONE, 60)
    times = changes(found, "left")
    assert len(times) > 100
    assert min(after - before for before, after in pairwise(times)) >= 0.08 - 1e-9


def test_short_wishes_are_ignored() -> None:
    found = played(lambda time: frozenset({"left"}) if round(time / STEP) % 200 == 0 else NONE, 20)
    assert not changes(found, "left")


def test_slips_are_as_frequent_and_long_as_asked() -> None:
    traits = HumanTraits(slip_every=5.0)
    found = played(lambda _: frozenset({"left"}), 1000, traits=traits)
    wrong = [now for now, keys in found if now > 1 and keys != {"left"}]
    starts = [after for before, after in pairwise(wrong) if after - before > 2 * STEP]
    assert 150 < len(starts) < 250
    assert 0.1 < len(wrong) * STEP / len(starts) < 0.3
    assert {"left" in keys for now, keys in found if now > 1} == {True, False}
    assert any("right" in keys for _, keys in found)


def test_same_seed_plays_the_same() -> None:
    def wanted(time: float) -> Keys:
        return frozenset({"left"}) if math.sin(3 * time) > 0 else frozenset({"right"})

    traits = HumanTraits(slip_every=2.0)
    first, again, other = (played(wanted, 30, seed=seed, traits=traits) for seed in (1, 1, 2))
    assert first == again != other


def test_unknown_keys_of_a_demonstrator_are_not_pressed() -> None:
    assert {keys for _, keys in played(lambda _: frozenset({"f12", "left"}), 1)} == {
        NONE,
        frozenset({"left"}),
    }
