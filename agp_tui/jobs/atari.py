"""The jobs of agents: they are trained on Atari games and judged."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agp_tui.atari.agent_files import find_agent, kept_as
from agp_tui.config import AtariSettings, convert
from agp_tui.config.file import LoadedConfig
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped, ModelError, SettingError
from agp_tui.games.atari import atari_id, minimal_actions, rom_name
from agp_tui.jobs.train import select_recordings
from agp_tui.protocol.events import Finished, Progress
from agp_tui.protocol.requests import AtariTrainingRequest

ALL = "all"
"""Every recording of the game."""


def ask_atari(settings: AtariSettings, loaded: LoadedConfig) -> AtariTrainingRequest:
    """Look at it before anything begins.

    Raises `SettingError`, `ModelError`, `RecordingError`, `MissingPart`.
    """
    from agp_tui.atari.hyperparameters import decide_knobs

    models = loaded.folder("models")
    knobs = decide_knobs(settings)
    game = atari_id(rom_name(settings.game))
    if settings.save_best_as is not None:
        kept_as(models, settings.save_best_as)
    start = None
    if settings.from_model is not None and settings.from_recordings:
        raise SettingError(
            "Expected from_model or from_recordings, found both.", "Leave one out.", setting="from_model"
        )
    if settings.from_model is not None:
        start = find_agent(settings.from_model, models, loaded.folder("runs"))
        _check_start(start, settings, game, knobs.hidden_layers)
    recordings: list[Path] = []
    if settings.from_recordings:
        named = () if settings.from_recordings == (ALL,) else settings.from_recordings
        recordings = select_recordings(game, named, loaded.folder("recordings"))
    asked = replace(settings, game=game, from_model=str(start) if start else None)
    return AtariTrainingRequest(
        settings=asked, preview=loaded.config.preview, models=models, recordings=tuple(recordings)
    )


def _check_start(start: Path, settings: AtariSettings, game: str, hidden_layers: int) -> None:
    from agp_tui.atari.checkpoint import load_agent

    kept = load_agent(start)
    for what, there, here in (
        ("game", kept.game, game),
        ("algorithm", kept.algorithm, settings.algorithm),
        ("frame_count", kept.spec.frames, settings.frame_count),
        ("hidden_layers", kept.spec.hidden_layers, hidden_layers),
    ):
        if there != here:
            raise ModelError(
                f"Expected an agent with the {what} {here}, found one with {there}.",
                f"Set {what} to {there}, or start without --from-model.",
                setting="from_model",
            )


def run_atari(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Train an agent; where it is asked for, keep the best one under a name.

    The result's `report` is what `Evaluation.figures` says of the best agent; empty where it was stopped.
    """
    from agp_tui.atari.checkpoint import LAST
    from agp_tui.atari.pretraining import clone_start
    from agp_tui.atari.train import train_agent

    asked = convert(request, AtariTrainingRequest)
    settings = asked.settings
    if asked.recordings and not (run.checkpoints / LAST).is_file():
        job.stage("learn from the recordings", 1, 1)
        start = clone_start(settings, asked.recordings, run.checkpoints, job)
        settings = replace(settings, from_model=str(start))
    trained = train_agent(settings, job, run, preview=asked.preview)
    name = asked.settings.save_best_as
    if name is not None and trained.evaluation is not None:
        asked.models.mkdir(parents=True, exist_ok=True)
        target = kept_as(asked.models, name)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(trained.best, part)
        part.replace(target)
        job.note(f"The best agent is kept as {name}: agp atari watch {name}")
    if job.stopping:
        job.note(f"Stopped; it goes on with: agp atari train --resume {run.id}")
    counters, found = trained.counters, trained.evaluation
    return Finished(
        job="atari",
        run=run.id,
        checkpoint=str(trained.best),
        frames=counters.frames,
        seconds=round(counters.seconds, 1),
        steps=counters.steps,
        steps_per_second=round(counters.steps / counters.seconds, 1) if counters.seconds else None,
        scores=list(found.scores) if found else None,
        score_mean=round(found.mean.value, 3) if found else None,
        metrics={f"{stage}_seconds": round(spent, 1) for stage, spent in counters.stages.items()},
        report=found.result() if found else None,
    )


@dataclass(frozen=True, kw_only=True)
class EvalRequest:
    """What `agp atari eval` asks for."""

    checkpoint: Path | None
    """None: chance plays."""
    game: str | None
    games: int
    epsilon: float
    protocol: Literal["sticky", "classic"] | None
    seed: int = 0


def run_eval(asked: EvalRequest, job: Job) -> Finished:
    """Judge an agent, or chance, by whole games. Raises `ModelError`, `SettingError`, `JobFailed`."""
    from agp_tui.atari.agent import Agent
    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.evaluate import SEED, Chance, evaluate
    from agp_tui.atari.vector_env import PROTOCOLS, View

    told = -1

    def tell(done: int) -> bool:
        nonlocal told
        if done != told:
            told = done
            job.emit(Progress(done=done, total=asked.games, unit="games"))
        return not job.stopping

    def judged(player: Any, game: str, view: View, protocol: Any, epsilon: float) -> Any:
        return evaluate(
            player, game, view,
            protocol=protocol, games=asked.games, epsilon=epsilon, seed=SEED + asked.seed, told=tell,
        )  # fmt: skip

    try:
        if asked.checkpoint is None:
            game = atari_id(rom_name(asked.game or "ALE/Pong-v5"))
            protocol = PROTOCOLS[asked.protocol or "sticky"]
            found = judged(Chance(len(minimal_actions(game))), game, View(frames=1), protocol, 1.0)
        else:
            kept = load_agent(asked.checkpoint)
            _check_game(kept.game, asked.game)
            protocol = PROTOCOLS[asked.protocol] if asked.protocol else kept.played_under
            found = judged(Agent(kept.network()), kept.game, kept.view, protocol, asked.epsilon)
    except ValueError as error:
        raise JobStopped("Stopped before a whole game was played.", "Start it again.") from error
    job.emit(found.table())
    return Finished(
        job="eval",
        checkpoint=str(asked.checkpoint) if asked.checkpoint else None,
        frames=sum(found.frames),
        seconds=round(found.seconds, 2),
        scores=list(found.scores),
        score_mean=round(found.mean.value, 3),
        report=found.result(),
    )


def _check_game(trained: str, asked: str | None) -> None:
    if asked is not None and atari_id(rom_name(asked)) != trained:
        raise ModelError(
            f"Expected an agent of {asked}, found one of {trained}.",
            "An agent plays the game it was trained on.",
        )
