"""A recording on disk: a folder with `meta.json`, `frames.mkv`, `timeline.jsonl` and `frames.srt`.

All files grow by appending, and each write reaches the operating system before the call returns: a
recording whose writer was killed lacks at most its last 2 frames and is used like any other.
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError
from agp_tui.files import size_of, write_atomically
from agp_tui.games.base import Frame, GameStatus, Pixels
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who
from agp_tui.recording import meta as meta_file
from agp_tui.recording import subtitles as subtitles_file
from agp_tui.recording import timeline as timeline_file
from agp_tui.recording import video as video_file
from agp_tui.recording.exclusions import TimeRange, excluded_frames, read_exclusions
from agp_tui.recording.meta import RecordingMeta, game_slug, read_meta, write_meta
from agp_tui.recording.timeline import (
    DriverLine,
    EdgeLine,
    FrameLine,
    HeldLine,
    ScoreLine,
    Timeline,
    TimelineWriter,
    crc_of,
    next_stamp,
    parse,
    read_lines,
    stamps_ms,
)
from agp_tui.recording.video import VideoWriter

__all__ = ["Recording", "RecordingMeta", "RecordingWriter", "find_recordings", "new_folder"]


class RecordingWriter:
    """Writes a recording. Not thread-safe."""

    def __init__(self, path: Path, meta: RecordingMeta, held: Keys = NO_KEYS) -> None:
        """Begin a recording in the empty folder `path`; `create` makes the folder as well."""
        height, width = meta.frame_size
        self.path = path
        codec = video_file.codec_for(height, width, meta.codec)
        self.meta = msgspec.structs.replace(
            meta, codec=codec, state="recording", frames=None, video_bytes=None
        )
        self.frames = 0
        self.last_crc: int | None = None
        """The checksum of the newest frame."""
        write_meta(path, self.meta)
        self._timeline = TimelineWriter(path / timeline_file.FILE_NAME)
        self._video = VideoWriter(path / video_file.FILE_NAME, height, width, meta.fps, codec)
        self._first_ns = 0
        self._stamp: int | None = None
        self._ended = 0
        self._closed = False
        mine = tuple(key for key in meta.keys if key in held)
        self._timeline.write(HeldLine("start", mine, meta.source))

    @classmethod
    def create(cls, root: Path, meta: RecordingMeta, held: Keys = NO_KEYS) -> "RecordingWriter":
        """Begin a recording in a new folder `root/GAME/STAMP`; `held` are the keys held at the start.

        Raises `RecordingError` if it cannot be written; nothing is then left of it.
        """
        path = new_folder(root, meta)
        try:
            return cls(path, meta, held)
        except OSError as error:
            shutil.rmtree(path, ignore_errors=True)
            raise RecordingError(
                f"Expected to begin a recording in {path}: {error.strerror}.",
                "Make room, or choose another folder: [folders] recordings in config.toml.",
            ) from error

    def frame(self, frame: Frame) -> None:
        """Append a frame. Raises `ValueError` if it has not the recording's size."""
        if self._stamp is None:
            self._first_ns = frame.before_ns
        stamp = next_stamp(self._stamp, frame.before_ns - self._first_ns)
        crc = crc_of(frame.pixels)
        line = FrameLine(self.frames, frame.before_ns, frame.after_ns, crc)
        self._video.write(frame.pixels, stamp)
        self._timeline.write(line)
        self._stamp, self.last_crc = stamp, crc
        self.frames += 1

    def edge(self, edge: KeyEdge) -> None:
        """Append a key edge. Keys that are not in `meta.keys` are ignored."""
        if edge.key in self.meta.keys:
            self._timeline.write(EdgeLine.of(edge, self.meta.labels))

    def score(self, status: GameStatus, time_ns: int) -> None:
        """Append a changed status of the game."""
        ended = status.finished_scores[self._ended :]
        self._ended = len(status.finished_scores)
        self._timeline.write(ScoreLine(time_ns, status.score, status.lives, status.episode, ended))

    def driver(self, who: Who, time_ns: int) -> None:
        """Append a change of the player to `who`."""
        self._timeline.write(DriverLine(time_ns, who))

    @property
    def bytes(self) -> int:
        """Size of the video so far."""
        return (self.path / video_file.FILE_NAME).stat().st_size

    def close(self, held: Keys = NO_KEYS) -> None:
        """Finish the files; the state becomes `complete`. `held` are the keys held at the end."""
        self.finish("complete", held)

    def finish(self, state: meta_file.RecordingState, held: Keys = NO_KEYS) -> None:
        """Finish the files with a state. Later calls do nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self._video.close()
            mine = tuple(key for key in self.meta.keys if key in held)
            self._timeline.write(HeldLine("end", mine, self.meta.source))
        finally:
            self._timeline.close()
        timeline = parse(read_lines(self.path / timeline_file.FILE_NAME))
        text = subtitles_file.subtitles(timeline, self.meta.keys, self.meta.source, self.meta.fps)
        subtitles = self.path / subtitles_file.FILE_NAME
        write_atomically(subtitles, text.encode())
        subtitles.chmod(0o600)
        self.meta = msgspec.structs.replace(
            self.meta, state=state, frames=self.frames, video_bytes=self.bytes
        )
        write_meta(self.path, self.meta)

    def __enter__(self) -> "RecordingWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Recording:
    """A stored recording. Its length is the number of frames both in the video and in the timeline."""

    path: Path
    meta: RecordingMeta
    times_ns: NDArray[np.int64]
    """Shape (N,): the time before the grab of each frame, on the monotonic clock."""
    timeline: Timeline
    """All lines, including those of final frames lost in a crash."""

    @classmethod
    def open(cls, path: Path) -> "Recording":
        """Open a recording, finished or interrupted. Raises `RecordingError`."""
        meta = read_meta(path)
        timeline = parse(read_lines(path / timeline_file.FILE_NAME))
        readable = _readable(path, meta, timeline)
        if readable == 0:
            raise RecordingError(
                f"Expected frames in {path}, found none that is readable.",
                f"agp recordings delete {path} removes it.",
            )
        return cls(path, meta, timeline.before_ns[:readable], timeline)

    def __len__(self) -> int:
        return len(self.times_ns)

    @property
    def seconds(self) -> float:
        """From the first frame to the end of the last."""
        return float(self.times_ns[-1] - self.times_ns[0]) / 1e9 + 1 / self.meta.fps

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Pixels]:
        """The frames from `start` to before `stop`, RGB uint8 in stored size.

        Seeks, so any short range is fast. Raises `RecordingError` at a damaged frame.
        """
        numbers = range(len(self))[start:stop]
        if not numbers:
            return
        stamps = stamps_ms(self.times_ns)[numbers.start : numbers.stop]
        pictures = video_file.read_frames(self.path / video_file.FILE_NAME, self.meta.frame_size, stamps)
        for number, pixels in zip(numbers, pictures, strict=True):
            if crc_of(pixels) != self.timeline.crcs[number]:
                raise RecordingError(
                    f"Frame {number} of {self.path} is damaged.",
                    f"agp recordings repair {self.path} keeps the intact frames.",
                )
            yield pixels

    def key_states(self, who: Who | None = None) -> NDArray[np.bool_]:
        """Shape (N, K), columns `meta.keys`: keys held at each frame by `who`, or by any player."""
        whos = self.timeline.players if who is None else (who,)
        states = np.zeros((len(self), len(self.meta.keys)), np.bool_)
        for one in whos:
            states |= self.timeline.key_states(self.meta.keys, one)[: len(self)]
        return states

    def labels(self, label_offset: int) -> NDArray[np.bool_]:
        """Shape (N, K): the keys that `meta.labels` holds `label_offset` frames after each frame.

        Rows past the last frame have the keys held at the end.
        """
        if label_offset < 0:
            raise ValueError(f"expected label_offset >= 0, found {label_offset}")
        states = self.timeline.key_states(self.meta.keys, self.meta.labels)
        return states[np.minimum(np.arange(len(self)) + label_offset, len(states) - 1)]

    def excluded(self) -> NDArray[np.bool_]:
        """Shape (N,): the frames that training does not learn from. Raises `RecordingError`."""
        return excluded_frames(read_exclusions(self.path), self.times_ns)

    def labelled(self, label_offset: int = 0, window: int = 1) -> NDArray[np.bool_]:
        """Shape (N,): the frames whose labels are valid for windows that end there.

        At these the player of the labels is in control, neither the frame nor the one of its label
        (`label_offset` later) is excluded, and the `window` frames and the label are of one recording, if
        several were joined. Raises `RecordingError` if the exclusions cannot be read.
        """
        labelled = self.timeline.driven_by(self.meta.labels)[: len(self)]
        excluded = self.excluded()
        later = np.minimum(np.arange(len(self)) + label_offset, len(self) - 1)
        labelled &= ~excluded & ~excluded[later]
        for seam in np.searchsorted(self.times_ns, self.meta.seams).tolist():
            if 0 < seam < len(self):
                labelled[max(0, seam - label_offset) : seam + window - 1] = False
        return labelled

    @property
    def bytes(self) -> int:
        """Size on disk, in bytes."""
        return size_of(self.path)


def time_range(recording: Recording, start: int, stop: int) -> TimeRange:
    """The time of frames `start` to `stop` (exclusive), which are limited to the recording."""
    times = recording.times_ns
    start, stop = max(0, start), min(stop, len(times))
    if start >= stop:
        return TimeRange(0, 0)
    return TimeRange(int(times[start]), int(times[stop]) if stop < len(times) else int(times[-1]) + 1)


def new_folder(root: Path, meta: RecordingMeta) -> Path:
    """Make a new folder `root/GAME/YYYYMMDD-HHMMSS`, with a numeric suffix if that exists."""
    game = root / game_slug(meta.game)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(meta.started_at))
    try:
        game.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while True:
            path = game / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                path.mkdir(mode=0o700)
                return path
            except FileExistsError:
                number += 1
    except OSError as error:
        raise RecordingError(
            f"Expected to make a recording's folder in {root}: {error.strerror}.",
            "Choose another folder: [folders] recordings in config.toml.",
        ) from error


def find_recordings(root: Path, game: str | None = None) -> list[Path]:
    """The folders of all recordings, or of one game's, oldest first within a game."""
    games = [root / game_slug(game)] if game else sorted(root.iterdir()) if root.is_dir() else []
    return [
        path
        for folder in games
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if not path.name.startswith(".") and (path / meta_file.FILE_NAME).is_file()
    ]


def _readable(path: Path, meta: RecordingMeta, timeline: Timeline) -> int:
    """The number of leading frames that are both in the video and in the timeline."""
    video = path / video_file.FILE_NAME
    lines = len(timeline.before_ns)
    try:
        bytes_ = video.stat().st_size
    except OSError as error:
        raise RecordingError(
            f"Expected {video_file.FILE_NAME} in {path}: {error.strerror}.",
            "The recording is not complete: copy it again, or delete it.",
        ) from error
    if meta.state != "recording" and meta.frames == lines and meta.video_bytes == bytes_:
        return lines
    if bytes_ == 0 or lines == 0:
        return 0
    count = 0
    for there, expected in zip(video_file.stamps(video), stamps_ms(timeline.before_ns), strict=False):
        if there != expected:
            break
        count += 1
    # A killed writer may have left a partial last frame.
    while count and not _is_intact(path, meta, timeline, count - 1):
        count -= 1
    return count


def _is_intact(path: Path, meta: RecordingMeta, timeline: Timeline, number: int) -> bool:
    try:
        found = list(Recording(path, meta, timeline.before_ns[: number + 1], timeline).frames(number))
    except RecordingError:
        return False
    return len(found) == 1
