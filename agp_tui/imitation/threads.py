"""How many threads train faster here: measured, since small networks often do better on one."""

import copy
import time

import torch

from agp_tui.engine.cores import cores
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.imitation.stretches import Batch

FRAMES = 96
"""Of a batch, enough to tell the two apart."""
ROUNDS = 3
WORTH = 0.95
"""More threads must be this much quicker: they take the cores from whatever else runs here."""


def faster_threads(network: PolicyNetwork, batch: Batch) -> int:
    """1 or the number of cores: whichever does forward and backward of `batch` sooner by the wall clock.

    Works on a copy of the network, on the processor. Torch's own setting is left at the winner.
    """
    count = cores()
    if count == 1:
        torch.set_num_threads(1)
        return 1
    trial = copy.deepcopy(network)
    frames = batch.frames.flatten(0, 1)[None, : max(FRAMES, network.spec.segment)]

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        begun = time.perf_counter()
        trial(frames).square().mean().backward()
        return time.perf_counter() - begun

    seconds(count)  # the first pass warms up
    # In turns, so that whatever else the machine does hits both.
    pairs = [(seconds(1), seconds(count)) for _ in range(ROUNDS)]
    single, all_ = (min(times) for times in zip(*pairs, strict=True))
    chosen = count if all_ < WORTH * single else 1
    torch.set_num_threads(chosen)
    return chosen
