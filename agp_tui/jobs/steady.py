"""The job that finds out whether a model plays better with steadier hands, and keeps that in its manifest."""

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

if TYPE_CHECKING:
    from agp_tui.imitation.key_filter_search import Frames, Games


def run_steady(models: Path, model: str, games: int, job: Job) -> Finished:
    """Try ways of holding keys on held-out frames and, for an Atari game, by `games` games each.

    What plays better beyond doubt is kept, else nothing: then the model holds its keys as it did when it
    was made. A game without a score is judged by the frames alone. The report has `steadiness`, `by`
    (`play`, `frames`), `helps`, `before` and `after`.

    Raises `ModelError` for a model without its checkpoint, or one that nothing can be judged by, and
    `JobFailed` where it is stopped.
    """
    from agp_tui.imitation.checkpoint import load_checkpoint
    from agp_tui.imitation.key_filter_search import CANDIDATES, PLAYED, by_play, on_frames

    folder, manifest = trainable_model(models, model)
    source = load_checkpoint(folder / (manifest.checkpoint or ""))
    console = is_atari(source.game)
    job.stage("on the held-out frames", 1, 2 if console else 1)
    frames = on_frames(source, job)
    if frames is not None:
        job.emit(frames.table())
    elif not job.stopping:
        job.note("The recordings that were held out are not here any more.", level="warning")
    found = _of_frames(frames) if frames is not None else None
    if console and not job.stopping:
        job.stage("by play", 2, 2)
        ordered = sorted(frames.found, key=lambda one: -one.score) if frames else ()
        likely = [one.filter_config for one in ordered if one.filter_config != UNFILTERED] or CANDIDATES[1:]
        played = by_play(folder, source, likely[:PLAYED], games, job)
        if played is not None:
            job.emit(played.table())
            found = _of_games(played)
    if job.stopping:
        raise JobStopped("Stopped before it was known what helps; the model is as it was.")
    if found is None:
        raise ModelError(
            f"Expected recordings or a score to judge {folder.name} by, found neither.",
            "Record the game, and train the model on that.",
        )
    kept, report = found
    updated = msgspec.structs.replace(
        manifest, key_filter=None if kept == UNFILTERED else kept, key_filter_search=report
    )
    write_manifest(folder, updated)
    job.note(
        f"Kept: {kept}."
        if kept != UNFILTERED
        else "Nothing that was tried helps: its keys stay as they were."
    )
    return Finished(
        job="steady", model=str(folder), report={"steadiness": msgspec.to_builtins(kept), **report}
    )


def _of_games(played: "Games") -> tuple[KeyFilterConfig, dict[str, Any]]:
    kept = played.best if played.helps else UNFILTERED
    report = {
        "by": "play",
        "tried": str(played.best),
        "helps": played.helps,
        "before": {"score_mean": played.plain.mean},
        "after": {"score_mean": played.confirmed.mean},
        "gain_low": played.gain.low,
        "gain_high": played.gain.high,
    }
    return kept, report


def _of_frames(frames: "Frames") -> tuple[KeyFilterConfig, dict[str, Any]]:
    plain = next(one for one in frames.found if one.filter_config == UNFILTERED)
    best = max(frames.found, key=lambda one: one.score)
    # Of two that say the same the one that changes nothing is the better one.
    helps = best.score > plain.score
    report = {
        "by": "frames",
        "tried": str(best.filter_config),
        "helps": helps,
        "before": {"f1": plain.f1, "change_f1": plain.change_f1, "changes": plain.changes},
        "after": {"f1": best.f1, "change_f1": best.change_f1, "changes": best.changes},
    }
    return (best.filter_config if helps else UNFILTERED), report
