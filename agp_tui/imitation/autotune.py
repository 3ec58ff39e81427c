"""Which arithmetic trains faster here: measured, since it depends on the machine and the network."""

import copy
import time

import torch

from agp_tui.engine.cpu import available_cpus
from agp_tui.imitation.chunks import Batch
from agp_tui.imitation.network import PolicyNetwork

THREAD_FRAMES = 96
"""Of a batch, enough to tell the two apart."""
ROUNDS = 3
WORTH = 0.95
"""More threads must be this much quicker: they take the cores from whatever else runs here."""


def faster_threads(network: PolicyNetwork, batch: Batch) -> int:
    """1 or the number of cores: whichever does forward and backward of `batch` sooner by the wall clock.

    Works on a copy of the network, on the processor. Torch's own setting is left at the winner.
    """
    count = available_cpus()
    if count == 1:
        torch.set_num_threads(1)
        return 1
    trial = copy.deepcopy(network)
    frames = batch.frames.flatten(0, 1)[None, : max(THREAD_FRAMES, network.spec.segment)]

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


PRECISION_FRAMES = 48
"""Enough to tell the two apart."""


def faster_precision(network: PolicyNetwork, batch: Batch, device: str) -> str:
    """`float32` or `bfloat16` (autocast): whichever does a forward and backward pass sooner.

    Works on a copy, with a few frames of `batch`. bfloat16 must be a tenth faster to be worth its
    rounding; where it is far slower, as on processors without it, its first pass is enough.
    """
    trial = copy.deepcopy(network)
    segment = network.spec.segment
    flat = batch.frames.flatten(0, 1)
    frames = flat[None, : max(PRECISION_FRAMES if device == "cpu" else len(flat), segment)]

    def seconds(name: str) -> float:
        begun = _now(device)
        with torch.autocast(device, torch.bfloat16, enabled=name == "bfloat16"):
            loss = trial(frames).float().square().mean()
        loss.backward()
        return _now(device) - begun

    first = {name: seconds(name) for name in ("float32", "bfloat16")}
    single = min(seconds("float32") for _ in range(ROUNDS))
    if first["bfloat16"] > 3 * max(first["float32"], single) and device == "cpu":
        return "float32"
    half = min(seconds("bfloat16") for _ in range(ROUNDS))
    return "bfloat16" if half < 0.9 * single else "float32"


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()
