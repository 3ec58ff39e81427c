"""What recordings hold, looked at before training: how often which keys, and what is held out.

Quick: no frame is decoded and torch is not imported. The split is the very one that training makes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agp_tui.config import TrainSettings
from agp_tui.errors import RecordingError
from agp_tui.imitation.dataset import Clip, IndexRange
from agp_tui.imitation.train_validation_split import split
from agp_tui.protocol.events import Table
from agp_tui.recording.store import Recording

ONE_SIDED = 0.9
"""A combination of keys held for this share of the frames leaves little to learn of the others."""
SHORT_SECONDS = 60.0
"""Less play than this, all in all, seldom teaches anything."""

Rows = list[list[str | float | int | None]]


@dataclass(frozen=True)
class DatasetReport:
    """What training would see."""

    recordings: tuple[dict[str, Any], ...]
    """Each: `path`, `frames`, `seconds`, `fps`, `who`, `corrections`, `used`, and `why` where it is not."""
    frames: int
    """Of the recordings used."""
    keys: dict[str, float]
    """By key: share of the frames at which it is held, 0 to 1."""
    combinations: tuple[dict[str, Any], ...]
    """Each, the most frequent first: `keys` (held together; none is a combination too), `frames`, `share`."""
    train_frames: int
    validation_frames: int
    validation: tuple[dict[str, Any], ...]
    """Held out, each: `recording`, `start`, `stop` (frames), `whole`."""
    warnings: tuple[str, ...]

    def report(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "recordings": list(self.recordings),
            "frames": self.frames,
            "keys": self.keys,
            "combinations": list(self.combinations),
            "train_frames": self.train_frames,
            "validation_frames": self.validation_frames,
            "validation": list(self.validation),
            "warnings": list(self.warnings),
        }

    def tables(self) -> list[Table]:
        """For people: recordings, keys held together, what is held out."""
        used: Rows = [
            [_short(one["path"]), one["frames"], one["seconds"], one["fps"], one["who"], one.get("why", "")]
            for one in self.recordings
        ]
        held: Rows = [
            [" ".join(one["keys"]) or "none", one["frames"], round(100 * one["share"], 1)]
            for one in self.combinations
        ]
        kept: Rows = [
            [_short(one["recording"]), one["start"], one["stop"], "yes" if one["whole"] else ""]
            for one in self.validation
        ]
        single = ", ".join(f"{key} {100 * rate:.0f} %" for key, rate in self.keys.items())
        return [
            Table(
                title=f"Recordings: {self.frames} frames",
                columns=["recording", "frames", "seconds", "fps", "who", "left out"],
                rows=used,
            ),
            Table(title=f"Keys held: {single}", columns=["together", "frames", "%"], rows=held),
            Table(
                title=f"Trained on {self.train_frames} frames, judged on {self.validation_frames}",
                columns=["held out", "from frame", "to", "whole"],
                rows=kept,
            ),
        ]


def inspect_dataset(paths: Sequence[Path], settings: TrainSettings) -> DatasetReport:
    """Look at recordings as a training with these settings would.

    What training would refuse or leave out becomes a warning. Raises `RecordingError` where no
    recording can be read.
    """
    recordings, facts, warnings = _opened(paths)
    first = recordings[0].meta
    clips: list[Clip] = []
    for recording in recordings:
        fact = next(fact for fact in facts if fact["path"] == str(recording.path))
        why = _unfit(recording, first.keys, first.fps, first.game, settings)
        fact |= {"used": not why} | ({"why": why} if why else {})
        if not why:
            columns = [recording.meta.keys.index(key) for key in first.keys]
            labels = np.ascontiguousarray(recording.labels(settings.lead)[:, columns])
            pictures, shown = _no_pictures(len(labels)), recording.labelled()
            clips.append(Clip(str(recording.path), pictures, labels, fact["corrections"], shown))
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
    train, validation = _spans(clips, settings, warnings)
    warnings += _remarks(len(labels) / first.fps, rates, combinations)
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


def _opened(paths: Sequence[Path]) -> tuple[list[Recording], list[dict[str, Any]], list[str]]:
    """Those that can be read, what is known of each, and what is wrong with the others."""
    recordings: list[Recording] = []
    facts: list[dict[str, Any]] = []
    problems: list[str] = []
    for path in paths:
        try:
            recording = Recording.open(path)
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
            }
        )
    if not recordings:
        raise RecordingError(
            problems[0] if problems else "Expected recordings to inspect, found none.", "Make one: agp record"
        )
    return recordings, facts, problems


def _unfit(recording: Recording, keys: tuple[str, ...], fps: int, game: str, settings: TrainSettings) -> str:
    """Why training cannot use a recording beside the first one; empty where it can."""
    meta, needed = recording.meta, settings.segment + settings.lead
    if meta.game != game:
        return f"it is of {meta.game}, not of {game}"
    if meta.fps != fps:
        return f"it has {meta.fps} frames a second, not {fps}"
    if set(meta.keys) != set(keys):
        return f"its keys are {', '.join(meta.keys)}"
    if meta.frames is not None and len(recording) < meta.frames:
        return f"it is damaged: {len(recording)} of {meta.frames} frames are there"
    if len(recording) < needed:
        return f"it is too short: {len(recording)} frames, a window needs {needed}"
    return ""


def _no_pictures(count: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """So many black pictures of one pixel, in one byte: the split looks at labels only."""
    return np.broadcast_to(np.zeros((1, 1, 1, 1), np.uint8), (count, 1, 1, 3))


def _spans(
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


def _remarks(seconds: float, rates: dict[str, float], combinations: list[dict[str, Any]]) -> list[str]:
    """What a person may want to record again for."""
    remarks = []
    if seconds < SHORT_SECONDS:
        remarks.append(f"Only {seconds:.0f} s of play: a few minutes are a beginning.")
    if never := [key for key, rate in rates.items() if rate == 0.0]:
        if len(never) == len(rates):
            remarks.append("No key is ever pressed: training refuses these recordings.")
        else:
            remarks.append(f"Never pressed, so never learnt: {', '.join(never)}.")
    if combinations and combinations[0]["share"] >= ONE_SIDED:
        what = " and ".join(combinations[0]["keys"]) or "no key"
        remarks.append(f"One-sided: {what} held at {100 * combinations[0]['share']:.0f} % of the frames.")
    return remarks


def _counted(ranges: Sequence[IndexRange], step: int) -> int:
    return sum(len(range(r.start, r.stop, step)) for r in ranges)


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-2:])
