"""Recordings as an agent would have played them, and weights that begin there; an expert, a console."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from agp_tui.atari.consoles import View
from agp_tui.atari.demonstrations import Demonstrations, demonstrations
from agp_tui.engine.children import module_command, module_environment
from agp_tui.errors import RecordingError
from agp_tui.games.atari import minimal_actions
from agp_tui.recording.store import Recording

GAME = "ALE/Pong-v5"
ACTIONS = minimal_actions(GAME)


def recorded(home: Path, *flags: str, game: str = GAME) -> Path:
    command = module_command(
        "agp_tui", "record", "--game", game, "--by", "expert", "--fast", "--json", *flags
    )
    done = subprocess.run(command, cwd=home, env=module_environment(), capture_output=True, check=True)
    return Path(json.loads(done.stdout.splitlines()[-1])["recording"])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty seconds of Pong at 30 frames a second: points are won and lost in it."""
    return recorded(tmp_path_factory.mktemp("home"), "--seconds", "40", "--fps", "30", "--sticky", "0.25")


@pytest.fixture(scope="module")
def shown(recording: Path) -> Demonstrations:
    return demonstrations([recording], GAME, View(), ACTIONS)


def test_every_second_frame_is_a_decision_with_the_keys_that_were_held(
    recording: Path, shown: Demonstrations
) -> None:
    taken = Recording.open(recording)
    assert len(shown) == len(taken) // 2 == 600
    up = taken.meta.keys.index("up")
    # In Pong ALE's RIGHT moves the paddle up: our key is called so.
    held = taken.labels(1)[::2, up]
    assert np.array_equal(np.isin(shown.actions, [ACTIONS.index("RIGHT"), ACTIONS.index("RIGHTFIRE")]), held)
    assert 0.1 < held.mean() < 0.9


def test_rewards_are_the_changes_of_the_score(recording: Path, shown: Demonstrations) -> None:
    last = Recording.open(recording).episodes()[-1].status
    assert last.episode == 0
    assert shown.rewards.sum() == last.score
    assert set(shown.rewards.tolist()) <= {-1.0, 0.0, 1.0}
    assert np.count_nonzero(shown.rewards) >= 3


def test_stacks_hold_the_frames_before_and_black_before_the_beginning(shown: Demonstrations) -> None:
    stacks = shown.stacks(np.array([0, 2, 100]), 4)
    assert not stacks[0, :3].any()
    assert not stacks[1, 0].any()
    assert np.array_equal(stacks[1, 1:], shown.frames[:3])
    assert np.array_equal(stacks[2], shown.frames[97:101])


def test_returns_end_with_their_game() -> None:
    frames = np.zeros((5, 2, 2), np.uint8)
    ages, actions = np.array([0, 1, 2, 0, 1]), np.zeros(5, np.int64)
    shown = Demonstrations(frames, ages, actions, np.array([0, 0, 4, 0, 1], np.float32))
    assert shown.returns(0.5, clip=False).tolist() == [1, 2, 4, 0.5, 1]
    assert shown.returns(0.5, clip=True).tolist() == [0.25, 0.5, 1, 0.5, 1]


def test_what_does_not_fit_is_said(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="one of ALE/Pong-v5"):
        demonstrations([recording], "ALE/Breakout-v5", View(), minimal_actions("ALE/Breakout-v5"))
    odd = recorded(tmp_path, "--seconds", "2", "--fps", "20")
    with pytest.raises(RecordingError, match="at 20 frames a second"):
        demonstrations([odd], GAME, View(), ACTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
def test_a_training_that_starts_from_recordings_begins_like_their_player(
    recording: Path, shown: Demonstrations, algorithm: str
) -> None:
    from agp_tui.atari.agents import Agent
    from agp_tui.atari.checkpoint import load_agent

    home = recording.parent.parent.parent
    command = module_command(
        "agp_tui", "atari", "train", "--algorithm", algorithm, "--from-recordings", "all", "--clone-minutes",
        "0.1", "--steps", "1", "--evaluate-games", "1", "--final-games", "1", "--workers", "1", "--json", "--detach",
    )  # fmt: skip
    done = subprocess.run(command, cwd=home, env=module_environment(), capture_output=True, check=True)
    run = home / "runs" / json.loads(done.stdout.splitlines()[-1])["run"]
    subprocess.run(
        module_command("agp_tui", "runs", "follow", run.name), cwd=home, env=module_environment(), check=True
    )
    agent = Agent(load_agent(run / "checkpoints" / "start.pt").network())
    places = np.arange(len(shown))
    agreed = (agent.judge(shown.stacks(places, 4)).best == shown.actions).mean()
    usual = np.bincount(shown.actions).max() / len(shown)
    assert agreed > usual + 0.1
