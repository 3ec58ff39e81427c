"""Tests of a game's own delay, with a game that shows its keys after a known time."""

import numpy as np
import pytest

from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.games.base import Frame, Origin
from agp_tui.games.key_delay import KeyDelay, measure_key_delay
from agp_tui.keys.state import NO_KEYS, Keys


class SlowGame:
    """Shows a held key after `delay` seconds in a picture that moves by itself.

    A real game has no known delay.
    """

    name, keys, origin, frame_shape = "slow", ("left", "right"), Origin("noted"), (64, 64)
    has_window = True

    def __init__(self, delay: float | None, noise: float = 0.0) -> None:
        self.source = SimulatedTime()
        self._delay, self._noise = delay, noise
        self._held: list[tuple[float, Keys]] = [(0.0, NO_KEYS)]
        self._random = np.random.default_rng(0)

    def grab(self) -> Frame:
        now = self.source.now_ns() / NS
        pixels = np.full((64, 64, 3), 60, np.uint8)
        # A bar that goes round in half the time for which the picture is watched before a press.
        pixels[:8, int(now * 4 % 1 * 56) :][:, :8] = 255
        if self._noise:
            pixels[16:] = self._random.integers(0, 255, (48, 64, 1)) if self._random.random() < 0.02 else 60
        if self._delay is not None:
            shown = [keys for at, keys in self._held if at + self._delay <= now][-1]
            pixels[40:56, 40:56] = 250 if shown else 0
        self.source.sleep_until(self.source.now_ns() + 4 * NS // 1000)
        return Frame(pixels, self.source.now_ns(), self.source.now_ns())

    def hold(self, keys: Keys) -> None:
        self._held.append((self.source.now_ns() / NS, keys))

    def status(self) -> None:
        return None

    def has_focus(self) -> bool:
        return True

    def close(self) -> None:
        self.hold(NO_KEYS)


def measured(game: SlowGame) -> KeyDelay:
    return measure_key_delay(game, ("left",), game, Job(), game.source)


def test_delay_is_that_of_the_game() -> None:
    found = measured(SlowGame(0.15))
    assert found.milliseconds == pytest.approx(150, abs=10) and found.keys == ("left",)
    assert found.presses == 5


def test_delay_is_not_determined_without_an_answer_or_with_too_much_movement() -> None:
    assert "does not change" in measured(SlowGame(None)).reason
    assert "moves by itself" in measured(SlowGame(None, noise=1.0)).reason
