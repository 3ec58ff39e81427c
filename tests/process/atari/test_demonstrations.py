"""Tests of demonstrations and pretraining: recordings of an expert as agent observations and actions."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.fakes import EventLog

from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.demonstrations import Demonstrations, load_demonstrations
from agp_tui.atari.pretraining import pretrain
from agp_tui.atari.vector_env import ObservationSpec
from agp_tui.config import Algorithm, AtariSettings
from agp_tui.config.file import load_config
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import RecordingError, SettingError
from agp_tui.games.atari import minimal_actions
from agp_tui.jobs.atari import atari_request
from agp_tui.protocol.events import Event, Note, Progress
from agp_tui.recording.store import Recording

GAME = "ALE/Breakout-v5"
ACTIONS = minimal_actions(GAME)


def record(home: Path, *flags: str, game: str = GAME) -> Path:
    command = module_command(
        "agp_tui", "record", "--game", game, "--by", "expert", "--fast", "--json", *flags
    )
    done = subprocess.run(command, cwd=home, env=module_environment(), capture_output=True, check=True)
    return Path(json.loads(done.stdout.splitlines()[-1])["recording"])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of Breakout at 30 frames per second, with hits."""
    return record(tmp_path_factory.mktemp("home"), "--seconds", "20", "--fps", "30", "--sticky", "0.25")


@pytest.fixture(scope="module")
def demonstrations(recording: Path) -> Demonstrations:
    return load_demonstrations([recording], GAME, ObservationSpec(), ACTIONS)


def test_every_second_frame_is_a_decision_with_the_held_keys(
    recording: Path, demonstrations: Demonstrations
) -> None:
    source = Recording.open(recording)
    assert len(demonstrations) == len(source) // 2 == 300
    right = source.labels(1)[::2, source.meta.keys.index("right")]
    assert np.array_equal(demonstrations.actions == ACTIONS.index("RIGHT"), right)
    assert 0.05 < right.mean() < 0.9


def test_rewards_are_score_changes(recording: Path, demonstrations: Demonstrations) -> None:
    last = Recording.open(recording).timeline.scores[-1].status
    assert last.episode == 0
    assert demonstrations.rewards.sum() == last.score
    assert np.count_nonzero(demonstrations.rewards) >= 3


def test_stacks_are_padded_with_black_at_the_start(demonstrations: Demonstrations) -> None:
    stacks = demonstrations.stacks(np.array([0, 2, 100]), 4)
    assert not stacks[0, :3].any()
    assert not stacks[1, 0].any()
    assert np.array_equal(stacks[1, 1:], demonstrations.frames[:3])
    assert np.array_equal(stacks[2], demonstrations.frames[97:101])


def test_returns_do_not_cross_episodes() -> None:
    frames = np.zeros((5, 2, 2), np.uint8)
    ages, actions = np.array([0, 1, 2, 0, 1]), np.zeros(5, np.int64)
    demonstrations = Demonstrations(
        frames, ages, actions, np.array([0, 0, 4, 0, 1], np.float32), np.zeros(5, bool)
    )
    assert demonstrations.returns(0.5, clip=False).tolist() == [1, 2, 4, 0.5, 1]
    assert demonstrations.returns(0.5, clip=True).tolist() == [0.25, 0.5, 1, 0.5, 1]


def test_unsuitable_recordings_raise_an_error(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="one of ALE/Breakout-v5"):
        load_demonstrations([recording], "ALE/Pong-v5", ObservationSpec(), minimal_actions("ALE/Pong-v5"))
    odd = record(tmp_path, "--seconds", "2", "--fps", "20")
    with pytest.raises(RecordingError, match="at 20 frames per second"):
        load_demonstrations([odd], GAME, ObservationSpec(), ACTIONS)


class StopOnAgreement(EventLog):
    """Stops its job as soon as the agreement with the player is above 0.9."""

    job: Job

    def handle(self, event: Event) -> None:
        super().handle(event)
        if isinstance(event, Progress) and event.metrics["agreement"] > 0.9:
            self.job.stop()


@pytest.mark.nightly
@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
def test_pretrained_agent_agrees_with_the_recorded_player(
    recording: Path, demonstrations: Demonstrations, algorithm: Algorithm, tmp_path: Path
) -> None:
    settings = AtariSettings(game=GAME, algorithm=algorithm, clone_minutes=2.0)
    log = StopOnAgreement()
    log.job = Job(log)
    start = load_agent(pretrain(settings, [recording], tmp_path, log.job))
    assert (start.game, start.algorithm, start.actions) == (GAME, algorithm, ACTIONS)
    best = Agent(start.network()).forward(demonstrations.stacks(np.arange(len(demonstrations)), 4)).best
    frequent = np.flatnonzero(np.bincount(demonstrations.actions) >= 10)
    assert len(frequent) == 3
    accuracy = [(best[demonstrations.actions == action] == action).mean() for action in frequent]
    assert np.mean(accuracy) > 0.6, "a constant action reaches one third"
    assert any("9 in 10" in event.text for event in log.events if isinstance(event, Note))


def test_recordings_are_selected_by_all_or_by_name(recording: Path) -> None:
    home = recording.parents[2]
    (home / "config.toml").touch()
    loaded = load_config(home / "config.toml")
    for named in ("all", recording.name):
        request = atari_request(AtariSettings(game=GAME, from_recordings=(named,)), loaded)
        assert request.recordings == (recording,)
    with pytest.raises(RecordingError, match="recordings of ALE/Pong-v5"):
        atari_request(AtariSettings(from_recordings=("all",)), loaded)
    with pytest.raises(SettingError, match="found both"):
        both = AtariSettings(game=GAME, from_recordings=("all",), from_model=str(recording))
        atari_request(both, loaded)
