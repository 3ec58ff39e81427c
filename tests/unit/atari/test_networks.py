"""Tests of the agent networks: shapes, and outputs that do not depend on the batch."""

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


def random_stacks(count: int, of: AgentSpec) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *of.stack), np.uint8)


def block_shapes(network: AgentNetwork, frames: int) -> list[list[int]]:
    """Sorted output shapes of the residual blocks for a 210x160 frame."""
    found: list[list[int]] = []

    def hook(_part: nn.Module, _given: object, output: Tensor) -> None:
        found.append(sorted(output.shape[1:]))

    for part in network.modules():
        if "shrink" in dict(part.named_children()):
            part.register_forward_hook(hook)
    network(torch.zeros(1, frames, 210, 160, dtype=torch.uint8))
    return found


def test_residual_network_downsamples_by_four_to_one_cell() -> None:
    """Channels 4, 16, 64, 256, 1024; 210x160, 53x40, 14x10, 4x3, 1x1."""
    network = AgentNetwork(spec("residual", size=(210, 160)))
    assert block_shapes(network, 4) == [[16, 40, 53], [10, 14, 64], [3, 4, 256], [1, 1, 1024]]
    one = AgentNetwork(AgentSpec("residual", "values", 1, 210, 160, actions=6))
    assert block_shapes(one, 1) == [[4, 40, 53], [10, 14, 16], [3, 4, 64], [1, 1, 256]]


def test_residual_block_has_a_skip_connection() -> None:
    """With all block weights at 0, the output still depends on the brightness of the frame."""
    network = AgentNetwork(spec("residual", layers=0))
    for part in network.modules():
        if "shrink" in dict(part.named_children()):
            for weights in part.parameters():
                nn.init.zeros_(weights)
    bright, dark = (network.body(torch.full((1, 4, 36, 36), value, dtype=torch.uint8)) for value in (255, 51))
    assert bright.mean().item() == pytest.approx(5 * dark.mean().item(), rel=1e-3) != 0.0


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("layers", [0, 1, 3])
def test_number_of_hidden_layers(body: Body, layers: int) -> None:
    """Counted by their linear layers and activations."""
    none, some = (
        [type(part) for part in AgentNetwork(spec(body, layers=count)).modules()] for count in (0, layers)
    )
    assert some.count(nn.Linear) - none.count(nn.Linear) == layers
    assert some.count(nn.ReLU) - none.count(nn.ReLU) == layers


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("head", HEADS)
def test_output_does_not_depend_on_the_batch(body: Body, head: Head) -> None:
    network = AgentNetwork(spec(body, head))
    seen = torch.from_numpy(random_stacks(5, network.spec))
    for mode in (network.train(), network.eval()):
        with torch.no_grad():
            scores, values = mode(seen)
            alone = [mode(one[None]) for one in seen]
        assert scores.shape == (5, 6) and values.shape == (5,)
        assert scores.dtype == values.dtype == torch.float32
        torch.testing.assert_close(torch.cat([one[0] for one in alone]), scores, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(torch.cat([one[1] for one in alone]), values, rtol=1e-4, atol=1e-5)
    assert scores.std(0).min() > 0, "all stacks have the same scores"


@pytest.mark.parametrize("body", BODIES)
def test_every_frame_of_a_stack_affects_the_output(body: Body) -> None:
    network = AgentNetwork(spec(body))
    seen = torch.from_numpy(random_stacks(1, network.spec))
    with torch.no_grad():
        before = network(seen)[0]
        for frame in range(4):
            changed = seen.clone()
            changed[0, frame] = 255 - changed[0, frame]
            assert not torch.allclose(network(changed)[0], before)


@pytest.mark.parametrize("head", HEADS)
def test_preferences_sum_to_one_and_act_is_greedy(head: Head) -> None:
    agent = Agent(AgentNetwork(spec("compact", head)))
    seen = random_stacks(7, agent.network.spec)
    output = agent.forward(seen)
    assert output.preferences.shape == (7, 6) and (output.preferences > 0).all()
    assert output.preferences.sum(1) == pytest.approx(np.ones(7), abs=1e-6)
    with torch.no_grad():
        scores, values = agent.network(torch.from_numpy(seen))
    assert np.array_equal(output.best, scores.argmax(1).numpy())
    assert output.values == pytest.approx(values.numpy(), abs=1e-6)
    assert np.array_equal(agent.act(seen, 0.0, np.random.default_rng(0)), output.best)


def test_value_is_the_best_action_value() -> None:
    network = AgentNetwork(spec("compact"))
    scores, values = network(torch.from_numpy(random_stacks(3, network.spec)))
    assert torch.equal(values, scores.max(1).values)


def test_initial_policy_is_uniform() -> None:
    network = AgentNetwork(spec("compact", "policy"))
    preferences = Agent(network).forward(random_stacks(9, network.spec)).preferences
    assert preferences == pytest.approx(np.full((9, 6), 1 / 6), abs=0.02)
