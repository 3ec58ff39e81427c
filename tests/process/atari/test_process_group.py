"""Teams of processes: their weights stay equal, and nobody outlives a lost one or waits for it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from support.commands import Command, running_command
from support.small_trainers import small_trainer, train_in_process_group, trained_weights

from agp_tui.atari.checkpoint import load_agent
from agp_tui.atari.process_group import SingleProcess
from agp_tui.engine.runs import Run, process_start
from agp_tui.engine.subprocesses import worker_pool


@pytest.mark.parametrize("algorithm", [pytest.param("ppo", marks=pytest.mark.nightly), "pqn"])
def test_a_teams_weights_stay_equal(algorithm: str, tmp_path: Path) -> None:
    """Bit for bit, though each plays games of its own; and they are not those of one that is alone."""
    pool = worker_pool(2)
    asked = [
        pool.submit(train_in_process_group, rank, 2, tmp_path / "rendezvous", algorithm, 2)
        for rank in range(2)
    ]
    first, second = (one.result(120) for one in asked)
    pool.shutdown()
    assert (first.weights == second.weights).all()
    assert first.games != second.games
    assert (first.same, second.same) == (0, 0)
    assert (first.gathered, second.gathered) == ([0, 1], [])
    assert not (trained_weights(algorithm, 2).numpy() == first.weights).all()
    with closing(small_trainer(algorithm)) as alone:
        assert (
            first.steps
            == second.steps
            == 2 * 2 * alone.hyperparameters.num_steps * alone.hyperparameters.num_envs
        )


@pytest.mark.parametrize("algorithm", [pytest.param("ppo", marks=pytest.mark.nightly), "pqn"])
def test_a_teams_batches_are_as_large_as_a_lone_ones(algorithm: str, tmp_path: Path) -> None:
    """Twice the consoles give twice the updates, not updates of twice the size."""
    pool, rendezvous = worker_pool(2), tmp_path / "rendezvous"
    asked = [
        pool.submit(train_in_process_group, rank, 2, rendezvous, algorithm, 1, batch_size=32, environments=2)
        for rank in range(2)
    ]
    team = [one.result(120).updates for one in asked]
    pool.shutdown()
    with closing(small_trainer(algorithm, batch_size=32, environments=2)) as alone:
        alone.iterate(0.0)
        assert team == [2 * alone.learner.updates] * 2
        assert (
            alone.learner.updates
            == alone.hyperparameters.update_epochs * alone.hyperparameters.num_steps * 2 / 32
        )


def test_a_lone_process_is_a_team_of_one() -> None:
    team, gradient = SingleProcess(), torch.ones(3)
    team.average_gradients([gradient])
    assert torch.equal(gradient, torch.ones(3))
    assert team.broadcast("a") == "a" and team.gather("b") == ["b"]


WORDS = (
    "atari", "train", "--game", "ALE/Assault-v5", "--algorithm", "pqn", "--workers", "2",
    "--environments", "2", "--precision", "float32", "--save-seconds", "0", "--no-render",
)  # fmt: skip


def children_of(pid: int) -> list[int]:
    """The processes that a process began, and those that these began."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *children_of(child)]
    return found


def spent(pid: int) -> int:
    """Processor time in ticks of a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for a run, which is gone afterwards."""
    yield tmp_path
    for run in Run.all(tmp_path / "runs"):
        if run.alive() and run.pid:
            os.kill(run.pid, signal.SIGKILL)


def begun(command: Command, home: Path) -> Run:
    """The run, once its team has learned together."""
    name = command.wait_for(lambda event: event["type"] == "started")["run"]
    run = Run.find(home / "runs", name)
    last, deadline = run.checkpoints / "last.pt", time.monotonic() + 120
    while not last.is_file() or not load_agent(last).counters["steps"]:
        assert time.monotonic() < deadline, command.describe()
        time.sleep(0.05)
    return run


def gone(pids: list[int], seconds: float) -> bool:
    """Whether these processes end within so many seconds."""
    deadline = time.monotonic() + seconds
    while any(process_start(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_killed_follower_ends_the_run_with_a_sentence(home: Path) -> None:
    """At once, not after the minutes that a slow one is waited for; what there is can be gone on with."""
    with running_command(*WORDS, home=home) as command:
        run = begun(command, home)
        assert run.pid is not None
        everybody = children_of(run.pid)
        # The one that has worked; what else is there keeps books for multiprocessing.
        os.kill(max(everybody, key=spent), signal.SIGKILL)
        killed_at = time.monotonic()
        result = command.result(60)
        assert time.monotonic() - killed_at < 30
    failed = result.only_event("failed")
    assert result.code == 1, result.summary()
    assert "process of the training was lost" in failed["error"]
    assert f"--resume {run.id}" in failed["hint"]
    assert gone(everybody, 20)
    kept = load_agent(run.checkpoints / "last.pt")
    assert len(kept.training) == 2 and kept.counters["steps"] > 0


def test_a_killed_leader_leaves_no_process_behind(home: Path) -> None:
    with running_command(*WORDS, home=home) as command:
        run = begun(command, home)
        assert run.pid is not None
        everybody = children_of(run.pid)
        assert len(everybody) >= 2
        os.kill(run.pid, signal.SIGKILL)
        command.result(60)
        assert gone([run.pid, *everybody], 20)
