"""Repair of a damaged recording: its intact frames and lines are copied to a new one that replaces it."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agp_tui.errors import RecordingError
from agp_tui.games.base import Frame, GameStatus, Pixels
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.recording import exclusions
from agp_tui.recording import timeline as timeline_file
from agp_tui.recording import video as video_file
from agp_tui.recording.meta import read_meta
from agp_tui.recording.store import RecordingWriter
from agp_tui.recording.timeline import (
    DriverLine,
    EdgeLine,
    FrameLine,
    HeldLine,
    Line,
    ScoreLine,
    crc_of,
    parse,
    read_lines,
    stamps_ms,
)

REPAIRED = ".repaired"
DAMAGED = ".damaged"


@dataclass(frozen=True)
class RepairResult:
    """The result of a repair."""

    path: Path
    frames: int
    lost: int
    """Frames in the timeline that could not be read."""


def repair(path: Path) -> RepairResult:
    """Copy every intact frame and line and the exclusions, then replace the recording with the copy.

    The damaged one stays until the new one is complete. The state becomes `recovered`.
    Raises `RecordingError` if nothing can be saved, or the recording still runs.
    """
    meta = read_meta(path)
    if meta.being_written:
        raise RecordingError(f"The recording at {path} is being written.", "Stop it first.")
    lines = list(read_lines(path / timeline_file.FILE_NAME, skip_damaged=True))
    copy = path.with_name(f".{path.name}{REPAIRED}")
    shutil.rmtree(copy, ignore_errors=True)
    try:
        copy.mkdir(mode=0o700)
        held = _held(lines, "start")
        writer = RecordingWriter(copy, meta, held)
        _copy(lines, video_file.salvage_frames(path / video_file.FILE_NAME, meta.frame_size), writer)
        if not writer.frames:
            raise RecordingError(
                f"Expected intact frames in {path}, found none.", f"agp recordings delete {path} removes it."
            )
        writer.finish("recovered", _held(lines, "end"))
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(path / exclusions.FILE_NAME, copy)
    except OSError as error:
        shutil.rmtree(copy, ignore_errors=True)
        raise RecordingError(
            f"Expected to write the repaired recording to {copy}: {error.strerror}.",
            "The old one is untouched.",
        ) from error
    except RecordingError:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    _swap(path)
    total = sum(isinstance(line, FrameLine) for line in lines)
    return RepairResult(path, writer.frames, total - writer.frames)


def finish_interrupted(root: Path) -> None:
    """Complete repairs that were interrupted between their two renames."""
    for damaged in root.glob(f"*/.*{DAMAGED}"):
        path = damaged.with_name(damaged.name.removeprefix(".").removesuffix(DAMAGED))
        copy = path.with_name(f".{path.name}{REPAIRED}")
        # A running repair may be faster at each step.
        with contextlib.suppress(OSError):
            if not path.exists():
                (copy if copy.exists() else damaged).rename(path)
        if path.exists():
            shutil.rmtree(damaged, ignore_errors=True)


def _swap(path: Path) -> None:
    damaged = path.with_name(f".{path.name}{DAMAGED}")
    shutil.rmtree(damaged, ignore_errors=True)
    path.rename(damaged)
    # Another process that listed the recordings may have completed the repair.
    with contextlib.suppress(FileNotFoundError):
        path.with_name(f".{path.name}{REPAIRED}").rename(path)
    shutil.rmtree(damaged, ignore_errors=True)


def _copy(lines: list[Line], intact: Iterator[tuple[int, Pixels]], writer: RecordingWriter) -> None:
    expected = iter(stamps_ms(parse(lines).before_ns))
    found = next(intact, None)
    ended: tuple[float, ...] = ()
    for line in lines:
        match line:
            case FrameLine():
                stamp = next(expected)
                while found is not None and found[0] < stamp:
                    found = next(intact, None)
                if found is not None and found[0] == stamp and crc_of(found[1]) == line.crc:
                    writer.frame(Frame(found[1], line.before_ns, line.after_ns))
            case EdgeLine():
                writer.edge(line.edge)
            case ScoreLine():
                ended += line.ended
                writer.score(GameStatus(line.score, line.lives, line.episode, ended), line.time_ns)
            case DriverLine():
                writer.driver(line.who, line.time_ns)
            case HeldLine():
                pass


def _held(lines: list[Line], at: str) -> Keys:
    keys = [frozenset(line.keys) for line in lines if isinstance(line, HeldLine) and line.at == at]
    return keys[-1] if keys else NO_KEYS
