"""The library of recordings: list, describe, find by name, delete."""

import contextlib
import difflib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agp_tui.errors import RecordingError
from agp_tui.files import delete_folder
from agp_tui.formatting.text import clock_text
from agp_tui.games.view import View
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import RecordingInfoResult
from agp_tui.protocol.summaries import RecordingSummary
from agp_tui.recording import meta as meta_file
from agp_tui.recording import timeline as timeline_file
from agp_tui.recording import video as video_file
from agp_tui.recording.cutting import recording_name, remove_abandoned
from agp_tui.recording.meta import RecordingMeta, game_slug, read_meta
from agp_tui.recording.quality_stats import RecordingStats, filled_share, held_shares, recording_stats
from agp_tui.recording.repair import finish_interrupted
from agp_tui.recording.store import Recording, find_recordings


def summary(path: Path) -> RecordingSummary:
    """Summarize a recording. Does not raise for a damaged one."""
    try:
        recording = Recording.open(path)
    except RecordingError as error:
        game, state, source, labels = path.parent.name, "unreadable", "", ""
        with contextlib.suppress(RecordingError):
            meta = read_meta(path)
            state = "recording" if meta.being_written else "unreadable"
            game, source, labels = meta.game, meta.source, meta.labels
        return RecordingSummary(
            str(path), game, path.name, state, problem=str(error), source=source, labels=labels
        )
    meta = recording.meta
    shares = held_shares(meta.keys, recording.key_states(meta.source))
    problem, excluded = "", 0
    try:
        excluded = int(recording.excluded().sum())
    except RecordingError as error:
        problem = str(error)
    return RecordingSummary(
        str(path),
        meta.game,
        path.name,
        state_of(meta),
        len(recording),
        round(recording.seconds, 3),
        meta.fps,
        round(filled_share(recording), 4),
        {key: round(share, 4) for key, share in shares.items()},
        recording.bytes,
        problem,
        source=meta.source,
        labels=meta.labels,
        view=msgspec.to_builtins(meta.view),
        excluded=round(excluded / meta.fps, 3),
    )


def state_of(meta: RecordingMeta) -> str:
    """The state; `broken off` if the process that wrote the recording has ended."""
    return "broken off" if meta.state == "recording" and not meta.being_written else meta.state


def list_recordings(root: Path, game: str | None = None) -> list[RecordingSummary]:
    """All recordings, or one game's, oldest first within a game."""
    _clean_up(root)
    return [summary(path) for path in find_recordings(root, game)]


def known_views(paths: Iterable[Path]) -> tuple[View, ...]:
    """The views of the recordings that have one, newest first."""
    metas = []
    for path in paths:
        with contextlib.suppress(RecordingError):
            metas.append(read_meta(path))
    newest_first = sorted(metas, key=lambda meta: meta.started_at, reverse=True)
    return tuple(meta.view for meta in newest_first if meta.view is not None)


def _clean_up(root: Path) -> None:
    """Complete interrupted repairs, and remove what killed cuts have left."""
    finish_interrupted(root)
    remove_abandoned(root)


def without_sources(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, Path]]:
    """The recordings from which no other of them was cut or joined, and for each of the rest one that was.

    Both would teach the same frames twice, and those that were cut off. Raises `RecordingError`.
    """
    metas = {path: read_meta(path) for path in paths}
    made_from = {
        (one.recording, one.started_ns): path for path, meta in metas.items() for one in meta.derived_from
    }
    newer = {path: made_from.get((recording_name(path), meta.started_ns)) for path, meta in metas.items()}
    return [path for path in paths if newer[path] is None], {
        path: made for path, made in newer.items() if made is not None
    }


def recordings_table(summaries: list[RecordingSummary]) -> Table:
    """The list as a table."""
    columns = ["game", "recording", "seconds", "frames", "filled %", "keys held %", "MB", "state"]
    rows: list[list[str | float | int | None]] = [
        [
            one.game,
            one.stamp,
            round(one.seconds, 1),
            one.frames,
            round(100 * one.filled, 1),
            ", ".join(f"{key} {100 * share:.0f}" for key, share in one.held.items()),
            round(one.bytes / 1e6, 1),
            one.state,
        ]
        for one in summaries
    ]
    return Table(title="recordings", columns=columns, rows=rows)


Fact = str | float | int | None


