"""The job `agp models steady`: search a key filter for a model and store it in the manifest."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped, ModelError
from agp_tui.games.ids import is_atari
from agp_tui.jobs.train import trainable_model
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig
from agp_tui.models.manifest import write_manifest
from agp_tui.protocol.events import Finished
from agp_tui.protocol.results import SteadyResult

if TYPE_CHECKING:
    from agp_tui.imitation.key_filter_search import HeldOutSearch, PlaySearch


def run_steady(models: Path, model: str, games: int, job: Job) -> Finished:
    """Evaluate key filters on held-out frames and, for an Atari game, by `games` games each.

    A filter that plays significantly better is stored; otherwise the model has none, as when it was made. For
    a game without a score the held-out frames decide. The report has `steadiness`, `by` (`play`, `frames`),
    `helps`, `before` and `after`.

    Raises `ModelError` for a model without checkpoint, or without held-out recordings and score, and
    `JobStopped`.
    """
    from agp_tui.imitation.checkpoint import load_checkpoint
    from agp_tui.imitation.key_filter_search import CANDIDATES, PLAYED, search_by_play, search_on_held_out

    folder, manifest = trainable_model(models, model)
    source = load_checkpoint(folder / (manifest.checkpoint or ""))
    has_score = is_atari(source.game)
    job.stage("on the held-out frames", 1, 2 if has_score else 1)
    held_out = search_on_held_out(source, job)
    result = None
    if held_out is not None:
        job.emit(held_out.table())
        result = _held_out_result(held_out)
    elif not job.stopping:
        job.note("The held-out recordings no longer exist.", level="warning")
    if has_score and not job.stopping:
        job.stage("by play", 2, 2)
        ranked = sorted(held_out.scores, key=lambda one: -one.score) if held_out else ()
        best = [one.filter_config for one in ranked if one.filter_config != UNFILTERED] or CANDIDATES[1:]
        played = search_by_play(folder, source, best[:PLAYED], games, job)
        if played is not None:
            job.emit(played.table())
            result = _play_result(played)
    if job.stopping:
        raise JobStopped("Stopped before the end of the search; the model is unchanged.")
    if result is None:
        raise ModelError(
            f"Expected recordings or a score to evaluate {folder.name} by, found neither.",
            "Record the game, and train the model on that.",
        )
    chosen, report = result
    updated = msgspec.structs.replace(
        manifest, key_filter=None if chosen == UNFILTERED else chosen, key_filter_search=report
    )
    write_manifest(folder, updated)
    job.note(f"Stored: {chosen}." if chosen != UNFILTERED else "No key filter helps; the model uses none.")
    return Finished(
        job="steady", model=str(folder), report=SteadyResult(steadiness=msgspec.to_builtins(chosen), **report)
    )


def _play_result(played: "PlaySearch") -> tuple[KeyFilterConfig, dict[str, Any]]:
    report = {
        "by": "play",
        "tried": str(played.best),
        "helps": played.helps,
        "before": {"score_mean": played.unfiltered.mean},
        "after": {"score_mean": played.confirmed.mean},
        "gain_low": played.gain.low,
        "gain_high": played.gain.high,
    }
    return (played.best if played.helps else UNFILTERED), report


def _held_out_result(search: "HeldOutSearch") -> tuple[KeyFilterConfig, dict[str, Any]]:
    before = next(one for one in search.scores if one.filter_config == UNFILTERED)
    best = max(search.scores, key=lambda one: one.score)
    helps = best.score > before.score
    report = {
        "by": "frames",
        "tried": str(best.filter_config),
        "helps": helps,
        "before": {"f1": before.f1, "change_f1": before.change_f1, "changes": before.changes},
        "after": {"f1": best.f1, "change_f1": best.change_f1, "changes": best.changes},
    }
    return (best.filter_config if helps else UNFILTERED), report
