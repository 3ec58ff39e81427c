"""Networks: their shapes, and that a picture is judged the same in any company."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from agp_tui.atari.agent import Agent
from agp_tui.atari.networks import AgentNetwork, AgentSpec, Body, Head

BODIES: tuple[Body, ...] = ("compact", "residual")
HEADS: tuple[Head, ...] = ("values", "policy")


def spec(body: Body, head: Head = "values", layers: int = 1, size: tuple[int, int] = (36, 36)) -> AgentSpec:
    return AgentSpec(body, head, 4, *size, actions=6, hidden_layers=layers)


def stacks(count: int, of: AgentSpec) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *of.stack), np.uint8)


def blocks_of(network: AgentNetwork, frames: int) -> list[list[int]]:
    """What the residual blocks give for a picture of 210x160, each shape in order of size."""
    found: list[list[int]] = []

    def note(_part: nn.Module, _given: object, output: Tensor) -> None:
        found.append(sorted(output.shape[1:]))

    for part in network.modules():
        if "shrink" in dict(part.named_children()):
            part.register_forward_hook(note)
    network(torch.zeros(1, frames, 210, 160, dtype=torch.uint8))
    return found


def test_the_residual_network_goes_down_to_one_cell_by_fours() -> None:
    """Channels 4, 16, 64, 256, 1024; 210x160, 53x40, 14x10, 4x3, 1x1."""
    network = AgentNetwork(spec("residual", size=(210, 160)))
    assert blocks_of(network, 4) == [[16, 40, 53], [10, 14, 64], [3, 4, 256], [1, 1, 1024]]
    one = AgentNetwork(AgentSpec("residual", "values", 1, 210, 160, actions=6))
    assert blocks_of(one, 1) == [[4, 40, 53], [10, 14, 16], [3, 4, 64], [1, 1, 256]]


def test_a_residual_block_has_a_way_around_its_weights() -> None:
    """With all weights of the blocks at 0, what comes out still tells bright pictures from dark ones."""
    network = AgentNetwork(spec("residual", layers=0))
    for part in network.modules():
        if "shrink" in dict(part.named_children()):
            for weights in part.parameters():
                nn.init.zeros_(weights)
    bright, dark = (network.body(torch.full((1, 4, 36, 36), value, dtype=torch.uint8)) for value in (255, 51))
    assert bright.mean().item() == pytest.approx(5 * dark.mean().item(), rel=1e-3) != 0.0


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_hidden_layers_are_as_many_as_asked_for(body: Body, layers: int) -> None:
    """Counted by their activations on the way from the pictures to the scores."""
    none, some = (
        [type(part) for part in AgentNetwork(spec(body, layers=count)).modules()] for count in (0, layers)
    )
    assert some.count(nn.Linear) - none.count(nn.Linear) == layers
    assert some.count(nn.ReLU) - none.count(nn.ReLU) == layers


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("head", HEADS)
def test_a_stack_is_judged_alone_as_in_a_batch(body: Body, head: Head) -> None:
    network = AgentNetwork(spec(body, head))
    seen = torch.from_numpy(stacks(5, network.spec))
    for mode in (network.train(), network.eval()):
        with torch.no_grad():
            scores, values = mode(seen)
            alone = [mode(one[None]) for one in seen]
        assert scores.shape == (5, 6) and values.shape == (5,)
        assert scores.dtype == values.dtype == torch.float32
        torch.testing.assert_close(torch.cat([one[0] for one in alone]), scores, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.cat([one[1] for one in alone]), values, rtol=1e-4, atol=1e-5)
    assert scores.std(0).min() > 0, "all stacks are judged alike"


@pytest.mark.parametrize("body", BODIES)
def test_every_frame_of_a_stack_counts(body: Body) -> None:
    network = AgentNetwork(spec(body))
    seen = torch.from_numpy(stacks(1, network.spec))
    with torch.no_grad():
        before = network(seen)[0]
        for frame in range(4):
            changed = seen.clone()
            changed[0, frame] = 255 - changed[0, frame]
            assert not torch.allclose(network(changed)[0], before)


@pytest.mark.parametrize("head", HEADS)
def test_preferences_sum_to_one_and_the_best_is_played(head: Head) -> None:
    agent = Agent(AgentNetwork(spec("compact", head)))
    seen = stacks(7, agent.network.spec)
    judged = agent.forward(seen)
    assert judged.preferences.shape == (7, 6) and (judged.preferences > 0).all()
    assert judged.preferences.sum(1) == pytest.approx(np.ones(7), abs=1e-6)
    with torch.no_grad():
        scores, values = agent.network(torch.from_numpy(seen))
    assert np.array_equal(judged.best, scores.argmax(1).numpy())
    assert judged.values == pytest.approx(values.numpy(), abs=1e-6)
    assert np.array_equal(agent.act(seen, 0.0, np.random.default_rng(0)), judged.best)


def test_a_state_is_worth_its_best_action() -> None:
    network = AgentNetwork(spec("compact"))
    scores, values = network(torch.from_numpy(stacks(3, network.spec)))
    assert torch.equal(values, scores.max(1).values)


def test_a_policy_begins_undecided() -> None:
    network = AgentNetwork(spec("compact", "policy"))
    preferences = Agent(network).forward(stacks(9, network.spec)).preferences
    assert preferences == pytest.approx(np.full((9, 6), 1 / 6), abs=0.02)