@dataclass(frozen=True)
class RecordingInfo:
    """Details of a recording."""

    name: str
    facts: dict[str, Fact]
    """By name; unknown ones are left out."""
    stats: RecordingStats

    def table(self) -> Table:
        """Facts, keys, key combinations and warnings as a table."""
        found = self.stats
        facts = dict(self.facts)
        who = facts["whose keys are learnt"]
        for key, share in found.shares.items():
            facts[f"{key} ({who})"] = f"held {100 * share:.1f} % of the time, {found.presses[key]} times"
        together = [f"{'+'.join(one.keys) or 'none'} {100 * one.share:.1f} %" for one in found.combinations]
        facts["keys held together"] = ", ".join(together[:8])
        if found.nudges:
            facts["nudges"] = f"{found.nudges}, {found.nudge_seconds:g} s in all"
        for number, one in enumerate(found.excluded, start=1):
            facts[f"excluded {number}"] = (
                f"{clock_text(one.start_seconds)} to {clock_text(one.stop_seconds)}, frames {one.start} to "
                f"{one.stop - 1}"
            )
        for number, warning in enumerate(found.warnings, start=1):
            facts[f"warning {number}"] = warning
        rows: list[list[Fact]] = [[name, value] for name, value in facts.items()]
        return Table(title=self.name, columns=["what", "value"], rows=rows)

    def report(self) -> RecordingInfoResult:
        """The report of `agp recordings info`."""
        return RecordingInfoResult(facts=self.facts, presses=self.stats.presses, **self.stats.report())


def info(path: Path) -> RecordingInfo:
    """Describe a recording without decoding frames. Raises `RecordingError`."""
    recording = Recording.open(path)
    meta = recording.meta
    height, width = meta.frame_size
    facts: dict[str, Fact] = {
        "path": str(path),
        "game": meta.game,
        "state": state_of(meta),
        "began": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(meta.started_at)),
        "seconds": round(recording.seconds, 2),
        "frames": len(recording),
        "fps asked": meta.fps,
        "frames asked for that are there, %": round(100 * filled_share(recording), 2),
        "frame size": f"{width}x{height}",
        "codec": meta.codec,
        "backend": meta.backend,
        "region": ",".join(map(str, meta.region)) if meta.region else None,
        "display": meta.display,
        "window": meta.view.window.name if meta.view and meta.view.window else None,
        "delay of the game, ms": meta.game_delay_ms,
        "who plays": meta.source,
        "whose keys are learnt": meta.labels,
        "who pressed keys": ", ".join(recording.timeline.players),
        "MB": round(recording.bytes / 1e6, 2),
    }
    if excluded := int(recording.excluded().sum()):
        share = 100 * excluded / len(recording)
        facts["excluded from training"] = f"{excluded / meta.fps:.1f} s, {share:.1f} % of the frames"
    if meta.derived_from:
        facts["cut or joined from"] = ", ".join(
            f"{one.recording} (frames {one.start} to {one.stop - 1})" for one in meta.derived_from
        )
    if scores := recording.timeline.scores:
        last = scores[-1].status
        facts["score at the end"] = last.score
        facts["scores of whole games"] = ", ".join(f"{score:g}" for score in last.finished_scores)
    known: dict[str, Fact] = {name: value for name, value in facts.items() if value is not None}
    return RecordingInfo(path.name, known, recording_stats(recording))


def resolve_recording(root: Path, text: str) -> Path:
    """The folder of a recording given by its path, `GAME/STAMP`, or its stamp or a unique start or end of it.

    Raises `RecordingError` with the closest names.
    """
    _clean_up(root)
    game, _, stamp = text.rpartition("/")
    for candidate in (Path(text).expanduser(), root / text, root / game_slug(game) / stamp if game else None):
        if candidate and (candidate / meta_file.FILE_NAME).is_file():
            return candidate.resolve()
    known = find_recordings(root)
    exact = [path for path in known if path.name == text]
    found = exact or [path for path in known if path.name.startswith(text) or path.name.endswith(text)]
    if text and len(found) == 1:
        return found[0].resolve()
    if text and found:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in found[:5])
        raise RecordingError(
            f"Expected one recording named {text!r}, found {len(found)}: {names}.", "Name one."
        )
    near = difflib.get_close_matches(text, [path.name for path in known], n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "agp recordings list shows all recordings."
    raise RecordingError(f"Expected a recording named {text!r} in {root}, found none.", hint)


def delete(path: Path) -> None:
    """Delete a recording. Raises `RecordingError` if it is being written or has other files in it."""
    running = False
    with contextlib.suppress(RecordingError):
        running = read_meta(path).being_written
    if running:
        raise RecordingError(f"The recording at {path} is being written.", "Stop it first.")
    ours = {meta_file.FILE_NAME, timeline_file.FILE_NAME, video_file.FILE_NAME}
    there = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    foreign = sorted(name for name in there - ours if not name.startswith((".", "frames.")))
    if not there & ours or foreign:
        found = ", ".join(foreign[:3]) if foreign else "none"
        raise RecordingError(
            f"Expected a recording and nothing else at {path}, found {found}.", "Nothing was deleted."
        )
    try:
        delete_folder(path)
    except OSError as error:
        raise RecordingError(f"Expected to delete {path}: {error.strerror}.") from error
    with contextlib.suppress(OSError):
        path.parent.rmdir()
