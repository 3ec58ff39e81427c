"""Which arithmetic learns faster here: measured, since it depends on the processor and the network."""

import copy
import time

import torch

from agp_tui.atari.networks import AgentNetwork

BATCH = 256
ROUNDS = 4


def half_is_faster(network: AgentNetwork) -> bool:
    """Whether a forward and backward pass is a tenth faster in bfloat16 (autocast). Works on a copy."""
    trial = copy.deepcopy(network)
    kind = next(trial.parameters()).device.type
    stacks = torch.randint(0, 256, (BATCH, *network.spec.stack), dtype=torch.uint8, device=kind)

    def seconds(half: bool) -> float:
        begun = time.perf_counter()
        with torch.autocast(kind, torch.bfloat16, enabled=half):
            scores, values = trial(stacks)
        (scores.square().mean() + values.square().mean()).backward()
        if kind == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    found = {half: min(seconds(half) for _ in range(ROUNDS)) for half in (False, True)}
    return found[True] < 0.9 * found[False]
