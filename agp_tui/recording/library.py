"""The recordings that there are: found by name, listed, described, deleted."""

import contextlib
import difflib
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from agp_tui.engine.events import Table
from agp_tui.errors import RecordingError
from agp_tui.recording import meta as meta_file
from agp_tui.recording import timeline as timeline_file
from agp_tui.recording import video as video_file
from agp_tui.recording.meta import RecordingMeta, game_slug, read_meta
from agp_tui.recording.repair import finish_interrupted
from agp_tui.recording.store import Recording, find_recordings


@dataclass(frozen=True)
class Summary:
    """One recording in a list. Where it cannot be read, `problem` says why and figures are 0."""

    path: Path
    game: str
    stamp: str
    state: str
    """`complete`, `recovered`, `recording` (it runs now), `broken off` (usable) or `unreadable`."""
    frames: int = 0
    seconds: float = 0.0
    fps: int = 0
    filled: float = 0.0
    """Share of the frames asked for that are there, 0 to 1."""
    held: dict[str, float] = field(default_factory=dict)
    """By key: share of the frames at which who played held it."""
    bytes: int = 0
    problem: str = ""


def summary(path: Path) -> Summary:
    """What a list says of one recording. Raises nothing that a damaged recording causes."""
    try:
        recording = Recording.open(path)
    except RecordingError as error:
        game, state = path.parent.name, "unreadable"
        with contextlib.suppress(RecordingError):
            meta = read_meta(path)
            game, state = meta.game, "recording" if meta.being_written else state
        return Summary(path, game, path.name, state, problem=str(error))
    meta = recording.meta
    shares = recording.key_states(meta.source).mean(axis=0)
    return Summary(
        path,
        meta.game,
        path.name,
        state_of(meta),
        len(recording),
        recording.seconds,
        meta.fps,
        filled(recording),
        {key: float(share) for key, share in zip(meta.keys, shares, strict=True)},
        recording.bytes,
    )


def state_of(meta: RecordingMeta) -> str:
    """The state in words: a recording whose writer is gone is told from one that runs."""
    return "broken off" if meta.state == "recording" and not meta.being_written else meta.state


def filled(recording: Recording) -> float:
    """Share of the frames asked for, from the first to the last, that are there."""
    span = float(recording.times_ns[-1] - recording.times_ns[0]) / 1e9
    return min(1.0, len(recording) / (round(span * recording.meta.fps) + 1))


def list_recordings(root: Path, game: str | None = None) -> list[Summary]:
    """All recordings, or one game's, oldest first within a game."""
    finish_interrupted(root)
    return [summary(path) for path in find_recordings(root, game)]


def list_table(summaries: list[Summary]) -> Table:
    """The list as a table for people and programs."""
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


def info(path: Path) -> Table:
    """Everything worth knowing of one recording. Raises `RecordingError`."""
    recording = Recording.open(path)
    meta = recording.meta
    height, width = meta.frame_size
    players = ", ".join(recording.timeline.players)
    facts: list[tuple[str, str | float | int | None]] = [
        ("path", str(path)),
        ("game", meta.game),
        ("state", state_of(meta)),
        ("began", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(meta.started_at))),
        ("seconds", round(recording.seconds, 2)),
        ("frames", len(recording)),
        ("fps asked", meta.fps),
        ("frames asked for that are there, %", round(100 * filled(recording), 2)),
        ("frame size", f"{width}x{height}"),
        ("codec", meta.codec),
        ("backend", meta.backend),
        ("region", ",".join(map(str, meta.region)) if meta.region else None),
        ("display", meta.display),
        ("who plays", meta.source),
        ("whose keys are learnt", meta.labels),
        ("who pressed keys", players),
        ("MB", round(recording.bytes / 1e6, 2)),
    ]
    states = recording.key_states(meta.labels)
    presses = np.diff(states.astype(np.int8), axis=0, prepend=0) > 0
    for number, key in enumerate(meta.keys):
        share, times = 100 * states[:, number].mean(), int(presses[:, number].sum())
        facts.append((f"{key} ({meta.labels})", f"held {share:.1f} % of the time, {times} times"))
    if scores := recording.episodes():
        last = scores[-1].status
        facts.append(("score at the end", last.score))
        facts.append(("scores of whole games", ", ".join(f"{score:g}" for score in last.finished_scores)))
    rows: list[list[str | float | int | None]] = [[name, value] for name, value in facts if value is not None]
    return Table(title=path.name, columns=["what", "value"], rows=rows)


def resolve_recording(root: Path, text: str) -> Path:
    """The folder of a recording named by its path, `GAME/STAMP`, or a stamp (or its only beginning or end).

    Raises `RecordingError` that names the nearest ones.
    """
    finish_interrupted(root)
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
    cure = f"Did you mean {', '.join(near)}?" if near else "agp recordings list shows what is there."
    raise RecordingError(f"Expected a recording named {text!r} in {root}, found none.", cure)


def delete(path: Path) -> None:
    """Remove a recording for good. Raises `RecordingError` where it runs now or is not one of ours."""
    running = False
    with contextlib.suppress(RecordingError):
        running = read_meta(path).being_written
    if running:
        raise RecordingError(f"Expected a recording at rest at {path}, found it running.", "Stop it first.")
    ours = {meta_file.FILE_NAME, timeline_file.FILE_NAME, video_file.FILE_NAME}
    there = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
    foreign = sorted(name for name in there - ours if not name.startswith((".", "frames.")))
    if not there & ours or foreign:
        found = ", ".join(foreign[:3]) if foreign else "none"
        raise RecordingError(
            f"Expected a recording and nothing else at {path}, found {found}.", "Nothing was deleted."
        )
    # Under a hidden name first: half of a recording is never seen as a damaged one.
    gone = path.with_name(f".{path.name}.deleted")
    shutil.rmtree(gone, ignore_errors=True)
    try:
        path.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise RecordingError(f"Expected to delete {path}: {error.strerror}.") from error
    with contextlib.suppress(OSError):
        path.parent.rmdir()
