"""Tests of process groups: equal weights in all processes, and a clean exit if future is lost."""

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


@pytest.mark.parametrize("algorithm", ["ppo", pytest.param("pqn", marks=pytest.mark.nightly)])
def test_weights_are_equal_in_all_processes(algorithm: str, tmp_path: Path) -> None:
    """Bit for bit, with different episodes in each process; a single process gets other weights."""
    pool = worker_pool(2)
    futures = [
        pool.submit(train_in_process_group, rank, 2, tmp_path / "rendezvous", algorithm, 2)
        for rank in range(2)
    ]
    first, second = (future.result(120) for future in futures)
    pool.shutdown()
    assert (first.weights == second.weights).all()
    assert first.games != second.games
    assert (first.same, second.same) == (0, 0)
    assert (first.gathered, second.gathered) == ([0, 1], [])
    assert not (trained_weights(algorithm, 2).numpy() == first.weights).all()
    with closing(small_trainer(algorithm)) as single:
        assert (
            first.steps
            == second.steps
            == 2 * 2 * single.hyperparameters.num_steps * single.hyperparameters.num_envs
        )


@pytest.mark.nightly
@pytest.mark.parametrize("algorithm", ["ppo", "pqn"])
def test_batch_size_does_not_depend_on_the_number_of_processes(algorithm: str, tmp_path: Path) -> None:
    """Twice the environments give twice the updates, of the same size."""
    pool, rendezvous = worker_pool(2), tmp_path / "rendezvous"
    futures = [
        pool.submit(train_in_process_group, rank, 2, rendezvous, algorithm, 1, batch_size=32, environments=2)
        for rank in range(2)
    ]
    updates = [future.result(120).updates for future in futures]
    pool.shutdown()
    with closing(small_trainer(algorithm, batch_size=32, environments=2)) as single:
        single.iterate(0.0)
        assert updates == [2 * single.learner.updates] * 2
        assert (
            single.learner.updates
            == single.hyperparameters.update_epochs * single.hyperparameters.num_steps * 2 / 32
        )


def test_single_process_is_a_group_of_one() -> None:
    group, gradient = SingleProcess(), torch.ones(3)
    group.average_gradients([gradient])
    assert torch.equal(gradient, torch.ones(3))
    assert group.broadcast("a") == "a" and group.gather("b") == ["b"]


ARGUMENTS = (
    "atari", "train", "--game", "ALE/Assault-v5", "--algorithm", "pqn", "--workers", "2",
    "--environments", "2", "--precision", "float32", "--save-seconds", "0", "--no-render",
)  # fmt: skip


def descendants(pid: int) -> list[int]:
    """All descendants of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def cpu_ticks(pid: int) -> int:
    """CPU time in ticks of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder for runs; runs still alive are killed afterwards."""
    yield tmp_path
    for run in Run.all(tmp_path / "runs"):
        if run.alive() and run.pid:
            os.kill(run.pid, signal.SIGKILL)


def wait_for_first_checkpoint(command: Command, home: Path) -> Run:
    """The run, after its first checkpoint with steps."""
    name = command.wait_for(lambda event: event["type"] == "started")["run"]
    run = Run.find(home / "runs", name)
    last, deadline = run.checkpoints / "last.pt", time.monotonic() + 120
    while not last.is_file() or not load_agent(last).counters["steps"]:
        assert time.monotonic() < deadline, command.describe()
        time.sleep(0.05)
    return run


def all_exited(pids: list[int], seconds: float) -> bool:
    """Whether all processes exit within `seconds`."""
    deadline = time.monotonic() + seconds
    while any(process_start(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_run_fails_with_a_resume_hint_after_a_worker_is_killed(home: Path) -> None:
    """Within 30 s instead of the timeout for slow workers; the last checkpoint stays resumable."""
    with running_command(*ARGUMENTS, home=home) as command:
        run = wait_for_first_checkpoint(command, home)
        assert run.pid is not None
        children = descendants(run.pid)
        # The worker has the most CPU time; the other child is the resource tracker of multiprocessing.
        os.kill(max(children, key=cpu_ticks), signal.SIGKILL)
        killed_at = time.monotonic()
        result = command.result(60)
        assert time.monotonic() - killed_at < 30
    failed = result.only_event("failed")
    assert result.code == 1, result.summary()
    assert "process of the training was lost" in failed["error"]
    assert f"--resume {run.id}" in failed["hint"]
    assert all_exited(children, 20)
    checkpoint = load_agent(run.checkpoints / "last.pt")
    assert len(checkpoint.training) == 2 and checkpoint.counters["steps"] > 0


def test_workers_exit_after_the_leader_is_killed(home: Path) -> None:
    with running_command(*ARGUMENTS, home=home) as command:
        run = wait_for_first_checkpoint(command, home)
        assert run.pid is not None
        children = descendants(run.pid)
        assert len(children) >= 2
        os.kill(run.pid, signal.SIGKILL)
        command.result(60)
        assert all_exited([run.pid, *children], 20)
