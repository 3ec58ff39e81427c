"""Export of an agent: its checkpoint becomes a `.tflite` model for the real-time player.

The player's observations differ from training in two ways. Each is a single emulator frame, resized in colour
and then converted to grayscale, without the maximum of two frames: in games that flicker, objects are missing
at times. And there are no black frames between episodes.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent
from agp_tui.atari.convert import GrayscaleEncoder, action_key_table, agent_keys
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
PARITY_DECISIONS = 300
"""Decisions for the comparison of the file with the network."""
MARGIN = 1e-3
"""If the scores of the best two actions are closer than this, rounding decides: not compared."""


def export_agent(path: Path, settings: ExportSettings, models: Path, job: Job, name: str) -> Path:
    """Convert, check against the network, publish; returns the model's folder.

    A model of the same name is replaced at the end. Raises `ModelError` for a bad checkpoint or an agent that
    the player cannot play, `MissingPart` without the converter, `JobFailed` if the conversion fails or is
    stopped, or its result differs from the network.
    """
    checkpoint = load_agent(path)
    fps = _decision_rate(checkpoint)
    name = game_slug(settings.name or name)
    job.stage("convert", 1, 2)
    with staging_folder(models, name) as folder:
        model = folder / MODEL_FILE
        run_converter(
            "agp_tui.atari.convert", str(path), str(model), settings.quantize,
            out=model, job=job, quantize=settings.quantize,
        )  # fmt: skip
        job.stage("check", 2, 2)
        data = model.read_bytes()
        parity = compare_with_network(checkpoint, data)
        if settings.quantize == "none" and parity.different:
            raise JobFailed(
                f"Expected the network's keys in {parity.decisions} decisions, "
                f"found others in {parity.different}.",
                "Export with the library versions of constraints.txt.",
            )
        if settings.quantize != "none":
            job.note(
                f"{settings.quantize}: other keys in {parity.different} of {parity.decisions} decisions; "
                f"{len(data) / 2**20:.1f} MB."
            )
        write_manifest(folder, _manifest(checkpoint, name, settings, data, fps, parity.difference))
        return publish(folder, models / name)


def _decision_rate(checkpoint: AgentCheckpoint) -> int:
    """Decisions per second. Raises `ModelError` for an agent that the player cannot play."""
    spec = checkpoint.spec
    if spec.height != spec.width:
        raise ModelError(
            f"Expected an agent with square observations, found {spec.width}x{spec.height}, which "
            "the real-time player does not support.",
            "agp atari watch and agp record --by play it as it is.",
        )
    if FRAMES_PER_SECOND % checkpoint.skip:
        raise ModelError(
            "Expected an agent with a whole number of decisions per second, "
            f"found skip_frames {checkpoint.skip}.",
            "agp atari watch and agp record --by play it as it is.",
        )
    return FRAMES_PER_SECOND // checkpoint.skip


@dataclass(frozen=True)
class ExportParity:
    """Differences between the decisions of the file and the network in one game."""

    decisions: int
    different: int
    difference: float
    """Greatest difference of a probability."""


def compare_with_network(checkpoint: AgentCheckpoint, data: bytes) -> ExportParity:
    """Play a game with the network on the player's observations; the file decides on the same frames."""
    played, expected, clear = _reference_decisions(checkpoint)
    frames = np.concatenate([np.zeros((checkpoint.spec.frames - 1, *played.shape[1:]), np.uint8), played])
    differences = np.abs(stream_probabilities(data, frames) - expected)[clear].max(1)
    greatest = float(differences.max()) if np.isfinite(differences).all() else float("inf")
    return ExportParity(len(differences), int((~(differences <= THRESHOLD)).sum()), greatest)


def _reference_decisions(
    checkpoint: AgentCheckpoint,
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_]]:
    """Frames (N, S, S, 3), the network's probabilities (N, keys), and whether its choice is clear (N,)."""
    spec, keys, table = checkpoint.spec, agent_keys(checkpoint), action_key_table(checkpoint)
    network, encode, fps = checkpoint.network(), GrayscaleEncoder(), _decision_rate(checkpoint)
    window = torch.zeros(1, spec.frames, spec.height * spec.width)
    clock = SimulatedTime()
    settings = GameSettings(keys=keys, fps=fps, sticky=checkpoint.eval_protocol.sticky)
    frames: list[Pixels] = []
    probabilities, clear = [], []
    with closing(AtariGame(checkpoint.game, settings, clock)) as game, torch.inference_mode():
        for number in range(PARITY_DECISIONS):
            clock.sleep_until(round(number * NS / fps))
            frames.append(resize(game.grab().pixels, spec.height, spec.width))
            embedding = encode(torch.from_numpy(frames[-1][None]))["embedding"]
            window = torch.cat([window[:, 1:], embedding[:, None]], 1)
            scores = network(window.reshape(1, *spec.stack))[0][0]
            best = torch.topk(scores, min(2, len(scores))).values
            clear.append(bool(best[0] - best[-1] > MARGIN) or len(scores) == 1)
            probabilities.append(table[scores.argmax()].numpy())
            game.hold(frozenset(key for key, down in zip(keys, probabilities[-1], strict=True) if down))
    return np.stack(frames), np.stack(probabilities), np.array(clear)


def _manifest(
    checkpoint: AgentCheckpoint, name: str, settings: ExportSettings, data: bytes, fps: int, parity: float
) -> Manifest:
    keys, spec = agent_keys(checkpoint), checkpoint.spec
    return Manifest(
        name=name,
        game=checkpoint.game,
        keys=keys,
        thresholds=(THRESHOLD,) * len(keys),
        fps=fps,
        frame_size=spec.height,
        segment=spec.frames,
        embedding=spec.height * spec.width,
        sha256=sha256_of(data),
        network=f"agent {checkpoint.algorithm}",
        quantize=settings.quantize,
        parity=parity,
        validation={"agent": checkpoint.evaluation} if checkpoint.evaluation else {},
        versions=library_versions(),
    )
