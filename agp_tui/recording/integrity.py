"""Integrity checks of a recording: each yields problems as sentences and changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agp_tui.errors import RecordingError
from agp_tui.recording import timeline as timeline_file
from agp_tui.recording import video as video_file
from agp_tui.recording.meta import RecordingMeta, read_meta
from agp_tui.recording.quality_stats import picture_warnings
from agp_tui.recording.store import Recording
from agp_tui.recording.timeline import FrameLine, crc_of, read_lines, stamps_ms

GAP_PERIODS = 1.5
"""Frames further apart than this many periods have a gap between them."""
STUCK_SECONDS = 5.0
FPS_TOLERANCE = 0.05


@dataclass(frozen=True)
class Problem:
    """A problem of a recording; `repairable` if it is damage that a repair can fix."""

    text: str
    repairable: bool


def find_problems(path: Path) -> list[Problem]:
    """All problems of a recording; empty if it is sound. Decodes every frame.

    Raises `RecordingError` only if there is no recording at all.
    """
    meta = read_meta(path)
    problems = [Problem(text, True) for text in _torn(path)]
    try:
        recording = Recording.open(path)
    except RecordingError as error:
        return [*problems, Problem(str(error), True)]
    for find in (_state, _counts, _order, _gaps, _rate, _keys, _pictures, _frames):
        repairable = find in (_counts, _order, _frames)
        problems += [Problem(text, repairable) for text in find(recording, meta)]
    return problems


def check(path: Path) -> list[str]:
    """The texts of `find_problems`."""
    return [problem.text for problem in find_problems(path)]


def _torn(path: Path) -> Iterator[str]:
    file = path / timeline_file.FILE_NAME
    if file.is_file() and file.stat().st_size:
        with file.open("rb") as lines:
            lines.seek(-1, 2)
            if lines.read() != b"\n":
                yield "The last line of the timeline is torn; it is ignored."


def _state(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    if meta.being_written:
        yield "It is still being recorded."
    elif meta.state == "recording":
        yield (
            f"It was broken off; its first {len(recording)} frames are usable, and "
            f"agp recordings repair {recording.path} completes the file."
        )


def _counts(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    lines = len(recording.timeline.before_ns)
    if lines > len(recording) and not meta.being_written:
        yield f"Expected {lines} frames by the timeline, found {len(recording)} complete ones in the video."
    if meta.frames is not None and meta.frames != lines:
        yield f"Expected {meta.frames} frames by meta.json, found {lines} in the timeline."
    size = (recording.path / video_file.FILE_NAME).stat().st_size
    if meta.video_bytes is not None and meta.video_bytes != size:
        yield f"Expected a video of {meta.video_bytes} bytes, found {size}: it was truncated or changed."


def _order(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    lines = read_lines(recording.path / timeline_file.FILE_NAME)
    indices = [line.index for line in lines if isinstance(line, FrameLine)]
    if indices != list(range(len(indices))):
        yield "The frames in the timeline are not numbered one after the other; lines are missing."
    backwards = int((np.diff(recording.times_ns) <= 0).sum())
    if backwards:
        yield f"{backwards} frames are not later than the one before them."


def _gaps(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    apart = np.diff(recording.times_ns) / 1e9
    gaps = np.flatnonzero(apart > GAP_PERIODS / meta.fps)
    if len(gaps):
        longest = gaps[np.argmax(apart[gaps])]
        at = (recording.times_ns[longest] - recording.times_ns[0]) / 1e9
        missing = int(np.rint(apart[gaps] * meta.fps - 1).sum())
        yield (
            f"{len(gaps)} gaps with {missing} frames missing in them; "
            f"the longest is {apart[longest]:.2f} s, at {at:.1f} s."
        )


def _rate(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    if len(recording) < 3:
        return
    rate = 1e9 / max(1.0, float(np.median(np.diff(recording.times_ns))))
    if abs(rate / meta.fps - 1) > FPS_TOLERANCE:
        yield f"Expected {meta.fps} frames a second, found {rate:.1f}."


def _keys(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    states = recording.key_states(meta.labels)
    never = [key for number, key in enumerate(meta.keys) if not states[:, number].any()]
    if len(never) == len(meta.keys):
        yield f"No key is ever pressed by {meta.labels}: there is nothing to learn from."
    elif never:
        yield f"Never pressed by {meta.labels}: {', '.join(never)}."
    for number, key in enumerate(meta.keys):
        up = np.flatnonzero(~states[:, number])
        since = 0 if not len(up) else up[-1] + 1
        if since < len(states):
            seconds = (recording.times_ns[-1] - recording.times_ns[since]) / 1e9
            if seconds > STUCK_SECONDS:
                yield f"{key} is held for the last {seconds:.1f} s to the end: it may be stuck."


def _pictures(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    try:
        yield from picture_warnings(recording)
    except RecordingError as error:
        # The exclusions cannot be read.
        yield str(error)


def _frames(recording: Recording, meta: RecordingMeta) -> Iterator[str]:
    """Decodes all frames; their checksums detect damage that a decoder hides."""
    intact = set()
    stamps = stamps_ms(recording.times_ns)
    number_at = {stamp: number for number, stamp in enumerate(stamps)}
    video = recording.path / video_file.FILE_NAME
    for stamp, pixels in video_file.salvage_frames(video, meta.frame_size):
        number = number_at.get(stamp)
        if number is not None and crc_of(pixels) == recording.timeline.crcs[number]:
            intact.add(number)
    damaged = [number for number in range(len(recording)) if number not in intact]
    if damaged:
        first = ", ".join(map(str, damaged[:5])) + (" ..." if len(damaged) > 5 else "")
        hint = f"agp recordings repair {recording.path} leaves them out"
        yield f"Damaged frames: {len(damaged)} ({first}); {hint}."
