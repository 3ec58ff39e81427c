"""Report on the recordings before training (`agp train --look`): class balance and train/validation split.

Fast: decodes no frames and does not import torch. The split is the one that training makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agp_tui.config import TrainSettings
from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Clip, IndexRange, clip_of
from agp_tui.imitation.train_validation_split import split
from agp_tui.protocol.events import Table
from agp_tui.recording.quality_stats import picture_warnings, stands_still
from agp_tui.recording.store import Recording

ONE_SIDED = 0.9
"""A warning is given if one key combination is held for this share of the frames."""
SHORT_SECONDS = 60.0
"""A warning is given for less play than this in total."""

Rows = list[list[str | float | int | None]]


@dataclass(frozen=True)
class DatasetReport:
    """The data that a training would use. The field names are those of the JSON report."""

    recordings: tuple[dict[str, Any], ...]
    """Each: `path`, `frames`, `seconds`, `fps`, `who`, `corrections`, `excluded` (frames that are not learned
    from), `used`, and `why` if it is not used."""
    frames: int
    """Labelled frames of the used recordings."""
    keys: dict[str, float]
    """Share of the frames at which each key is held, 0 to 1."""
    combinations: tuple[dict[str, Any], ...]
    """Combinations of held keys, the most frequent first: `keys` (may be empty), `frames`, `share`."""
    train_frames: int
    validation_frames: int
    validation: tuple[dict[str, Any], ...]
    """Held-out ranges: `recording`, `start`, `stop` (frames), `whole`."""
    warnings: tuple[str, ...]

    def tables(self) -> list[Table]:
        """Recordings, key combinations, held-out ranges."""
        # A further column only if it says something: the table should fit a narrow terminal.
        marked = any(one["excluded"] for one in self.recordings)
        recordings: Rows = [
            [
                _short(one["path"]),
                one["frames"],
                *([one["excluded"]] if marked else []),
                one["seconds"],
                one["fps"],
                one["who"],
                one.get("why", ""),
            ]
            for one in self.recordings
        ]
        combinations: Rows = [
            [" ".join(one["keys"]) or "none", one["frames"], round(100 * one["share"], 1)]
            for one in self.combinations
        ]
        held_out: Rows = [
            [_short(one["recording"]), one["start"], one["stop"], "yes" if one["whole"] else ""]
            for one in self.validation
        ]
        single = ", ".join(f"{key} {100 * rate:.0f} %" for key, rate in self.keys.items())
        return [
            Table(
                title=f"Recordings: {self.frames} frames",
                columns=[
                    "recording",
                    "frames",
                    *(["excluded"] if marked else []),
                    "seconds",
                    "fps",
                    "who",
                    "left out",
                ],
                rows=recordings,
            ),
            Table(title=f"Keys held: {single}", columns=["together", "frames", "%"], rows=combinations),
            Table(
                title=f"Trained on {self.train_frames} frames, validated on {self.validation_frames}",
                columns=["held out", "from frame", "to", "whole"],
                rows=held_out,
            ),
        ]


def inspect_dataset(paths: Sequence[Path], settings: TrainSettings) -> DatasetReport:
    """Inspect recordings as a training with these settings would use them.

    What training would refuse or leave out becomes a warning. Raises `RecordingError` if no recording can be
    read.
    """
    recordings, facts, warnings = _open_all(paths)
    first = recordings[0].meta
    clips: list[Clip] = []
    for recording in recordings:
        fact = next(fact for fact in facts if fact["path"] == str(recording.path))
        why = _reason_unusable(recording, first.keys, first.fps, first.game, settings)
        fact |= {"used": not why} | ({"why": why} if why else {})
        if not why:
            blank = _blank_frames(len(recording))
            clips.append(clip_of(recording, blank, first.keys, settings.lead, settings.segment))
            name = _short(fact["path"])
            warnings += [f"{name}: {warning}" for warning in picture_warnings(recording)]
    for fact in facts:
        if "why" in fact:
            warnings.append(f"{_short(fact['path'])} is left out or refused: {fact['why']}.")
    labels = (
        np.concatenate([clip.labels[clip.labelled] for clip in clips])
        if clips
        else np.zeros((0, len(first.keys)), bool)
    )
    rates = {
        key: round(float(labels[:, i].mean()), 4) if len(labels) else 0.0 for i, key in enumerate(first.keys)
    }
    combinations = _combinations(labels, first.keys)
    train, validation = _split(clips, settings, warnings)
    warnings += _data_warnings(len(labels) / first.fps, rates, combinations)
    return DatasetReport(
        recordings=tuple(facts),
        frames=len(labels),
        keys=rates,
        combinations=tuple(combinations),
        train_frames=_counted(train, settings.step),
        validation_frames=_counted(validation, settings.step),
        validation=tuple(
            {
                "recording": clips[r.clip].name,
                "start": r.start,
                "stop": r.stop,
                "whole": len(r) == len(clips[r.clip]),
            }
            for r in validation
        ),
        warnings=tuple(warnings),
    )


def _open_all(paths: Sequence[Path]) -> tuple[list[Recording], list[dict[str, Any]], list[str]]:
    """The readable recordings, the facts about each, and the errors of the others."""
    recordings: list[Recording] = []
    facts: list[dict[str, Any]] = []
    problems: list[str] = []
    for path in paths:
        try:
            recording = Recording.open(path)
            excluded = int(recording.excluded().sum())
        except RecordingError as error:
            problems.append(str(error))
            continue
        meta = recording.meta
        recordings.append(recording)
        facts.append(
            {
                "path": str(recording.path),
                "frames": len(recording),
                "seconds": round(recording.seconds, 1),
                "fps": meta.fps,
                "who": meta.labels,
                "corrections": meta.source != meta.labels,
                "excluded": excluded,
            }
        )
    if not recordings:
        raise RecordingError(
            problems[0] if problems else "Expected recordings to inspect, found none.", "Make one: agp record"
        )
    return recordings, facts, problems


def _reason_unusable(
    recording: Recording, keys: tuple[str, ...], fps: int, game: str, settings: TrainSettings
) -> str:
    """Why a training cannot use a recording together with the first one; empty if it can."""
    meta, needed = recording.meta, settings.segment + settings.lead
    reasons = (
        (meta.game != game, f"it is of {meta.game}, not of {game}"),
        (meta.fps != fps, f"it has {meta.fps} frames a second, not {fps}"),
        (set(meta.keys) != set(keys), f"its keys are {', '.join(meta.keys)}"),
        (
            len(recording) < (meta.frames or 0),
            f"it is damaged: {len(recording)} of {meta.frames} frames are there",
        ),
        (stands_still(recording), "all its frames are alike: the game stood still"),
        (len(recording) < needed, f"it is too short: {len(recording)} frames, a window needs {needed}"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _blank_frames(count: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """Black frames of one pixel without memory: the split depends on labels only."""
    return np.broadcast_to(np.zeros((1, 1, 1, 1), np.uint8), (count, 1, 1, 3))


def _split(
    clips: list[Clip], settings: TrainSettings, warnings: list[str]
) -> tuple[tuple[IndexRange, ...], tuple[IndexRange, ...]]:
    if not clips:
        return (), ()
    try:
        return split(clips, settings.validation, settings.segment, settings.seed)
    except RecordingError as error:
        warnings.append(str(error))
        return (), ()


def _combinations(labels: Any, keys: tuple[str, ...]) -> list[dict[str, Any]]:
    rows, counts = np.unique(labels, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [
        {
            "keys": [key for key, down in zip(keys, rows[i], strict=True) if down],
            "frames": int(counts[i]),
            "share": round(float(counts[i] / len(labels)), 4),
        }
        for i in order
    ]


def _data_warnings(seconds: float, rates: dict[str, float], combinations: list[dict[str, Any]]) -> list[str]:
    """Warnings about too little or unbalanced data."""
    warnings = []
    if seconds < SHORT_SECONDS:
        warnings.append(f"Only {seconds:.0f} s of play: a few minutes are a beginning.")
    if never := [key for key, rate in rates.items() if rate == 0.0]:
        if len(never) == len(rates):
            warnings.append("No key is ever pressed: training refuses these recordings.")
        else:
            warnings.append(f"Never pressed, so never learnt: {', '.join(never)}.")
    if combinations and combinations[0]["share"] >= ONE_SIDED:
        what = " and ".join(combinations[0]["keys"]) or "no key"
        warnings.append(f"One-sided: {what} held at {100 * combinations[0]['share']:.0f} % of the frames.")
    return warnings


def _counted(ranges: Sequence[IndexRange], step: int) -> int:
    return sum(len(range(r.start, r.stop, step)) for r in ranges)


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
