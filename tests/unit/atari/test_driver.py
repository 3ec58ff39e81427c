"""An agent at a real-time game sees and does what it sees and does in the consoles of its training."""

from contextlib import closing

import numpy as np
import pytest
import torch

from agp_tui.atari.agent import Agent
from agp_tui.atari.driver import AgentDriver, keys_for
from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import Consoles, Protocol, Stacks, View
from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.games.atari import AtariGame, atari_id, default_keys, minimal_actions

ALONE = Protocol(0.0, noops=0)
"""Nothing by chance, no idle frames: the same actions lead to the same pictures everywhere."""


class Scripted(Agent):
    """An agent that looks with a real network, and then does what a list says."""

    def __init__(self, view: View, actions: int, script: list[int]) -> None:
        torch.manual_seed(0)
        spec = AgentSpec("compact", "policy", view.frames, view.height, view.width, actions)
        super().__init__(AgentNetwork(spec))
        self.script = script
        self.seen: list[Stacks] = []

    def judge(self, stacks: Stacks):  # type: ignore[no-untyped-def]
        self.seen.append(stacks.copy())
        judged = super().judge(stacks)
        judged.preferences[:] = 0
        judged.preferences[0, self.script[(len(self.seen) - 1) % len(self.script)]] = 1
        return judged


def played(
    cartridge: str, script: list[int], view: View, frames: int, fps: int = 60
) -> tuple[Scripted, AtariGame, AgentDriver]:
    """So many frames of a game, the first one without idle frames at its beginning, played by an agent."""
    name, source = atari_id(cartridge), SimulatedTime()
    actions = minimal_actions(name)
    agent = Scripted(view, len(actions), script)
    keys = keys_for(actions, cartridge, default_keys(name))
    with closing(AtariGame(name, GameSettings(keys=keys, fps=fps), source)) as game:
        driver = AgentDriver(agent, view, actions, game)
        for number in range(frames):
            source.sleep_until(round(number * NS / fps))
            game.hold(driver.decide(game.grab()))
    return agent, game, driver


def shown(cartridge: str, script: list[int], view: View, steps: int) -> tuple[Stacks, float, bool]:
    """What the training's consoles show before each step of one game at most, its score, and its end."""
    consoles = Consoles(atari_id(cartridge), 1, protocol=ALONE, view=view)
    stacks, score, over = [], 0.0, False
    while len(stacks) < steps and not over:
        stacks.append(consoles.stacks.copy())
        moved = consoles.step(np.array([script[(len(stacks) - 1) % len(script)]]))
        score, over = score + float(moved.rewards[0]), bool(moved.over[0])
    consoles.close()
    return np.concatenate(stacks), score, over


def random_script(cartridge: str) -> list[int]:
    actions = len(minimal_actions(atari_id(cartridge)))
    return np.random.default_rng(3).integers(0, actions, 40).tolist()


@pytest.mark.parametrize("cartridge", ["pong", "breakout", "ms_pacman", "space_invaders"])
@pytest.mark.parametrize("fps", [60, 30])
def test_it_sees_what_the_consoles_of_the_training_show(cartridge: str, fps: int) -> None:
    view, steps, script = View(), 150, random_script(cartridge)
    agent, game, _ = played(cartridge, script, view, 4 * steps * fps // 60, fps)
    expected, score, over = shown(cartridge, script, view, steps)
    assert len(expected) > 100
    found = np.concatenate(agent.seen[: len(expected)])
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.ptp(expected) > 50 and (expected[0, :-1] == 0).all()
    status = game.status()
    assert (status.finished_scores[0] if over else status.score) == score


def test_a_new_game_begins_in_the_dark() -> None:
    """Breakout's first game ends after 141 steps here; nothing of it is seen in the second one."""
    script = random_script("breakout")
    agent, game, _ = played("breakout", script, View(), 800)
    _, _, over = shown("breakout", script, View(), 200)
    assert over and game.status().episode == 1
    begins = [place for place, stack in enumerate(agent.seen) if not stack[0, :-1].any()]
    assert len(begins) == 2 and begins[0] == 0 and begins[1] > 100
    assert agent.seen[begins[1]][0, -1].any()


def test_other_views_and_skips_are_kept() -> None:
    """The brighter of two frames is seen at odd skips as well: Space Invaders shows its shots in turn."""
    view = View(frames=2, skip=3, height=210, width=160)
    script = [1, 2, 3, 0, 1]
    agent, _, _ = played("space_invaders", script, view, 240)
    expected, _, _ = shown("space_invaders", script, view, 80)
    assert np.array_equal(np.concatenate(agent.seen), expected)


def test_its_mind_is_told_by_action_and_by_key() -> None:
    _, _, driver = played("pong", [4], View(), 5)
    assert driver.actions == ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    assert driver.preferences == {**dict.fromkeys(driver.actions, 0.0), "RIGHTFIRE": 1.0}
    assert driver.wishes() == {"up": 1.0, "down": 0.0, "space": 1.0}
    assert driver.value is not None and driver.action == 4


def test_by_chance_it_does_other_things() -> None:
    source = SimulatedTime()
    agent = Scripted(View(), 6, [0])
    with closing(AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=15), source)) as game:
        driver = AgentDriver(agent, View(), minimal_actions("ALE/Pong-v5"), game, epsilon=0.5, seed=1)
        done = []
        for number in range(200):
            source.sleep_until(round(number * NS / 15))
            driver.decide(game.grab())
            done.append(driver.action)
    assert 60 < sum(map(bool, done)) < 105 and set(done) == set(range(6))


def test_the_keys_of_a_game_come_first() -> None:
    actions = minimal_actions("ALE/Pong-v5")
    assert keys_for(actions, "pong", ("up", "down")) == ("up", "down", "space")
    assert keys_for(("NOOP", "LEFT"), "skiing", ("left", "right")) == ("left", "right")
