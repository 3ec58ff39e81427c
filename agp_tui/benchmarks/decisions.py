"""Decisions: a network's streaming form against its whole-window form, made from the same weights."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agp_tui.benchmarks.asked import DecisionsAsked
from agp_tui.benchmarks.reaction import Reaction, bench_reaction
from agp_tui.benchmarks.streaming import PlayBench, bench_play
from agp_tui.config import ExportSettings, PlaySettings
from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, ModelError
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest

KEYS = ("up", "left", "right", "down")


@dataclass(frozen=True, slots=True)
class Forms:
    """One network twice: a model's folder, and a `.tflite` of whole windows of float frames."""

    folder: Path
    whole_window: Path


def bench_decisions(asked: DecisionsAsked, model: Path | None, job: Job) -> tuple[PlayBench, list[Reaction]]:
    """Make both forms of `model`, or of a fresh network, and time them: decision by decision, and in a game.

    Without a display there are no reactions, and a note says why. Raises `ModelError` where the model has
    no checkpoint, `MissingPart` without the converter.
    """
    with _forms(asked, model, job) as forms:
        found = bench_play(forms.folder, forms.whole_window, job, asked.decisions, asked.threads, asked.turn)
        streaming = load_policy(forms.folder, PlaySettings(threads=asked.threads))
        settings = PlaySettings(threads=asked.threads, channels="rgb")
        whole = load_policy(forms.whole_window, settings, streaming.keys, streaming.fps)
        try:
            return found, bench_reaction(streaming, whole, job, asked.seconds, asked.display)
        except DisplayError as error:
            job.note(f"Reaction could not be measured here. {error}", level="warning")
            return found, []


@contextmanager
def _forms(asked: DecisionsAsked, model: Path | None, job: Job) -> Iterator[Forms]:
    from agp_tui.imitation.export import convert_file, export

    with tempfile.TemporaryDirectory(prefix="agp-bench-") as folder:
        room = Path(folder)
        if model is None:
            checkpoint = _fresh(asked, room / "fresh.pt")
            job.note(f"Converting a fresh {asked.network} network to both forms; this takes a minute.")
            streaming = export(checkpoint, ExportSettings(), room, job.muted(), "fresh")
        else:
            streaming, checkpoint = model, _checkpoint_of(model)
            job.note(f"Converting {model.name} to its whole-window form; this takes a minute.")
        whole = room / "whole_window.tflite"
        convert_file(checkpoint, whole, job, form="window-float32")
        yield Forms(streaming, whole)


def _checkpoint_of(model: Path) -> Path:
    name = read_manifest(model).checkpoint if model.is_dir() else None
    if name is None or not (model / name).is_file():
        raise ModelError(
            f"Expected a model with its checkpoint, found none beside {model.name}.",
            "Name a model that agp train made, or none for a fresh network.",
        )
    return model / name


def _fresh(asked: DecisionsAsked, path: Path) -> Path:
    import torch

    from agp_tui.imitation.checkpoint import Checkpoint, save_checkpoint
    from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

    torch.manual_seed(0)
    spec = NetworkSpec(asked.network, asked.frame_size, asked.segment, len(KEYS), motion=asked.motion)
    network = PolicyNetwork(spec)
    # A fresh head is so small that all its answers look alike; a wider one shows a difference.
    torch.nn.init.normal_(network.head.weight, std=0.2)
    save_checkpoint(
        path,
        Checkpoint(
            spec=spec,
            game="bench",
            keys=KEYS,
            fps=30,
            lead=1,
            thresholds=(0.5,) * len(KEYS),
            weights=network.state_dict(),
        ),
    )
    return path
