"""A training that begins where recordings of the game end: its first weights are a clone of their player."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from agp_tui.atari.arithmetic import half_is_faster
from agp_tui.atari.checkpoint import AgentCheckpoint, save_agent
from agp_tui.atari.cloning import clone
from agp_tui.atari.demonstrations import demonstrations
from agp_tui.atari.knobs import decide_knobs
from agp_tui.atari.trainer import make_network, view_of
from agp_tui.config import AtariSettings
from agp_tui.engine.events import Progress
from agp_tui.engine.job import Job
from agp_tui.games.atari import minimal_actions

START = "start.pt"
TELL_SECONDS = 1.0


def clone_start(settings: AtariSettings, recordings: Sequence[Path], folder: Path, job: Job) -> Path:
    """Clone the player of these recordings; the checkpoint in `folder`. Raises `RecordingError`."""
    torch.manual_seed(settings.seed)
    view, knobs, actions = view_of(settings), decide_knobs(settings), minimal_actions(settings.game)
    job.note(f"Reading {len(recordings)} recordings.")
    shown = demonstrations(recordings, settings.game, view, actions)
    network = make_network(settings, knobs, view, len(actions))
    if torch.cuda.is_available():
        network.to("cuda")
    told = 0.0

    def tell(progress: float, figures: dict[str, float]) -> bool:
        nonlocal told
        if time.monotonic() - told > TELL_SECONDS:
            told = time.monotonic()
            rounded = {name: round(value, 4) for name, value in figures.items()}
            job.emit(Progress(done=round(100 * progress, 1), total=100, unit="%", metrics=rounded))
        return not job.stopping

    agreement = clone(
        network,
        shown,
        knobs,
        minutes=settings.clone_minutes,
        half=half_is_faster(network),
        seed=settings.seed,
        told=tell,
    )
    job.note(
        f"Of {len(shown)} decisions in the recordings it was shown 9 in 10; of the others it would take"
        f" {agreement:.0%} alike."
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_agent(
        folder / START,
        AgentCheckpoint(
            spec=network.spec,
            game=settings.game,
            actions=actions,
            algorithm=settings.algorithm,
            skip=settings.skip_frames,
            protocol=settings.protocol,
            weights=network.state_dict(),
            settings=asdict(settings),
        ),
    )
    return folder / START
