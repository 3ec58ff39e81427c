"""Rare situations in recordings: clusters of frames with few examples and a large loss.

Error analysis of a trained network: the frames of its recordings are clustered by their embeddings
(k-means++), and clusters are ranked by the share of the loss that they have beyond their share of the frames.
Frames of the training data are included, because the held-out part alone is too small to contain what is
rare; since a network fits its training data better, the loss of a frame is relative to the mean of its part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped, RecordingError
from agp_tui.files import write_atomically
from agp_tui.formatting.text import clock_text
from agp_tui.imitation.batching import FrameStore, collate, split_chunks
from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.dataset import Dataset, IndexRange
from agp_tui.imitation.network import PolicyNetwork, to_channels_last
from agp_tui.protocol.events import Progress, Table
from agp_tui.protocol.results import RareSituation
from agp_tui.recording.store import Recording

MAX_FRAMES = 12_000
"""Of the training data, more frames than this are represented by chunks at equal intervals."""
CHUNK = 64
FRAMES_PER_CLUSTER, MIN_CLUSTERS, MAX_CLUSTERS = 40, 6, 64
MIN_RELATIVE_LOSS = 2.0
"""A situation has at least this multiple of the mean loss."""
MIN_SECONDS = 0.3
"""Clusters of fewer frames than this are noise."""
VISIT_GAP_SECONDS = 0.5
"""Frames of a cluster that are further apart belong to separate visits of the situation."""
MAX_SHARE = 0.06
"""A situation with more examples than this share of the training frames is not rare."""
MUCH_LARGER = 1.5
"""A part of a common situation is rare if its loss is this multiple of that of the whole."""
MOST = 6
"""Number of situations reported."""
NUMBER_OF_COMPONENTS = 32
"""Principal components of the embeddings that are clustered."""


@dataclass(frozen=True)
class FrameOutputs:
    """What a network makes of `M` labelled frames."""

    clip: NDArray[np.int64]
    """(M,): index of the clip."""
    frame: NDArray[np.int64]
    """(M,): index of the frame in the clip."""
    held_out: NDArray[np.bool_]
    """(M,): whether the frame is in the validation set."""
    embeddings: NDArray[np.float32]
    """(M, D)."""
    probabilities: NDArray[np.float32]
    """(M, keys)."""
    labels: NDArray[np.bool_]
    """(M, keys)."""

    @property
    def losses(self) -> NDArray[np.float64]:
        """Binary cross-entropy of each frame, mean over the keys, (M,)."""
        likelihoods = np.where(self.labels, self.probabilities, 1 - self.probabilities).astype(np.float64)
        return np.asarray(-np.log(np.maximum(likelihoods, 1e-7)).mean(axis=1))

    @property
    def relative_losses(self) -> NDArray[np.float64]:
        """Losses as multiples of the mean loss of the training or the held-out frames, (M,)."""
        losses = self.losses
        for part in (self.held_out, ~self.held_out):
            if part.any():
                losses[part] /= max(float(losses[part].mean()), 1e-9)
        return losses


@dataclass(frozen=True)
class Cluster:
    """Frames that look alike to the network."""

    members: NDArray[np.int64]
    """Indices into the `FrameOutputs`."""
    representative: int
    """Index of the frame that shows the cluster best."""
    examples: int
    """Frames that were trained on."""
    visits: int
    """Separate times in the recordings."""
    loss: float
    """Mean loss of its frames."""
    relative_loss: float
    """Mean of the relative losses."""
    frame_share: float
    """Of all frames, 0 to 1."""
    loss_share: float
    """Of the sum of the relative losses, 0 to 1."""


def frame_outputs(
    network: PolicyNetwork, dataset: Dataset, job: Job, device: str | None = None
) -> FrameOutputs:
    """Embeddings and probabilities of the held-out and the training frames. Raises `JobStopped`."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    network = to_channels_last(network.to(device)).eval()
    store = FrameStore(dataset.clips, device)
    trained = _sample_chunks(split_chunks(dataset.train, CHUNK))
    held_out = split_chunks(dataset.validation, CHUNK)
    chunks = [*trained, *held_out]
    embeddings, probabilities = [], []
    done, total = 0, sum(map(len, chunks))
    for chunk in chunks:
        if job.stopping:
            raise JobStopped("Stopped before the rare situations were found.")
        found = _chunk_outputs(network, dataset, chunk, store)
        embeddings.append(found[0])
        probabilities.append(found[1])
        done += len(chunk)
        job.emit(Progress(done=done, total=total, unit="frames"))
    frames = [np.arange(chunk.start, chunk.stop) for chunk in chunks]
    is_held_out = [np.full(len(chunk), number >= len(trained)) for number, chunk in enumerate(chunks)]
    return FrameOutputs(
        np.concatenate([np.full(len(chunk), chunk.clip) for chunk in chunks]),
        np.concatenate(frames),
        np.concatenate(is_held_out),
        np.concatenate(embeddings),
        np.concatenate(probabilities),
        np.concatenate([dataset.clips[chunk.clip].labels[chunk.start : chunk.stop] for chunk in chunks]),
    )


