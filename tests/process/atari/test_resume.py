"""A training that was broken off goes on exactly: afterwards its weights are those of an unbroken one."""

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

ROUNDS = 3


def kept_in(path: Path, trainer: AgentTrainer) -> dict[str, Any]:
    """The state of a training as a checkpoint on disk has it."""
    made = AgentCheckpoint(
        spec=trainer.learner.network.spec, game="ALE/Breakout-v5", actions=trainer.env.actions,
        algorithm=trainer.settings.algorithm, skip=4, protocol="sticky",
        weights=trainer.learner.network.state_dict(), training=[trainer.state()],
    )  # fmt: skip
    save_agent(path, made)
    return load_agent(path).training[0]


@pytest.mark.parametrize("algorithm", ["ppo", "pqn", "monte_carlo"])
@pytest.mark.parametrize("broken_off_after", [pytest.param(0, marks=pytest.mark.nightly), 2])
def test_a_training_goes_on_exactly(algorithm: str, broken_off_after: int, tmp_path: Path) -> None:
    """Through a checkpoint on disk, in a trainer that never learned; Monte Carlo in the middle of a game."""
    with closing(small_trainer(algorithm)) as straight:
        state: dict[str, Any] = {}
        for number in range(ROUNDS):
            if number == broken_off_after:
                state = kept_in(tmp_path / "last.pt", straight)
            straight.iterate(number / ROUNDS)
    begun = weights_of(small_trainer(algorithm).learner)
    with closing(small_trainer(algorithm)) as again:
        again.restore(state)
        for number in range(broken_off_after, ROUNDS):
            again.iterate(number / ROUNDS)
    assert torch.equal(weights_of(again.learner), weights_of(straight.learner))
    assert not torch.equal(weights_of(again.learner), begun)
    for name in ("steps", "frames", "games"):
        assert getattr(again.counters, name) == getattr(straight.counters, name)
    assert again.learner.epsilon == straight.learner.epsilon
    assert again.learner.updates == straight.learner.updates
    assert again.env.state() == straight.env.state()


def test_a_game_of_monte_carlo_goes_on_in_its_middle(tmp_path: Path) -> None:
    """A round ends within a game: what is learned from is the whole of it."""
    long = EvalProtocol(0.25, frame_cap=400)
    with closing(small_trainer("monte_carlo", protocol=long)) as straight:
        straight.iterate(0.0)
        assert straight.counters.games == straight.learner.updates == 0
        state = kept_in(tmp_path / "last.pt", straight)
        straight.iterate(0.0)
        assert straight.counters.games == 1 and straight.learner.updates == 2
    with closing(small_trainer("monte_carlo", protocol=long)) as again:
        again.restore(state)
        again.iterate(0.0)
    assert torch.equal(weights_of(again.learner), weights_of(straight.learner))


def test_what_matters_is_in_the_state(tmp_path: Path) -> None:
    """Without one part of it the training goes another way: the test above could fail."""
    with closing(small_trainer("pqn")) as straight:
        straight.iterate(0.0)
        state = kept_in(tmp_path / "last.pt", straight)
        straight.iterate(0.5)
    for part in ("optimizer", "drawing", "epsilon"):
        with closing(small_trainer("pqn")) as again:
            fresh = again.learner.state()[part]
            again.restore({**state, "learner": {**state["learner"], part: fresh}})
            again.iterate(0.5)
        assert not torch.equal(weights_of(again.learner), weights_of(straight.learner)), part


def test_dqn_goes_on_with_its_networks_and_fills_its_memory_anew(tmp_path: Path) -> None:
    with closing(small_trainer("dqn", protocol=SHORT)) as straight:
        straight.iterate(0.0)
        for part in straight.learner.network.parameters():
            part.data.add_(1.0)
        state = kept_in(tmp_path / "last.pt", straight)
    with closing(small_trainer("dqn")) as again:
        again.restore(state)
        assert torch.equal(weights_of(again.learner), weights_of(straight.learner))
        ours, theirs = again.learner.state()["target"], straight.learner.state()["target"]
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert again.env.state() == straight.env.state()
        again.iterate(0.0)


WORDS = (
    "--game", "ALE/Breakout-v5", "--algorithm", "pqn", "--workers", "1", "--environments", "4",
    "--precision", "float32", "--seed", "5", "--evaluate-games", "1", "--no-render",
)  # fmt: skip


STEPS = 1536


@pytest.fixture
def one_core() -> Iterator[None]:
    """What is begun inside has one core, so it computes with one thread."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {random.choice(sorted(before))})
    yield
    os.sched_setaffinity(0, before)


@pytest.mark.usefixtures("one_core")
def test_a_killed_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """As a person has it: `agp atari train`, killed at some moment after its first checkpoint, resumed."""
    words = (*WORDS, "--steps", str(STEPS), "--save-seconds", "0")
    straight, _ = killed_after(STEPS, *words, home=tmp_path)
    broken, run = killed_after(128 + random.randrange(1024), *words, home=tmp_path)
    assert run.state() == "died"
    assert broken.counters["steps"] < STEPS
    again, resumed = killed_after(STEPS, "--resume", run.id, home=tmp_path)
    assert resumed.id == run.id
    assert again.counters["steps"] == straight.counters["steps"] == STEPS
    assert all(torch.equal(again.weights[name], value) for name, value in straight.weights.items())
    assert not all(torch.equal(broken.weights[name], value) for name, value in straight.weights.items())
    told = [one.counters["told"] for one in (again, straight)]
    assert told[0] == told[1] and told[0]["scores"]


def kill(run: Run) -> None:
    """As the system does it to whom it takes for too large."""
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)


def killed_after(steps: int, *words: str, home: Path) -> tuple[AgentCheckpoint, Run]:
    """The last checkpoint of a training that was killed, with its command, once one had so many steps."""
    with running_command("atari", "train", *words, home=home) as command:
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
