"""Tests of agent checkpoints: round trip, damaged and hostile files, a kill during a save."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.commands import agp

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent, save_agent
from agp_tui.atari.networks import AgentNetwork, AgentSpec
from agp_tui.atari.vector_env import PROTOCOLS, ObservationSpec
from agp_tui.config import AtariSettings
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import ModelError
from agp_tui.imitation.checkpoint import Checkpoint, save_checkpoint
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

SPEC = AgentSpec("compact", "policy", 4, 36, 36, actions=6)


def make_checkpoint(**fields: Any) -> AgentCheckpoint:
    made: dict[str, Any] = {
        "spec": SPEC,
        "game": "ALE/Pong-v5",
        "actions": ("NOOP", "FIRE", "RIGHT", "LEFT", "RIGHTFIRE", "LEFTFIRE"),
        "algorithm": "ppo",
        "skip": 4,
        "protocol": "classic",
        "weights": AgentNetwork(SPEC).state_dict(),
        "counters": {"steps": 128, "best": None},
        "evaluation": {"score_mean": -20.5, "scores": [-21.0, -20.0]},
        "settings": asdict(AtariSettings()),
        "training": [{"learner": {"epsilon": 0.5}, "consoles": {"games": [{"actions": b"\0\1"}]}}],
    }
    return AgentCheckpoint(**{**made, **fields})


def test_round_trip(tmp_path: Path) -> None:
    made, path = make_checkpoint(), tmp_path / "a.pt"
    save_agent(path, made)
    loaded = load_agent(path)
    assert replace(loaded, weights={}) == replace(made, weights={})
    assert all(torch.equal(loaded.weights[name], value) for name, value in made.weights.items())
    assert loaded.obs_spec == ObservationSpec(4, 4, 36, 36) and loaded.eval_protocol == PROTOCOLS["classic"]
    stacks = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 4, 36, 36), np.uint8))
    network = AgentNetwork(SPEC)
    network.load_state_dict(made.weights)
    assert torch.equal(loaded.network()(stacks)[0], network(stacks)[0])
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def write_edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Write a valid checkpoint with one change."""
    save_agent(path, make_checkpoint())
    body = torch.load(path, weights_only=True)
    change(body)
    torch.save(body, path)


def write_imitation_checkpoint(path: Path) -> None:
    spec = NetworkSpec("small", 32, 3, 2)
    weights = PolicyNetwork(spec).state_dict()
    save_checkpoint(path, Checkpoint(spec, "dots", ("left", "right"), 30, 1, (0.4, 0.6), weights, {}))


