"""Tests of the agent driver: observations and actions in a real-time game equal those of training."""

from contextlib import closing

import numpy as np
import pytest
import torch

from agp_tui.atari.agent import Agent
from agp_tui.atari.driver import AgentDriver, keys_with_agent
from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import EvalProtocol, FrameStacks, ObservationSpec, VectorEnv
from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.games.atari import AtariGame, atari_id, default_keys, minimal_actions

ALONE = EvalProtocol(0.0, noops=0)
"""Deterministic: no sticky actions, no no-op start; equal actions give equal frames."""


class ScriptedAgent(Agent):
    """An agent that runs a real network and then takes the actions of a script."""

    def __init__(self, obs_spec: ObservationSpec, actions: int, script: list[int]) -> None:
        torch.manual_seed(0)
        spec = AgentSpec("compact", "policy", obs_spec.frames, obs_spec.height, obs_spec.width, actions)
        super().__init__(AgentNetwork(spec))
        self.script = script
        self.seen: list[FrameStacks] = []

    def forward(self, stacks: FrameStacks):  # type: ignore[no-untyped-def]
        self.seen.append(stacks.copy())
        output = super().forward(stacks)
        output.preferences[:] = 0
        output.preferences[0, self.script[(len(self.seen) - 1) % len(self.script)]] = 1
        return output


def play(
    rom: str, script: list[int], obs_spec: ObservationSpec, frames: int, fps: int = 60
) -> tuple[ScriptedAgent, AtariGame, AgentDriver]:
    """Play `frames` frames in real-time mode, with simulated time and without no-op start."""
    name, source = atari_id(rom), SimulatedTime()
    actions = minimal_actions(name)
    agent = ScriptedAgent(obs_spec, len(actions), script)
    keys = keys_with_agent(actions, rom, default_keys(name))
    with closing(AtariGame(name, GameSettings(keys=keys, fps=fps), source)) as game:
        driver = AgentDriver(agent, obs_spec, actions, game)
        for number in range(frames):
            source.sleep_until(round(number * NS / fps))
            game.hold(driver.decide(game.grab()))
    return agent, game, driver


def training_observations(
    rom: str, script: list[int], obs_spec: ObservationSpec, steps: int
) -> tuple[FrameStacks, float, bool]:
    """Observations before each step of at most one training episode, its score, and whether it ended."""
    envs = VectorEnv(atari_id(rom), 1, protocol=ALONE, obs_spec=obs_spec)
    stacks, score, terminated = [], 0.0, False
    while len(stacks) < steps and not terminated:
        stacks.append(envs.stacks.copy())
        result = envs.step(np.array([script[(len(stacks) - 1) % len(script)]]))
        score, terminated = score + float(result.rewards[0]), bool(result.terminated[0])
    envs.close()
    return np.concatenate(stacks), score, terminated


def random_script(rom: str) -> list[int]:
    actions = len(minimal_actions(atari_id(rom)))
    return np.random.default_rng(3).integers(0, actions, 40).tolist()


@pytest.mark.parametrize("rom", ["pong", "breakout", "ms_pacman", "space_invaders"])
@pytest.mark.parametrize("fps", [60, 30])
def test_observations_equal_those_of_training(rom: str, fps: int) -> None:
    obs_spec, steps, script = ObservationSpec(), 150, random_script(rom)
    agent, game, _ = play(rom, script, obs_spec, 4 * steps * fps // 60, fps)
    expected, score, terminated = training_observations(rom, script, obs_spec, steps)
    assert len(expected) > 100
    found = np.concatenate(agent.seen[: len(expected)])
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.ptp(expected) > 50 and (expected[0, :-1] == 0).all()
    status = game.status()
    assert (status.finished_scores[0] if terminated else status.score) == score


def test_new_game_starts_with_black_frames() -> None:
    """The first game of Breakout ends after 141 steps; the second one does not contain its frames."""
    script = random_script("breakout")
    agent, game, _ = play("breakout", script, ObservationSpec(), 800)
    _, _, terminated = training_observations("breakout", script, ObservationSpec(), 200)
    assert terminated and game.status().episode == 1
    begins = [place for place, stack in enumerate(agent.seen) if not stack[0, :-1].any()]
    assert len(begins) == 2 and begins[0] == 0 and begins[1] > 100
    assert agent.seen[begins[1]][0, -1].any()


def test_other_observation_specs_equal_training() -> None:
    """Max-pooling also with odd frame skips: Space Invaders draws its shots on alternate frames."""
    obs_spec = ObservationSpec(frames=2, skip=3, height=210, width=160)
    script = [1, 2, 3, 0, 1]
    agent, _, _ = play("space_invaders", script, obs_spec, 240)
    expected, _, _ = training_observations("space_invaders", script, obs_spec, 80)
    assert np.array_equal(np.concatenate(agent.seen), expected)


def test_preferences_by_action_and_by_key() -> None:
    _, _, driver = play("pong", [4], ObservationSpec(), 5)
    assert driver.actions == ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE")
    assert driver.preferences == {**dict.fromkeys(driver.actions, 0.0), "RIGHTFIRE": 1.0}
    assert driver.key_preferences() == {"up": 1.0, "down": 0.0, "space": 1.0}
    assert driver.value is not None and driver.action == 4


def test_epsilon_adds_random_actions() -> None:
    source = SimulatedTime()
    agent = ScriptedAgent(ObservationSpec(), 6, [0])
    with closing(AtariGame("ALE/Pong-v5", GameSettings(keys=("up", "down"), fps=15), source)) as game:
        driver = AgentDriver(
            agent, ObservationSpec(), minimal_actions("ALE/Pong-v5"), game, epsilon=0.5, seed=1
        )
        done = []
        for number in range(200):
            source.sleep_until(round(number * NS / 15))
            driver.decide(game.grab())
            done.append(driver.action)
    assert 60 < sum(map(bool, done)) < 105 and set(done) == set(range(6))


def test_default_keys_come_first() -> None:
    actions = minimal_actions("ALE/Pong-v5")
    assert keys_with_agent(actions, "pong", ("up", "down")) == ("up", "down", "space")
    assert keys_with_agent(("NOOP", "LEFT"), "skiing", ("left", "right")) == ("left", "right")
