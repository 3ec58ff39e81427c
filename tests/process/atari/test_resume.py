"""Tests of resuming: an interrupted training ends with the weights of an uninterrupted one."""

import os
import random
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from support.commands import running_command
from support.small_trainers import SHORT, small_trainer, weights_of

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent, save_agent
from agp_tui.atari.trainer import AgentTrainer
from agp_tui.atari.vector_env import EvalProtocol
from agp_tui.engine.runs import Run

ITERATIONS = 3


def saved_state(path: Path, trainer: AgentTrainer) -> dict[str, Any]:
    """The state of a training after a round trip through a checkpoint on disk."""
    made = AgentCheckpoint(
        spec=trainer.learner.network.spec, game="ALE/Breakout-v5", actions=trainer.env.actions,
        algorithm=trainer.settings.algorithm, skip=4, protocol="sticky",
        weights=trainer.learner.network.state_dict(), training=[trainer.state()],
    )  # fmt: skip
    save_agent(path, made)
    return load_agent(path).training[0]


@pytest.mark.parametrize("algorithm", ["ppo", "pqn", "monte_carlo"])
@pytest.mark.parametrize("interrupted_after", [pytest.param(0, marks=pytest.mark.nightly), 2])
def test_resumed_training_gives_the_same_weights(
    algorithm: str, interrupted_after: int, tmp_path: Path
) -> None:
    """A new trainer restores a checkpoint from disk; for Monte Carlo in the middle of an episode."""
    with closing(small_trainer(algorithm)) as uninterrupted:
        state: dict[str, Any] = {}
        for number in range(ITERATIONS):
            if number == interrupted_after:
                state = saved_state(tmp_path / "last.pt", uninterrupted)
            uninterrupted.iterate(number / ITERATIONS)
    initial = weights_of(small_trainer(algorithm).learner)
    with closing(small_trainer(algorithm)) as restored:
        restored.restore(state)
        for number in range(interrupted_after, ITERATIONS):
            restored.iterate(number / ITERATIONS)
    assert torch.equal(weights_of(restored.learner), weights_of(uninterrupted.learner))
    assert not torch.equal(weights_of(restored.learner), initial)
    for name in ("steps", "frames", "games"):
        assert getattr(restored.counters, name) == getattr(uninterrupted.counters, name)
    assert restored.learner.epsilon == uninterrupted.learner.epsilon
    assert restored.learner.updates == uninterrupted.learner.updates
    assert restored.env.state() == uninterrupted.env.state()


def test_monte_carlo_resumes_within_an_episode(tmp_path: Path) -> None:
    """An iteration ends within an episode; the update uses the whole episode."""
    long = EvalProtocol(0.25, frame_cap=400)
    with closing(small_trainer("monte_carlo", protocol=long)) as uninterrupted:
        uninterrupted.iterate(0.0)
        assert uninterrupted.counters.games == uninterrupted.learner.updates == 0
        state = saved_state(tmp_path / "last.pt", uninterrupted)
        uninterrupted.iterate(0.0)
        assert uninterrupted.counters.games == 1 and uninterrupted.learner.updates == 2
    with closing(small_trainer("monte_carlo", protocol=long)) as restored:
        restored.restore(state)
        restored.iterate(0.0)
    assert torch.equal(weights_of(restored.learner), weights_of(uninterrupted.learner))


def test_each_part_of_the_state_is_needed(tmp_path: Path) -> None:
    """Without any one part, the resumed training gives other weights."""
    with closing(small_trainer("pqn")) as uninterrupted:
        uninterrupted.iterate(0.0)
        state = saved_state(tmp_path / "last.pt", uninterrupted)
        uninterrupted.iterate(0.5)
    for part in ("optimizer", "drawing", "epsilon"):
        with closing(small_trainer("pqn")) as restored:
            fresh = restored.learner.state()[part]
            restored.restore({**state, "learner": {**state["learner"], part: fresh}})
            restored.iterate(0.5)
        assert not torch.equal(weights_of(restored.learner), weights_of(uninterrupted.learner)), part


def test_dqn_resumes_its_networks_with_an_empty_replay_buffer(tmp_path: Path) -> None:
    with closing(small_trainer("dqn", protocol=SHORT)) as uninterrupted:
        uninterrupted.iterate(0.0)
        for part in uninterrupted.learner.network.parameters():
            part.data.add_(1.0)
        state = saved_state(tmp_path / "last.pt", uninterrupted)
    with closing(small_trainer("dqn")) as restored:
        restored.restore(state)
        assert torch.equal(weights_of(restored.learner), weights_of(uninterrupted.learner))
        restored_target, original_target = (
            restored.learner.state()["target"],
            uninterrupted.learner.state()["target"],
        )
        assert all(torch.equal(restored_target[name], original_target[name]) for name in original_target)
        assert restored.env.state() == uninterrupted.env.state()
        restored.iterate(0.0)


ARGUMENTS = (
    "--game", "ALE/Breakout-v5", "--algorithm", "pqn", "--workers", "1", "--environments", "4",
    "--precision", "float32", "--seed", "5", "--evaluate-games", "1", "--no-render",
)  # fmt: skip


STEPS = 1536


@pytest.fixture
def one_core() -> Iterator[None]:
    """Restrict this process and its children to one core, so that they use one thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.nightly
@pytest.mark.usefixtures("one_core")
def test_killed_training_resumes_to_the_same_weights(tmp_path: Path) -> None:
    """`agp atari train`, killed at a random moment after its first checkpoint, then resumed."""
    arguments = (*ARGUMENTS, "--steps", str(STEPS), "--save-seconds", "0")
    uninterrupted, _ = killed_after(STEPS, *arguments, home=tmp_path)
    killed, run = killed_after(128 + random.randrange(1024), *arguments, home=tmp_path)
    assert run.state() == "died"
    assert killed.counters["steps"] < STEPS
    restored, resumed = killed_after(STEPS, "--resume", run.id, home=tmp_path)
    assert resumed.id == run.id
    assert restored.counters["steps"] == uninterrupted.counters["steps"] == STEPS
    assert all(torch.equal(restored.weights[name], value) for name, value in uninterrupted.weights.items())
    assert not all(torch.equal(killed.weights[name], value) for name, value in uninterrupted.weights.items())
    reported = [checkpoint.counters["told"] for checkpoint in (restored, uninterrupted)]
    assert reported[0] == reported[1] and reported[0]["scores"]


def kill(run: Run) -> None:
    """Kill it with SIGKILL, as the out-of-memory killer does."""
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)


def killed_after(steps: int, *arguments: str, home: Path) -> tuple[AgentCheckpoint, Run]:
    """The last checkpoint and the run of a training that is killed as soon as it has `steps` steps."""
    with running_command("atari", "train", *arguments, home=home) as command:
        name = command.wait_for(lambda event: event["type"] == "started")["run"]
        run = Run.find(home / "runs", name)
        path = run.checkpoints / "last.pt"
        deadline = time.monotonic() + 120
        try:
            while not path.is_file() or load_agent(path).counters["steps"] < steps:
                assert time.monotonic() < deadline, command.describe()
                time.sleep(random.random() / 20)
        finally:
            kill(run)
        command.result()
    return load_agent(path), run
