"""Cost of quantization: F1 of an exported int8 or fp16 file and of its network, on the held-out frames."""

from dataclasses import dataclass

import numpy as np
import torch

from agp_tui.imitation.batching import collate, split_chunks
from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.dataset import held_out_dataset
from agp_tui.imitation.metrics import F1Scores, validation_report
from agp_tui.models.streaming_policy import stream_probabilities

MAX_POSITIONS = 4000
CHUNK = 64


@dataclass(frozen=True)
class QuantizationCost:
    """F1 of the network and of the exported file, on the same positions."""

    network: F1Scores
    exported: F1Scores
    positions: int


def measure_quantization_cost(source: Checkpoint, data: bytes) -> QuantizationCost | None:
    """Evaluate network and exported file; None if the recordings of the checkpoint are gone."""
    dataset = held_out_dataset(source)
    if dataset is None:
        return None
    network = source.network()
    by_network, by_file, labels, previous = [], [], [], []
    for chunk in split_chunks(dataset.validation, CHUNK)[: MAX_POSITIONS // CHUNK]:
        frames = collate(dataset, [chunk], CHUNK).frames
        with torch.no_grad():
            by_network.append(torch.sigmoid(network(frames))[0].numpy())
        by_file.append(stream_probabilities(data, frames[0].numpy()))
        labels.append(dataset.labels([chunk]))
        previous.append(dataset.previous([chunk]))
    truth = np.concatenate(labels)
    scores = [
        validation_report(
            np.concatenate(probabilities),
            truth,
            thresholds=source.thresholds,
            previous=np.concatenate(previous),
            majority=np.zeros(len(source.keys), np.bool_),
            keys=source.keys,
        ).model
        for probabilities in (by_network, by_file)
    ]
    return QuantizationCost(scores[0], scores[1], len(truth))
