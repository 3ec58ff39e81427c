"""The jobs `atari` and `eval`: train an agent on an Atari game, and evaluate one."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from agp_tui.atari.agent_files import agent_path, find_agent
from agp_tui.config import AtariSettings, convert
from agp_tui.config.file import LoadedConfig
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped, ModelError, SettingError
from agp_tui.games.atari import atari_id, minimal_actions, rom_name
from agp_tui.jobs.train import select_recordings
from agp_tui.protocol.events import Finished, Progress
from agp_tui.protocol.requests import AtariTrainingRequest

ALL_RECORDINGS = "all"
"""Every recording of the game."""


def atari_request(settings: AtariSettings, loaded: LoadedConfig) -> AtariTrainingRequest:
    """Check the settings, find agent and recordings, and make the request of the training.

    Raises `SettingError`, `ModelError`, `RecordingError`, `MissingPart`.
    """
    from agp_tui.atari.hyperparameters import resolve_hyperparameters

    models = loaded.folder("models")
    hyperparameters = resolve_hyperparameters(settings)
    game = atari_id(rom_name(settings.game))
    if settings.save_best_as is not None:
        agent_path(models, settings.save_best_as)
    start = None
    if settings.from_model is not None and settings.from_recordings:
        raise SettingError(
            "Expected from_model or from_recordings, found both.", "Leave one out.", setting="from_model"
        )
    if settings.from_model is not None:
        start = find_agent(settings.from_model, models, loaded.folder("runs"))
        _check_start(start, settings, game, hyperparameters.hidden_layers)
    recordings: list[Path] = []
    if settings.from_recordings:
        names = () if settings.from_recordings == (ALL_RECORDINGS,) else settings.from_recordings
        recordings = select_recordings(game, names, loaded.folder("recordings"))
    settings = replace(settings, game=game, from_model=str(start) if start else None)
    return AtariTrainingRequest(
        settings=settings, preview=loaded.config.preview, models=models, recordings=tuple(recordings)
    )


def _check_start(start: Path, settings: AtariSettings, game: str, hidden_layers: int) -> None:
    from agp_tui.atari.checkpoint import load_agent

    checkpoint = load_agent(start)
    for name, found, expected in (
        ("game", checkpoint.game, game),
        ("algorithm", checkpoint.algorithm, settings.algorithm),
        ("frame_count", checkpoint.spec.frames, settings.frame_count),
        ("hidden_layers", checkpoint.spec.hidden_layers, hidden_layers),
    ):
        if found != expected:
            raise ModelError(
                f"Expected an agent with the {name} {expected}, found one with {found}.",
                f"Set {name} to {found}, or start without --from-model.",
                setting="from_model",
            )


def run_atari(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Train an agent, and save the best one under the name of `save_best_as`.

    The result's `report` is the final evaluation of the best agent; None if it was stopped before.
    """
    from agp_tui.atari.checkpoint import LAST
    from agp_tui.atari.pretraining import pretrain
    from agp_tui.atari.train import train_agent

    training = convert(request, AtariTrainingRequest)
    settings = training.settings
    if training.recordings and not (run.checkpoints / LAST).is_file():
        job.stage("learn from the recordings", 1, 1)
        start = pretrain(settings, training.recordings, run.checkpoints, job)
        settings = replace(settings, from_model=str(start))
    result = train_agent(settings, job, run, preview=training.preview)
    name = settings.save_best_as
    if name is not None and result.evaluation is not None:
        training.models.mkdir(parents=True, exist_ok=True)
        target = agent_path(training.models, name)
        part = target.with_name(f".{target.name}.part")
        shutil.copyfile(result.best, part)
        part.replace(target)
        job.note(f"The best agent is saved as {name}: agp atari watch {name}")
    if job.stopping:
        job.note(f"Stopped. Resume with: agp atari train --resume {run.id}")
    counters, evaluation = result.counters, result.evaluation
    return Finished(
        job="atari",
        run=run.id,
        checkpoint=str(result.best),
        frames=counters.frames,
        seconds=round(counters.seconds, 1),
        steps=counters.steps,
        steps_per_second=round(counters.steps / counters.seconds, 1) if counters.seconds else None,
        scores=list(evaluation.scores) if evaluation else None,
        score_mean=round(evaluation.mean.value, 3) if evaluation else None,
        metrics={f"{stage}_seconds": round(seconds, 1) for stage, seconds in counters.stages.items()},
        report=evaluation.result() if evaluation else None,
    )


@dataclass(frozen=True, kw_only=True)
class EvalRequest:
    """Request of `agp atari eval`."""

    checkpoint: Path | None
    """None: random actions."""
    game: str | None
    games: int
    epsilon: float
    protocol: Literal["sticky", "classic"] | None
    seed: int = 0


def run_eval(request: EvalRequest, job: Job) -> Finished:
    """Evaluate an agent, or random actions. Raises `ModelError`, `SettingError`, `JobFailed`."""
    from agp_tui.atari.agent import Agent
    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.evaluate import EVAL_SEED, ActionPolicy, Evaluation, RandomPolicy, evaluate
    from agp_tui.atari.vector_env import PROTOCOLS, EvalProtocol, ObservationSpec

    reported = -1

    def report(done: int) -> bool:
        nonlocal reported
        if done != reported:
            reported = done
            job.emit(Progress(done=done, total=request.games, unit="games"))
        return not job.stopping

    def run(
        policy: ActionPolicy, game: str, obs_spec: ObservationSpec, protocol: EvalProtocol, epsilon: float
    ) -> Evaluation:
        seed = EVAL_SEED + request.seed
        return evaluate(
            policy, game, obs_spec,
            protocol=protocol, games=request.games, epsilon=epsilon, seed=seed, on_progress=report,
        )  # fmt: skip

    try:
        if request.checkpoint is None:
            game = atari_id(rom_name(request.game or "ALE/Pong-v5"))
            protocol = PROTOCOLS[request.protocol or "sticky"]
            evaluation = run(
                RandomPolicy(len(minimal_actions(game))), game, ObservationSpec(frames=1), protocol, 1.0
            )
        else:
            checkpoint = load_agent(request.checkpoint)
            _check_game(checkpoint.game, request.game)
            protocol = PROTOCOLS[request.protocol] if request.protocol else checkpoint.eval_protocol
            evaluation = run(
                Agent(checkpoint.network()), checkpoint.game, checkpoint.obs_spec, protocol, request.epsilon
            )
    except ValueError as error:
        raise JobStopped("Stopped before a whole game was played.", "Start it again.") from error
    job.emit(evaluation.table())
    return Finished(
        job="eval",
        checkpoint=str(request.checkpoint) if request.checkpoint else None,
        frames=sum(evaluation.frames),
        seconds=round(evaluation.seconds, 2),
        scores=list(evaluation.scores),
        score_mean=round(evaluation.mean.value, 3),
        report=evaluation.result(),
    )


def _check_game(trained_on: str, game: str | None) -> None:
    if game is not None and atari_id(rom_name(game)) != trained_on:
        raise ModelError(
            f"Expected an agent for {game}, found one for {trained_on}.",
            "An agent plays the game it was trained on.",
        )
