"""What an export costs in F1: the exported file against its network, on the held-out frames."""

from dataclasses import dataclass

import numpy as np
import torch

from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.chunks import cut, gather
from agp_tui.imitation.dataset import held_out
from agp_tui.imitation.metrics import Figures, report
from agp_tui.models.streaming_policy import stream_probabilities

MOST = 4000
"""So many positions are enough."""
STRETCH = 64


@dataclass(frozen=True)
class Cost:
    """F1 of the network and of the file, on the same positions."""

    before: Figures
    after: Figures
    positions: int


def f1_of_file(source: Checkpoint, data: bytes) -> Cost | None:
    """Both figures; None where the recordings of the checkpoint are not here any more."""
    dataset = held_out(source)
    if dataset is None:
        return None
    network = source.network()
    expected, found, labels, previous = [], [], [], []
    for piece in cut(dataset.validation, STRETCH)[: MOST // STRETCH]:
        frames = gather(dataset, [piece], STRETCH).frames
        with torch.no_grad():
            expected.append(torch.sigmoid(network(frames))[0].numpy())
        found.append(stream_probabilities(data, frames[0].numpy()))
        labels.append(dataset.labels([piece]))
        previous.append(dataset.previous([piece]))
    truth = np.concatenate(labels)
    before, after = (
        report(
            np.concatenate(said),
            truth,
            previous=np.concatenate(previous),
            most_frequent=np.zeros(len(source.keys), np.bool_),
            keys=source.keys,
            thresholds=source.thresholds,
        ).model
        for said in (expected, found)
    )
    return Cost(before, after, len(truth))