def write_truncated(path: Path) -> None:
    save_agent(path, make_checkpoint())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "found none: No such file"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or foreign"),
    "truncated": (write_truncated, "damaged or foreign"),
    "text": (lambda path: path.write_text("hello"), "damaged or foreign"),
    "imitation checkpoint": (write_imitation_checkpoint, "another kind of file"),
    "a tensor": (lambda path: torch.save(torch.ones(3), path), "something else"),
    "newer": (
        lambda path: write_edited(path, lambda body: body.update(schema=99)),
        "schema 1 or older .* found 99",
    ),
    "without weights": (lambda path: write_edited(path, lambda body: body.pop("weights")), "weights"),
    "without a size": (lambda path: write_edited(path, lambda body: body["spec"].pop("height")), "height"),
    "unknown body": (lambda path: write_edited(path, lambda body: body["spec"].update(body="big")), "body"),
    "negative size": (lambda path: write_edited(path, lambda body: body["spec"].update(width=-4)), "width"),
    "text as size": (
        lambda path: write_edited(path, lambda body: body["spec"].update(actions="six")),
        "actions",
    ),
    "huge size": (
        lambda path: write_edited(path, lambda body: body["spec"].update(actions=10**12)),
        "actions",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_raises_an_error_with_a_hint(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.pt"
    write, match = BAD[kind]
    write(path)
    with pytest.raises(ModelError, match=match) as error:
        load_agent(path).network()
    assert error.value.hint


def test_weights_of_another_network_raise_an_error() -> None:
    with pytest.raises(ModelError, match="weights of a compact network"):
        replace(make_checkpoint(), spec=replace(SPEC, height=48)).network()
    with pytest.raises(ModelError, match="weights of a residual network"):
        replace(make_checkpoint(), spec=replace(SPEC, body="residual")).network()


class Hostile:
    """Unpickling it without restrictions creates the folder `marker`."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> object:
        return os.mkdir, (str(self._marker),)


@pytest.mark.parametrize("write", [torch.save, lambda body, path: path.write_bytes(pickle.dumps(body))])
def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, write: Callable[[Any, Path], None]) -> None:
    marker, path = tmp_path / "ran", tmp_path / "a.pt"
    write({"kind": "agent", "schema": 1, "spec": Hostile(marker)}, path)
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_agent(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Hostile(marker)))
    assert marker.exists(), "unrestricted unpickling must run the code, or the test proves nothing"


def nightly_case(*values: object) -> object:
    """A test case that only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.nightly)


FROM_PPO = ("train", "--algorithm", "ppo", "--from-model", "pong.pt")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        nightly_case(["eval", "cut.pt"], "damaged or foreign"),
        (["eval", "hostile.pt"], "damaged or foreign"),
        nightly_case(["eval", "imitation.pt"], "another kind of file"),
        nightly_case(["eval", "newer.pt"], "found 99"),
        (
            ["eval", "pong.pt", "--game", "ALE/Breakout-v5"],
            "agent for ALE/Breakout-v5, found one for ALE/Pong",
        ),
        (["eval", "nobody"], "named 'nobody', found none"),
        nightly_case(
            ["train", "--from-model", "pong.pt", "--game", "ALE/Breakout-v5"],
            "the game ALE/Breakout-v5, found",
        ),
        nightly_case(
            ["train", "--from-model", "pong.pt", "--algorithm", "pqn"],
            "the algorithm pqn, found one with ppo",
        ),
        nightly_case([*FROM_PPO, "--frame-count", "2"], "the frame_count 2, found one with 4"),
        ([*FROM_PPO, "--hidden-layers", "2"], "hidden_layers 2, found one with 1"),
        nightly_case(["train", "--from-model", "cut.pt"], "damaged or foreign"),
    ],
)
def test_commands_reject_bad_agents(tmp_path: Path, arguments: list[str], message: str) -> None:
    save_agent(tmp_path / "pong.pt", make_checkpoint())
    write_truncated(tmp_path / "cut.pt")
    write_imitation_checkpoint(tmp_path / "imitation.pt")
    write_edited(tmp_path / "newer.pt", lambda body: body.update(schema=99))
    torch.save({"kind": "agent", "schema": 1, "spec": Hostile(tmp_path / "ran")}, tmp_path / "hostile.pt")
    result = agp("atari", *arguments, home=tmp_path)
    failed = result.only_event("failed")
    assert result.code == failed["exit_code"] == 2, result.summary()
    assert message in failed["error"] and failed["hint"]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "ran").exists() and not (tmp_path / "runs").exists()


SAVES = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from agp_tui.atari.checkpoint import load_agent, save_agent
path = Path(sys.argv[1])
checkpoint = load_agent(path)
number = 0
while True:
    number += 1
    weights = {name: torch.full_like(value, number) for name, value in checkpoint.weights.items()}
    save_agent(path, replace(checkpoint, counters={"steps": number}, weights=weights))
    print(number, flush=True)
"""


def saved_number(path: Path) -> int:
    """The number of the save on disk; all weights must come from the same save."""
    checkpoint = load_agent(path)
    number = int(checkpoint.counters["steps"])
    assert all(bool((value == number).all()) for value in checkpoint.weights.values())
    return number


def test_kill_during_a_save_leaves_a_complete_checkpoint(tmp_path: Path) -> None:
    """A process saves in a loop; its file is checked at 20 random moments, then it is killed.

    A stopped process (SIGSTOP) leaves the same files as a killed one.
    """
    path = tmp_path / "a.pt"
    save_agent(path, make_checkpoint())
    command = [sys.executable, "-c", SAVES, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=module_environment()) as saver:
        assert saver.stdout is not None and saver.stdout.readline()
        found = []
        for _ in range(20):
            time.sleep(random.random() / 30)
            saver.send_signal(signal.SIGSTOP)
            os.waitpid(saver.pid, os.WUNTRACED)
            found.append(saved_number(path))
            saver.send_signal(signal.SIGCONT)
        time.sleep(random.random() / 30)
        saver.kill()
    assert saved_number(path) >= found[-1] > found[0], "no save was completed"
    save_agent(path, make_checkpoint())
    assert load_agent(path).counters["steps"] == 128
