"""Whether an exported file gives what its network gives."""

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.autoplay.streaming import streamed
from agp_tui.imitation.network import PolicyNetwork


def parity_of(network: PolicyNetwork, data: bytes) -> float:
    """Greatest difference between the probabilities of the network and of the file, on a played stretch.

    The stretch begins with black pictures as play does, then shows pictures about as far from the
    mean frame as the training data was.
    """
    frames = sample_pictures(network)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(frames[None])))[0].numpy()
    found = streamed(data, frames)
    difference = float(np.abs(expected - found).max())
    return difference if np.isfinite(found).all() else float("inf")


def sample_pictures(network: PolicyNetwork, count: int = 24) -> NDArray[np.uint8]:
    """`segment - 1` black pictures and `count` that differ from the mean frame in blocks."""
    spec, size = network.spec, network.spec.frame_size
    random = np.random.default_rng(0)
    cells = -(-size // 8)
    noise = random.normal(0, 1, (count, cells, cells, 3)).repeat(8, axis=1).repeat(8, axis=2)
    mean = network.mean.cpu().numpy()
    pictures = mean + 2.0 / float(network.scale) * noise[:, :size, :size]
    frames = np.zeros((spec.segment - 1 + count, size, size, 3), np.uint8)
    frames[spec.segment - 1 :] = np.clip(pictures, 0, 255).astype(np.uint8)
    return frames
