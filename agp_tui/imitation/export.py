"""Export a checkpoint to a model folder: `model.tflite`, its manifest and the checkpoint.

The folder is published atomically after everything in it has been checked.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.config import ExportSettings
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.imitation.checkpoint import CHECKPOINT_FILE, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.imitation.quantization_cost import measure_quantization_cost
from agp_tui.models.conversion import run_converter
from agp_tui.models.manifest import MODEL_FILE, Manifest, sha256_of, write_manifest
from agp_tui.models.registry import library_versions, publish, staging_folder
from agp_tui.models.streaming_policy import stream_probabilities
from agp_tui.protocol.events import Table
from agp_tui.recording.meta import game_slug


def parity_of(network: PolicyNetwork, data: bytes) -> float:
    """Largest difference between the probabilities of the network and of the exported file.

    The input begins with black frames, as play does, followed by frames that differ from the mean frame about
    as much as the training data.
    """
    frames = sample_frames(network)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(frames[None])))[0].numpy()
    found = stream_probabilities(data, frames)
    difference = float(np.abs(expected - found).max())
    return difference if np.isfinite(found).all() else float("inf")


def sample_frames(network: PolicyNetwork, count: int = 24) -> NDArray[np.uint8]:
    """`segment - 1` black frames, then `count` frames that differ from the mean frame in blocks of noise."""
    spec, size = network.spec, network.spec.frame_size
    rng = np.random.default_rng(0)
    cells = -(-size // 8)
    noise = rng.normal(0, 1, (count, cells, cells, 3)).repeat(8, axis=1).repeat(8, axis=2)
    mean = network.mean.cpu().numpy()
    images = mean + 2.0 / float(network.scale) * noise[:, :size, :size]
    frames = np.zeros((spec.segment - 1 + count, size, size, 3), np.uint8)
    frames[spec.segment - 1 :] = np.clip(images, 0, 255).astype(np.uint8)
    return frames


PARITY = 1e-4
"""Largest difference of a probability that is allowed for an export without quantization."""


def export(
    checkpoint: Path, settings: ExportSettings, models_root: Path, job: Job, name: str | None = None
) -> Path:
    """Convert, check and publish; returns the model's folder.

    A model of the same name is replaced at the end, not before. Raises `ModelError` for a bad checkpoint,
    `MissingPart` without the converter, `JobFailed` if the conversion fails, is stopped, or changes the
    results.
    """
    source = load_checkpoint(checkpoint)
    name = game_slug(name or settings.name or source.game)
    job.stage("convert", 1, 2)
    with staging_folder(models_root, name) as folder:
        model = folder / MODEL_FILE
        convert_file(checkpoint, model, job, quantize=settings.quantize)
        job.stage("check", 2, 2)
        data = model.read_bytes()
        parity = parity_of(source.network(), data)
        if settings.quantize == "none" and not parity <= PARITY:
            raise JobFailed(
                f"Expected probabilities as of the network within {PARITY:g}, found them {parity:g} apart.",
                "Export with the library versions of constraints.txt.",
            )
        if settings.quantize != "none":
            _report_cost(source, data, settings, parity, job)
        write_manifest(folder, _manifest(source, name, settings, data, parity))
        # Without the optimizer state: a training that starts from a model is a new one.
        save_checkpoint(folder / CHECKPOINT_FILE, replace(source, training={}))
        return publish(folder, models_root / name)


def convert_file(
    checkpoint: Path, out: Path, job: Job, *, form: str = "streaming", quantize: str = "none"
) -> None:
    """Convert a checkpoint to the file `out` in a separate process; `form` as in `convert`.

    Raises `MissingPart` if the converter is not installed, `JobFailed` if it fails or the job is stopped.
    """
    run_converter(
        "agp_tui.imitation.convert", str(checkpoint), str(out), form, quantize,
        out=out, job=job, quantize=quantize,
    )  # fmt: skip


def _report_cost(source: Checkpoint, data: bytes, settings: ExportSettings, parity: float, job: Job) -> None:
    """Report the cost of quantization in F1, on the frames that were held out in training."""
    cost = measure_quantization_cost(source, data)
    if cost is None:
        job.note(
            f"What {settings.quantize} costs in F1 could not be measured: the held-out recordings are gone. "
            f"Probabilities differ by up to {parity:.3g}.",
            "warning",
        )
        return
    rows: list[list[str | float | int | None]] = [
        ["float32", round(cost.network.f1, 4), round(cost.network.change_f1, 4), None],
        [settings.quantize, round(cost.exported.f1, 4), round(cost.exported.change_f1, 4), len(data)],
    ]
    job.emit(
        Table(title="Cost of smaller weights", columns=["weights", "F1", "F1 at changes", "bytes"], rows=rows)
    )
    job.note(
        f"{settings.quantize}: F1 {cost.exported.f1:.3f} instead of {cost.network.f1:.3f} "
        f"on {cost.positions} held-out frames; {len(data) / 2**20:.1f} MB."
    )


def _manifest(
    source: Checkpoint, name: str, settings: ExportSettings, data: bytes, parity: float
) -> Manifest:
    return Manifest(
        name=name,
        game=source.game,
        keys=source.keys,
        thresholds=source.thresholds,
        fps=source.fps,
        frame_size=source.spec.frame_size,
        segment=source.spec.segment,
        embedding=source.spec.embedding,
        sha256=sha256_of(data),
        lead=source.lead,
        network=source.spec.model,
        quantize=settings.quantize,
        parity=parity,
        validation=source.validation,
        versions=library_versions(),
        checkpoint=CHECKPOINT_FILE,
        view=source.view,
        game_delay_ms=source.game_delay_ms,
    )
