import copy

import numpy as np
import pytest
import torch
from torch.nn import functional

from agp_tui.imitation.network import NetworkSpec, PolicyNetwork


def network(size: int = 32, segment: int = 5, keys: int = 3, motion: bool = False) -> PolicyNetwork:
    torch.manual_seed(1)
    policy = PolicyNetwork(NetworkSpec("small", size, segment, keys, motion=motion))
    policy.set_normalization(np.full((size, size, 3), 90, np.float32), 40.0)
    torch.nn.init.normal_(policy.head.weight)
    return policy


def frames(batch: int, length: int, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (batch, length, size, size, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("motion", [False, True])
def test_chunk_gives_the_logits_and_gradients_of_separate_windows(motion: bool) -> None:
    shared, separate = network(motion=motion), network(motion=motion)
    segment, length = shared.spec.segment, 9
    stretch = frames(2, segment - 1 + length)
    targets = torch.rand(2, length, 3, generator=torch.Generator().manual_seed(3))

    together = shared(stretch)
    functional.binary_cross_entropy_with_logits(together, targets).backward()
    windows = torch.stack([stretch[:, i : i + segment] for i in range(length)], dim=1)
    if motion:
        newer, older = windows[:, :, 1:].flatten(0, 2), windows[:, :, :-1].flatten(0, 2)
        embeddings = separate.encode(newer, older).view(2 * length, segment - 1, -1)
    else:
        embeddings = separate.encode(windows.flatten(0, 2)).view(2 * length, segment, -1)
    alone = separate.decide(embeddings).view(2, length, 3)
    functional.binary_cross_entropy_with_logits(alone, targets).backward()

    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    for (name, one), other in zip(shared.named_parameters(), separate.parameters(), strict=True):
        assert one.grad is not None and other.grad is not None
        if "second.weight" not in name:
            assert one.grad.abs().sum() > 0, name
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-6, msg=name)


@pytest.mark.parametrize("motion", [False, True])
def test_position_depends_on_its_window_only(motion: bool) -> None:
    policy = network(motion=motion)
    stretch = frames(1, 12)
    before = policy(stretch)
    changed = stretch.clone()
    changed[:, 6] = 255 - changed[:, 6]
    moved = (policy(changed) - before).abs().amax(dim=2)[0] > 1e-6
    assert moved.tolist() == [i <= 6 <= i + 4 for i in range(8)]


def test_embedding_does_not_depend_on_other_frames() -> None:
    policy = network().train()
    batch = frames(1, 6)[0]
    torch.testing.assert_close(policy.encode(batch)[2:3], policy.encode(batch[2:3]), rtol=1e-5, atol=1e-5)


def test_encode_does_not_modify_its_input() -> None:
    policy = network()
    pictures = frames(1, 2)[0].float()
    original = pictures.clone()
    one = policy.encode(pictures)
    assert torch.equal(pictures, original)
    torch.testing.assert_close(one, policy.encode(original.to(torch.uint8)))


@pytest.mark.parametrize("size", [16, 33, 84, 96, 128, 256])
def test_frames_of_any_size(size: int) -> None:
    policy = PolicyNetwork(NetworkSpec("small", size, 2, 1))
    assert policy(frames(1, 3, size)).shape == (1, 2, 1)


@pytest.mark.parametrize(("model", "millions"), [("small", 0.8), ("large", 1.8)])
def test_encoder_sizes(model: str, millions: float) -> None:
    policy = PolicyNetwork(NetworkSpec(model, 256, 20, 4))  # type: ignore[arg-type]
    assert policy.encoder_parameters() / 1e6 == pytest.approx(millions, rel=0.1)


def test_object_of_two_pixels_changes_the_embedding_everywhere() -> None:
    policy = copy.deepcopy(network(128)).eval()
    empty = torch.full((1, 128, 128, 3), 90, dtype=torch.uint8)
    with torch.no_grad():
        rest = policy.encode(empty)
        for place in range(60, 68):
            ball = empty.clone()
            ball[:, 60:63, place : place + 2] = 236
            assert (policy.encode(ball) - rest).norm() > 0.01 * rest.norm()