def _sample_chunks(chunks: list[IndexRange]) -> list[IndexRange]:
    """The chunks, or a part of them at equal intervals with about `MAX_FRAMES` frames."""
    count = sum(map(len, chunks))
    if count <= MAX_FRAMES:
        return chunks
    wanted = max(1, len(chunks) * MAX_FRAMES // count)
    return [chunks[i] for i in np.linspace(0, len(chunks) - 1, wanted).round().astype(int).tolist()]


def _chunk_outputs(
    network: PolicyNetwork, dataset: Dataset, chunk: IndexRange, store: FrameStore
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings (L, D) and probabilities (L, keys) of the frames of a chunk."""
    frames = collate(dataset, [chunk], CHUNK, store=store).frames[0]
    before = None
    if network.spec.motion:
        before, frames = frames[:-1], frames[1:]
    with torch.inference_mode():
        embeddings = network.encode(frames, before)
        logits = network.decide_sequence(embeddings[None])[0]
    own = embeddings[-len(chunk) :].float().cpu().numpy()
    return own, torch.sigmoid(logits.float()).cpu().numpy()


@dataclass(frozen=True)
class _Node:
    """A node of the tree of clusters: the clusters of k-means below it."""

    leaves: tuple[int, ...]
    children: "tuple[_Node, ...]" = ()


def find_rare_situations(
    outputs: FrameOutputs, fps: float, *, most: int = MOST, seed: int = 0
) -> list[Cluster]:
    """Clusters with few examples and a large loss, the largest excess loss first.

    The excess is the share of the loss minus the share of the frames. Small clusters of k-means are joined to
    a tree, in which a situation is the largest branch with a large loss. A branch that is too common is
    divided only if a part of it has a much larger loss than the whole.
    """
    points = principal_components(outputs.embeddings, NUMBER_OF_COMPONENTS)
    count = min(max(len(points) // FRAMES_PER_CLUSTER, MIN_CLUSTERS), MAX_CLUSTERS)
    if len(points) < count:
        return []
    cv2.setRNGSeed(seed)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-3)
    _, assigned, centers = cv2.kmeans(points, count, None, stop, 3, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    assigned = assigned.ravel()
    found: list[Cluster] = []
    limit = MAX_SHARE * float((~outputs.held_out).sum())

    def search(node: _Node, threshold: float) -> None:
        one = _cluster(outputs, points, np.flatnonzero(np.isin(assigned, node.leaves)), fps)
        if one.relative_loss >= threshold:
            if one.examples <= limit:
                found.append(one)
                return
            threshold = MUCH_LARGER * one.relative_loss
        for child in node.children:
            search(child, threshold)

    search(_ward_tree(centers, np.bincount(assigned, minlength=count)), MIN_RELATIVE_LOSS)
    lasting = [one for one in found if len(one.members) >= MIN_SECONDS * fps]
    return sorted(lasting, key=lambda one: one.frame_share - one.loss_share)[:most]


def _ward_tree(centers: NDArray[np.float32], sizes: NDArray[np.int64]) -> _Node:
    """Join clusters with these centres (N, D) and sizes (N,) to a tree (Ward 1963)."""
    nodes = [_Node((number,)) for number in np.flatnonzero(sizes).tolist()]
    weights = sizes[sizes > 0].astype(np.float64)
    means = centers[sizes > 0].astype(np.float64)
    while len(nodes) > 1:
        squares = np.square(means[:, None] - means[None]).sum(axis=2)
        costs = squares * weights[:, None] * weights[None] / (weights[:, None] + weights[None])
        np.fill_diagonal(costs, np.inf)
        one, other = sorted(int(i) for i in np.unravel_index(costs.argmin(), costs.shape))
        weight = weights[one] + weights[other]
        means[one] = (weights[one] * means[one] + weights[other] * means[other]) / weight
        weights[one] = weight
        nodes[one] = _Node(nodes[one].leaves + nodes[other].leaves, (nodes[one], nodes[other]))
        nodes.pop(other)
        means, weights = np.delete(means, other, axis=0), np.delete(weights, other)
    return nodes[0]


def _cluster(
    outputs: FrameOutputs, points: NDArray[np.float32], members: NDArray[np.int64], fps: float
) -> Cluster:
    relative = outputs.relative_losses
    own = relative[members]
    # Typical for its picture and for its loss: not a frame that happens to be predicted well.
    candidates = members[own >= own.mean() - 1e-9]
    distances = np.linalg.norm(points[candidates] - points[members].mean(axis=0), axis=1)
    return Cluster(
        members,
        int(candidates[distances.argmin()]),
        int((~outputs.held_out[members]).sum()),
        _count_visits(outputs.clip[members], outputs.frame[members], fps),
        float(outputs.losses[members].mean()),
        float(own.mean()),
        len(members) / len(relative),
        float(own.sum()) / max(float(relative.sum()), 1e-9),
    )


def principal_components(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The first `count` principal components of points (M, D): float32 (M, min(count, D))."""
    centered = points - points.mean(axis=0)
    _, vectors = np.linalg.eigh(centered.T @ centered)
    return np.ascontiguousarray(centered @ vectors[:, ::-1][:, :count], dtype=np.float32)


def _count_visits(clips: NDArray[np.int64], frames: NDArray[np.int64], fps: float) -> int:
    order = np.lexsort((frames, clips))
    gaps = np.diff(frames[order]) > VISIT_GAP_SECONDS * fps
    return 1 + int((gaps | (np.diff(clips[order]) != 0)).sum())


def report_rare_situations(
    source: Checkpoint, dataset: Dataset, folder: Path, job: Job
) -> tuple[RareSituation, ...]:
    """Find the rare situations of a model's data and write a picture of each to `folder`.

    Emits a table and a note. Raises `RecordingError` and `JobStopped`.
    """
    outputs = frame_outputs(source.network(), dataset, job)
    found = find_rare_situations(outputs, source.fps)
    try:
        situations = _with_pictures(source, dataset, outputs, found, folder)
    except OSError as error:
        raise RecordingError(
            f"Expected to write pictures to {folder}: {error.strerror}.", "Free some of the disk."
        ) from error
    if situations:
        job.emit(situations_table(situations, source.fps))
        job.note(f"Pictures of these situations: {folder}")
    else:
        job.note("No rare situation stands out: the loss is spread over the recordings.")
    return situations


def _with_pictures(
    source: Checkpoint, dataset: Dataset, outputs: FrameOutputs, clusters: Sequence[Cluster], folder: Path
) -> tuple[RareSituation, ...]:
    thresholds = np.array(source.thresholds, np.float32)
    situations = []
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    for number, one in enumerate(clusters, start=1):
        at = one.representative
        frame, path = int(outputs.frame[at]), Path(dataset.clips[outputs.clip[at]].name)
        recording = Recording.open(path)
        picture = folder / f"{number}.png"
        write_picture(picture, recording, frame)
        situations.append(
            RareSituation(
                picture=str(picture),
                recording=str(path),
                frame=frame,
                seconds=round(float(recording.times_ns[frame] - recording.times_ns[0]) / 1e9, 2),
                keys=_names(source.keys, outputs.labels[at]),
                predicted=_names(source.keys, outputs.probabilities[at] >= thresholds),
                examples=one.examples,
                held_out=len(one.members) - one.examples,
                visits=one.visits,
                loss=round(one.loss, 4),
                relative_loss=round(one.relative_loss, 2),
                frame_share=round(one.frame_share, 4),
                loss_share=round(one.loss_share, 4),
            )
        )
    return tuple(situations)


def write_picture(path: Path, recording: Recording, frame: int) -> None:
    """Write a frame of a recording as PNG. Raises `RecordingError` if it is damaged, and `OSError`."""
    pixels = next(recording.frames(frame, frame + 1))
    encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1]
    write_atomically(path, encoded.tobytes())


def situations_table(situations: Sequence[RareSituation], fps: float) -> Table:
    """A row for each situation."""
    rows: list[list[str | float | int | None]] = [
        [
            Path(one.picture).name,
            Path(one.recording).name,
            clock_text(one.seconds),
            " ".join(one.keys) or "none",
            " ".join(one.predicted) or "none",
            round(one.examples / fps, 1),
            one.visits,
            round(one.relative_loss, 1),
        ]
        for one in situations
    ]
    return Table(
        title="Rare situations: few examples (seconds), large loss (multiple of the mean)",
        columns=["picture", "recording", "at", "keys", "model", "seconds", "visits", "loss"],
        rows=rows,
    )


def _names(keys: tuple[str, ...], row: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(key for key, down in zip(keys, row, strict=True) if down)
