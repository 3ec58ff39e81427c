"""The practice job: DAgger on an exported model, with an expert or an agent as the teacher."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from agp_tui.atari.agent_files import find_agent
from agp_tui.config import ExportSettings, GameSettings, PracticeSettings, TrainSettings, convert
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobStopped, ModelError, RecordingError, SettingError
from agp_tui.games.atari import AtariGameFactory
from agp_tui.games.experts import expert_driver, has_expert
from agp_tui.jobs.driver_factory import EXPERT, AgentDriverFactory
from agp_tui.jobs.train import trainable_model
from agp_tui.protocol.events import Finished
from agp_tui.protocol.requests import PracticeRequest
from agp_tui.protocol.results import PracticeResult
from agp_tui.recording.store import Recording, find_recordings

LEARNING_RATE_FACTOR = 0.5
"""Relative to the learning rate of the original training."""
PRACTICE_SEED = 1_000
"""Separates the games of practice from those of recordings and evaluations."""


def prepare_practice(
    model: str, game: str | None, settings: PracticeSettings, recordings: Path, models: Path, runs: Path
) -> PracticeRequest:
    """Resolve model and teacher. Raises `ModelError` or `SettingError` if one is missing."""
    folder, manifest = trainable_model(models, model)
    name = game or manifest.game
    teacher = find_teacher(name, settings.teacher, models, runs)
    return PracticeRequest(
        model=folder.name,
        checkpoint=folder / (manifest.checkpoint or ""),
        game=name,
        settings=settings,
        recordings=recordings,
        models=models,
        teacher=teacher,
    )


def find_teacher(game: str, name: str, models: Path, runs: Path) -> Path | None:
    """The checkpoint of the agent `name`; None for the scripted expert.

    Raises `SettingError` if the game has no expert, `ModelError` if there is no such agent or it plays
    another game.
    """
    if name != EXPERT:
        from agp_tui.atari.checkpoint import load_agent

        path = find_agent(name, models, runs)
        if (found := load_agent(path).game) != game:
            raise ModelError(
                f"Expected a teacher of {game}, found an agent of {found}.",
                f"Train one: agp atari train --game {game}",
            )
        return path
    if not has_expert(game):
        raise SettingError(
            f"Expected a game with a scripted expert, found {game}.",
            "agp atari list shows those that have one; --teacher takes a trained agent too.",
        )
    return None


def run_practice(request: dict[str, Any], job: Job, run: Run) -> Finished:
    """Run DAgger on a model and export the best round; the original model is unchanged.

    The result's `report` has `best_round`, the scores of the games of every round (`games`), and `mean_of`,
    the number of networks whose weights were averaged for the last round (1 without averaging).
    """
    from agp_tui.imitation.checkpoint import BEST, load_checkpoint
    from agp_tui.imitation.dagger import DaggerConfig, best_round, run_dagger
    from agp_tui.imitation.dataset import Dataset, open_clips_for
    from agp_tui.imitation.export import export
    from agp_tui.imitation.train_validation_split import split
    from agp_tui.imitation.trainer import Trainer

    practice = convert(request, PracticeRequest)
    settings = practice.settings
    model = replace(load_checkpoint(practice.checkpoint), game=practice.game)
    job.stage("read the recordings", 1, 3)
    paths = matching_recordings(
        find_recordings(practice.recordings, practice.game), model.keys, model.fps, job
    )
    clips = open_clips_for(model, paths)
    training = _training_settings(model.settings)
    ranges = split(clips, training.validation, model.spec.segment, training.seed)
    dataset = Dataset(clips, *ranges, segment=model.spec.segment, step=training.step)
    trainer = Trainer(model.network(), training, model.keys, measure_threads=True)
    job.stage("play, be corrected, learn", 2, 3)
    teacher = AgentDriverFactory(practice.teacher, who="expert") if practice.teacher else expert_driver
    config = DaggerConfig(
        make_game=practice_games(practice.game, model.keys, model.fps, settings),
        make_teacher=teacher,
        recordings=practice.recordings,
        rounds=settings.rounds,
        games=settings.games,
        game_seconds=settings.round_seconds / settings.games,
        minutes=settings.minutes_per_round,
        scale_minutes=True,
        threshold=0.5,
        average_weights=True,
        patience=settings.patience,
        seed=PRACTICE_SEED * (1 + len(paths)),
        live_file=run.live_file,
    )
    rounds = run_dagger(trainer, model, dataset, config, run.checkpoints, job)
    if not rounds:
        raise JobStopped("Stopped before the first round was played; the model is unchanged.")
    job.stage("export the best round", 3, 3)
    best = best_round(rounds)
    name = settings.name or f"{practice.model}-practised"
    folder = None
    if not job.stopping:
        folder = export(run.checkpoints / BEST, ExportSettings(), practice.models, job.subjob(), name)
    return Finished(
        job="practice",
        run=run.id,
        model=str(folder) if folder else None,
        checkpoint=str(run.checkpoints / BEST),
        recordings=[str(path) for one in rounds for path in one.corrections],
        scores=[round(one.mean_score, 3) for one in rounds],
        score_mean=round(best.mean_score, 3),
        report=PracticeResult(
            best_round=best.number, games=[list(one.scores) for one in rounds], mean_of=rounds[-1].averaged
        ),
    )


def practice_games(
    game: str, keys: tuple[str, ...], fps: int, settings: PracticeSettings
) -> AtariGameFactory:
    """The games that are played in practice."""
    return AtariGameFactory(game, GameSettings(keys=keys, fps=fps, sticky=settings.sticky))


def matching_recordings(paths: list[Path], keys: tuple[str, ...], fps: int, job: Job) -> list[Path]:
    """The recordings with these keys and this frame rate; a note names each of the others."""
    found = []
    for path in paths:
        try:
            meta = Recording.open(path).meta
        except RecordingError as error:
            job.note(f"Left out: {error}", "warning")
            continue
        if set(meta.keys) == set(keys) and meta.fps == fps:
            found.append(path)
        else:
            what = f"{', '.join(meta.keys)} at {meta.fps} frames a second"
            job.note(f"Left out, with other keys or another rate than the model's: {path} ({what}).")
    return found


def _training_settings(stored: dict[str, Any]) -> TrainSettings:
    """The settings of the original training without its weights, at a lower learning rate.

    Weights on rare keys and on changes keep a clone from repeating the held keys. In practice the states are
    the model's own, so there is nothing to repeat, and without weights its probabilities are calibrated: a
    threshold of 0.5 fits, unlike the thresholds of the clone.
    """
    settings = convert(stored, TrainSettings)
    return replace(
        settings,
        resume=None,
        from_model=None,
        threads=None,
        corrections=False,
        learning_rate=settings.learning_rate * LEARNING_RATE_FACTOR,
        balance_cap=1.0,
        change_weight=1.0,
    )
