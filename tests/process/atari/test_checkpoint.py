"""Checkpoints of agents: everything comes back, and a bad file is a sentence that ran nothing."""

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


def agent(**others: Any) -> AgentCheckpoint:
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
    return AgentCheckpoint(**{**made, **others})


def test_everything_comes_back(tmp_path: Path) -> None:
    made, path = agent(), tmp_path / "a.pt"
    save_agent(path, made)
    again = load_agent(path)
    assert replace(again, weights={}) == replace(made, weights={})
    assert all(torch.equal(again.weights[name], value) for name, value in made.weights.items())
    assert again.obs_spec == ObservationSpec(4, 4, 36, 36) and again.eval_protocol == PROTOCOLS["classic"]
    stacks = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 4, 36, 36), np.uint8))
    whole = AgentNetwork(SPEC)
    whole.load_state_dict(made.weights)
    assert torch.equal(again.network()(stacks)[0], whole(stacks)[0])
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def edited(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """A whole checkpoint but for one change."""
    save_agent(path, agent())
    body = torch.load(path, weights_only=True)
    change(body)
    torch.save(body, path)


def imitation_checkpoint(path: Path) -> None:
    spec = NetworkSpec("small", 32, 3, 2)
    weights = PolicyNetwork(spec).state_dict()
    save_checkpoint(path, Checkpoint(spec, "dots", ("left", "right"), 30, 1, (0.4, 0.6), weights, {}))


def truncated(path: Path) -> None:
    save_agent(path, agent())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "found none: No such file"),
    "empty": (lambda path: path.write_bytes(b""), "damaged or foreign"),
    "truncated": (truncated, "damaged or foreign"),
    "text": (lambda path: path.write_text("hello"), "damaged or foreign"),
    "of imitation": (imitation_checkpoint, "another kind of file"),
    "a tensor": (lambda path: torch.save(torch.ones(3), path), "something else"),
    "newer": (
        lambda path: edited(path, lambda body: body.update(schema=99)),
        "schema 1 or older .* found 99",
    ),
    "without weights": (lambda path: edited(path, lambda body: body.pop("weights")), "weights"),
    "without a size": (lambda path: edited(path, lambda body: body["spec"].pop("height")), "height"),
    "of a body unknown": (lambda path: edited(path, lambda body: body["spec"].update(body="big")), "body"),
    "of no size": (lambda path: edited(path, lambda body: body["spec"].update(width=-4)), "width"),
    "of words": (lambda path: edited(path, lambda body: body["spec"].update(actions="six")), "actions"),
    "of a huge size": (
        lambda path: edited(path, lambda body: body["spec"].update(actions=10**12)),
        "actions",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.pt"
    write, words = BAD[kind]
    write(path)
    with pytest.raises(ModelError, match=words) as error:
        load_agent(path).network()
    assert error.value.hint


def test_weights_of_another_network_are_a_sentence() -> None:
    with pytest.raises(ModelError, match="weights of a compact network"):
        replace(agent(), spec=replace(SPEC, height=48)).network()
    with pytest.raises(ModelError, match="weights of a residual network"):
        replace(agent(), spec=replace(SPEC, body="residual")).network()


class Hostile:
    """Makes a folder where it is unpickled by whoever runs what it says."""

    def __init__(self, touched: Path) -> None:
        self._touched = touched

    def __reduce__(self) -> object:
        return os.mkdir, (str(self._touched),)


@pytest.mark.parametrize("write", [torch.save, lambda body, path: path.write_bytes(pickle.dumps(body))])
def test_code_in_a_checkpoint_does_not_run(tmp_path: Path, write: Callable[[Any, Path], None]) -> None:
    touched, path = tmp_path / "ran", tmp_path / "a.pt"
    write({"kind": "agent", "schema": 1, "spec": Hostile(touched)}, path)
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_agent(path)
    assert not touched.exists()
    pickle.loads(pickle.dumps(Hostile(touched)))
    assert touched.exists(), "it would not have run anyhow"


def nightly(*values: object) -> object:
    """A case like its neighbours, which only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.nightly)


FROM_PPO = ("train", "--algorithm", "ppo", "--from-model", "pong.pt")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        nightly(["eval", "cut.pt"], "damaged or foreign"),
        (["eval", "hostile.pt"], "damaged or foreign"),
        nightly(["eval", "imitation.pt"], "another kind of file"),
        nightly(["eval", "newer.pt"], "found 99"),
        (
            ["eval", "pong.pt", "--game", "ALE/Breakout-v5"],
            "agent for ALE/Breakout-v5, found one for ALE/Pong",
        ),
        (["eval", "nobody"], "named 'nobody', found none"),
        nightly(
            ["train", "--from-model", "pong.pt", "--game", "ALE/Breakout-v5"],
            "the game ALE/Breakout-v5, found",
        ),
        nightly(
            ["train", "--from-model", "pong.pt", "--algorithm", "pqn"],
            "the algorithm pqn, found one with ppo",
        ),
        nightly([*FROM_PPO, "--frame-count", "2"], "the frame_count 2, found one with 4"),
        ([*FROM_PPO, "--hidden-layers", "2"], "hidden_layers 2, found one with 1"),
        nightly(["train", "--from-model", "cut.pt"], "damaged or foreign"),
    ],
)
def test_the_commands_refuse_bad_agents(tmp_path: Path, words: list[str], sentence: str) -> None:
    save_agent(tmp_path / "pong.pt", agent())
    truncated(tmp_path / "cut.pt")
    imitation_checkpoint(tmp_path / "imitation.pt")
    edited(tmp_path / "newer.pt", lambda body: body.update(schema=99))
    torch.save({"kind": "agent", "schema": 1, "spec": Hostile(tmp_path / "ran")}, tmp_path / "hostile.pt")
    result = agp("atari", *words, home=tmp_path)
    failed = result.only_event("failed")
    assert result.code == failed["exit_code"] == 2, result.summary()
    assert sentence in failed["error"] and failed["hint"]
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "ran").exists() and not (tmp_path / "runs").exists()


SAVES = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from agp_tui.atari.checkpoint import load_agent, save_agent
path = Path(sys.argv[1])
kept = load_agent(path)
number = 0
while True:
    number += 1
    weights = {name: torch.full_like(value, number) for name, value in kept.weights.items()}
    save_agent(path, replace(kept, counters={"steps": number}, weights=weights))
    print(number, flush=True)
"""


def whole_save(path: Path) -> int:
    """The number of the save that is there, which must be all there is."""
    kept = load_agent(path)
    number = int(kept.counters["steps"])
    assert all(bool((value == number).all()) for value in kept.weights.values())
    return number


def test_a_kill_during_a_save_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Looked at in twenty moments while a process does nothing but save, then it is killed.

    A process that is stopped leaves its files as one that is killed.
    """
    path = tmp_path / "a.pt"
    save_agent(path, agent())
    command = [sys.executable, "-c", SAVES, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=module_environment()) as saver:
        assert saver.stdout is not None and saver.stdout.readline()
        found = []
        for _ in range(20):
            time.sleep(random.random() / 30)
            saver.send_signal(signal.SIGSTOP)
            os.waitpid(saver.pid, os.WUNTRACED)
            found.append(whole_save(path))
            saver.send_signal(signal.SIGCONT)
        time.sleep(random.random() / 30)
        saver.kill()
    assert whole_save(path) >= found[-1] > found[0], "nothing was saved meanwhile"
    save_agent(path, agent())
    assert load_agent(path).counters["steps"] == 128
