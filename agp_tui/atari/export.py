"""The export of an agent: its checkpoint becomes a model that the real-time player plays.

What the player shows it differs from its training in one thing: each picture is one frame of the console,
made small in colour and then grey; the training shows the brighter of two frames in a row. Where a game
draws things in turn, some of them are missing at times. And the player goes on from one game to the next
without black pictures between them.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent
from agp_tui.atari.convert import Encode, key_table, keys_pressed
from agp_tui.config import ExportSettings, GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, ModelError
from agp_tui.games.atari import FRAMES_PER_SECOND, AtariGame
from agp_tui.games.base import Pixels
from agp_tui.models.conversion import run_converter
from agp_tui.models.frame_window import resize
from agp_tui.models.manifest import MODEL_FILE, Manifest, sha256_of, write_manifest
from agp_tui.models.registry import library_versions, publish, staging_folder
from agp_tui.models.streaming_policy import stream_probabilities
from agp_tui.recording.meta import game_slug

THRESHOLD = 0.5
SAMPLE = 300
"""Decisions of a game by which the file is compared with the network."""
MARGIN = 1e-3
"""Where the best two actions are nearer than this, rounding decides, and nothing is compared."""


def export_agent(checkpoint: Path, settings: ExportSettings, models: Path, job: Job, name: str) -> Path:
    """Convert, check on a played game, put in place; returns the model's folder.

    A model of the same name is replaced at the end, not before. Raises `ModelError` for a bad checkpoint
    or an agent that the player cannot show its pictures, `MissingPart` without the converter, `JobFailed`
    where the conversion fails, does not give what the network gives, or is stopped.
    """
    kept = load_agent(checkpoint)
    fps = _rate(kept)
    name = game_slug(settings.name or name)
    job.stage("convert", 1, 2)
    with staging_folder(models, name) as folder:
        model = folder / MODEL_FILE
        run_converter(
            "agp_tui.atari.convert", str(checkpoint), str(model), settings.quantize,
            out=model, job=job, quantize=settings.quantize,
        )  # fmt: skip
        job.stage("check", 2, 2)
        data = model.read_bytes()
        found = compare(kept, data)
        if settings.quantize == "none" and found.different:
            raise JobFailed(
                f"Expected the keys that the network presses in {found.decisions} decisions, "
                f"found others in {found.different}.",
                "Export with the library versions of constraints.txt.",
            )
        if settings.quantize != "none":
            job.note(
                f"{settings.quantize}: other keys in {found.different} of {found.decisions} decisions; "
                f"{len(data) / 2**20:.1f} MB."
            )
        write_manifest(folder, _manifest(kept, name, settings, data, fps, found.parity))
        return publish(folder, models / name)


def _rate(kept: AgentCheckpoint) -> int:
    """Decisions a second. Raises `ModelError` where the player cannot keep to them, or show the pictures."""
    spec = kept.spec
    if spec.height != spec.width:
        raise ModelError(
            f"Expected an agent that sees square pictures, found one of {spec.width}x{spec.height}, which "
            "the real-time player does not show.",
            "agp atari watch and agp record --by play it as it is.",
        )
    if FRAMES_PER_SECOND % kept.skip:
        raise ModelError(
            f"Expected an agent with a whole number of decisions a second, found skip_frames {kept.skip}.",
            "agp atari watch and agp record --by play it as it is.",
        )
    return FRAMES_PER_SECOND // kept.skip


@dataclass(frozen=True)
class Compared:
    """How a file's decisions differ from the network's, on one played game."""

    decisions: int
    different: int
    parity: float
    """Greatest difference of a probability."""


def compare(kept: AgentCheckpoint, data: bytes) -> Compared:
    """The network plays a game as the player would show it; the file decides on the same pictures."""
    pictures, expected, sure = _played(kept)
    frames = np.concatenate([np.zeros((kept.spec.frames - 1, *pictures.shape[1:]), np.uint8), pictures])
    apart = np.abs(stream_probabilities(data, frames) - expected)[sure].max(1)
    parity = float(apart.max()) if np.isfinite(apart).all() else float("inf")
    return Compared(len(apart), int((~(apart <= THRESHOLD)).sum()), parity)


def _played(kept: AgentCheckpoint) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """Pictures (N, S, S, 3), the network's probabilities (N, keys), and where its choice is clear (N,)."""
    spec, keys, table = kept.spec, keys_pressed(kept), key_table(kept)
    network, encode, fps = kept.network(), Encode(), _rate(kept)
    seen = torch.zeros(1, spec.frames, spec.height * spec.width)
    source = SimulatedTime()
    place = GameSettings(keys=keys, fps=fps, sticky=kept.played_under.sticky)
    pictures: list[Pixels] = []
    said, sure = [], []
    with closing(AtariGame(kept.game, place, source)) as game, torch.inference_mode():
        for number in range(SAMPLE):
            source.sleep_until(round(number * NS / fps))
            pictures.append(resize(game.grab().pixels, spec.height, spec.width))
            grey = encode(torch.from_numpy(pictures[-1][None]))["embedding"]
            seen = torch.cat([seen[:, 1:], grey[:, None]], 1)
            scores = network(seen.reshape(1, *spec.stack))[0][0]
            best = torch.topk(scores, min(2, len(scores))).values
            sure.append(bool(best[0] - best[-1] > MARGIN) or len(scores) == 1)
            said.append(table[scores.argmax()].numpy())
            game.hold(frozenset(key for key, down in zip(keys, said[-1], strict=True) if down))
    return np.stack(pictures), np.stack(said), np.array(sure)


def _manifest(
    kept: AgentCheckpoint, name: str, settings: ExportSettings, data: bytes, fps: int, parity: float
) -> Manifest:
    keys, spec = keys_pressed(kept), kept.spec
    return Manifest(
        name=name,
        game=kept.game,
        keys=keys,
        thresholds=(THRESHOLD,) * len(keys),
        fps=fps,
        frame_size=spec.height,
        segment=spec.frames,
        embedding=spec.height * spec.width,
        sha256=sha256_of(data),
        network=f"agent {kept.algorithm}",
        quantize=settings.quantize,
        parity=parity,
        validation={"agent": kept.evaluation} if kept.evaluation else {},
        versions=library_versions(),
    )
