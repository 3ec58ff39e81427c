"""Cutting and joining recordings: trim, split, merge. Each writes new, lossless recordings.

A new recording is written to a hidden folder, read back and compared with its sources frame by frame, and
only then renamed to where recordings are found: a kill at any moment leaves the sources whole, and nothing
that looks like a recording.
"""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from agp_tui.engine.runs import process_start
from agp_tui.errors import RecordingError
from agp_tui.files import existing_ancestor, size_of
from agp_tui.games.base import Frame, GameStatus
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, Who, apply_edges, edges_between
from agp_tui.recording.exclusions import TimeRange, TimeRanges, read_exclusions, within, write_exclusions
from agp_tui.recording.meta import RecordingMeta, SourceRange, game_slug, read_meta
from agp_tui.recording.store import Recording, RecordingWriter, new_folder

PREFIX, SUFFIX = ".cut-", ".part"
"""Of the hidden folders in which recordings are written."""
FOREVER_NS = 1 << 62
STARTING_SECONDS = 60.0
"""A hidden folder without metadata is removed after this time: before, its writer may just be starting."""
SPARE_BYTES = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the frames done and their total; each frame counts twice, written and read back. May raise."""


@dataclass(frozen=True)
class Part:
    """The frames `start` to `stop` (exclusive, at least one) of a recording."""

    recording: Recording
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def start_ns(self) -> int:
        """The time of its first frame."""
        return int(self.recording.times_ns[self.start])

    @property
    def stop_ns(self) -> int:
        """The time of the frame after its last; far in the future at the end of the recording."""
        times = self.recording.timeline.before_ns
        return int(times[self.stop]) if self.stop < len(times) else FOREVER_NS

    @property
    def source(self) -> SourceRange:
        """Where it is from."""
        meta = self.recording.meta
        return SourceRange(
            recording=recording_name(self.recording.path),
            started_ns=meta.started_ns,
            start=self.start,
            stop=self.stop,
        )


def recording_name(path: Path) -> str:
    """GAME/STAMP."""
    return f"{path.parent.name}/{path.name}"


def trim(
    recording: Recording,
    start: float | None,
    stop: float | None,
    *,
    root: Path,
    window: int,
    progress: Progress,
) -> Path:
    """Copy the frames from `start` to before `stop` (seconds; None: the beginning, the end).

    Raises `RecordingError` for times that are not in the recording, or if fewer than `window` frames remain.
    """
    first = 0 if start is None else frame_at(recording, start, "--from")
    end = len(recording) if stop is None else frame_at(recording, stop, "--to")
    if end <= first:
        raise RecordingError(
            f"Expected --from before --to, found {start or 0:g} and {stop:g} s.", "Nothing was written."
        )
    if end - first < len(recording):
        _check_length(recording, first, end, window)
        return _write_all([[Part(recording, first, end)]], root, progress)[0]
    raise RecordingError(
        f"Expected to cut something off, found all {len(recording)} frames between --from and --to.",
        "Give a later --from or an earlier --to.",
    )


def split(
    recording: Recording, at: Sequence[float], *, root: Path, window: int, progress: Progress
) -> list[Path]:
    """Copy a recording as several, which begin at its first frame and at these times (seconds).

    Raises `RecordingError` for times that are not in the recording, or if a piece has fewer than `window`
    frames.
    """
    places = [0, *sorted({frame_at(recording, seconds, "--at") for seconds in at}), len(recording)]
    pieces = [(start, stop) for start, stop in pairwise(places)]
    for start, stop in pieces:
        _check_length(recording, start, stop, window)
    return _write_all([[Part(recording, start, stop)] for start, stop in pieces], root, progress)


def merge(recordings: Sequence[Recording], *, root: Path, progress: Progress) -> Path:
    """Copy recordings into one, in this order. Raises `RecordingError` if they do not belong together."""
    _check_joinable(recordings)
    parts = [Part(recording, 0, len(recording)) for recording in recordings]
    return _write_all([parts], root, progress)[0]


def frame_at(recording: Recording, seconds: float, name: str) -> int:
    """The first frame at or after a time; the number of frames at the very end.

    Raises `RecordingError` if the time is not in the recording; `name` is the flag in the message.
    """
    period = 1 / recording.meta.fps
    # The end is shown rounded to tenths of a second.
    if not 0 <= seconds <= recording.seconds + max(period, 0.05):
        raise RecordingError(
            f"Expected {name} within the {recording.seconds:.2f} s of {recording_name(recording.path)}, "
            f"found {seconds:g} s.",
            "Times are seconds since the first frame, such as 75.5 or 1:15.5.",
        )
    since = (recording.times_ns - recording.times_ns[0]) / 1e9
    # Half a millisecond earlier: times on the command line are rounded.
    return int(np.searchsorted(since, seconds - 0.0005, side="left"))


def remove_abandoned(root: Path) -> None:
    """Remove what killed cuts have left in the recordings folder `root`."""
    for folder in root.glob(f"*/{PREFIX}*{SUFFIX}"):
        with contextlib.suppress(OSError):
            try:
                abandoned = not read_meta(folder).writer_is_alive
            except RecordingError:
                abandoned = time.time() - folder.stat().st_mtime > STARTING_SECONDS
            if abandoned:
                shutil.rmtree(folder, ignore_errors=True)


# --- checks --------------------------------------------------------------------------------------------


def check_usable(recording: Recording) -> None:
    """Raises `RecordingError` for a recording that is being written or lacks frames."""
    meta, name = recording.meta, recording_name(recording.path)
    if meta.being_written:
        raise RecordingError(f"The recording {name} is being written.", "Stop it first.")
    if meta.frames is not None and len(recording) < meta.frames:
        raise RecordingError(
            f"Expected {meta.frames} frames in {recording.path}, found {len(recording)} that can be read.",
            f"agp recordings repair {recording.path} keeps the intact frames.",
        )
    read_exclusions(recording.path)


def _check_length(recording: Recording, start: int, stop: int, window: int) -> None:
    if stop - start < window:
        begin, end = (number / recording.meta.fps for number in (start, stop))
        raise RecordingError(
            f"Expected at least {window} frames, the window of a decision (train.segment), found "
            f"{stop - start} from {begin:.2f} to {end:.2f} s.",
            "Nothing was written: choose other times.",
        )


def _check_joinable(recordings: Sequence[Recording]) -> None:
    first, *others = recordings
    if not others:
        raise RecordingError("Expected at least two recordings to merge, found one.")
    for recording in others:
        for what, one, other in zip(_FACTS, _facts(first), _facts(recording), strict=True):
            if one != other:
                raise RecordingError(
                    f"Expected recordings with the same {what}, found {one} in {recording_name(first.path)} "
                    f"and {other} in {recording_name(recording.path)}.",
                    "Nothing was written: training takes several recordings of a game anyway.",
                )
    names = [recording_name(one.path) for one in recordings]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise RecordingError(f"Expected each recording once, found {twice} twice.", "Nothing was written.")


_FACTS = ("game", "keys", "frames a second", "frame size", "view", "player", "labels")


def _facts(recording: Recording) -> tuple[str | int, ...]:
    meta = recording.meta
    view = f"{meta.region[2]}x{meta.region[3]} pixels of the screen" if meta.region else "no region"
    height, width = meta.frame_size
    keys = ",".join(sorted(meta.keys))
    return meta.game, keys, meta.fps, f"{width}x{height}", view, meta.source, meta.labels


# --- writing -------------------------------------------------------------------------------------------


def _write_all(results: Sequence[Sequence[Part]], root: Path, progress: Progress) -> list[Path]:
    """Write one recording per list of parts; all appear once the last one is complete and verified."""
    for part in (part for parts in results for part in parts):
        check_usable(part.recording)
    count = _Count(2 * sum(len(part) for parts in results for part in parts), progress)
    hidden: list[Path] = []
    try:
        _check_space(results, root)
        for parts in results:
            folder = root / game_slug(parts[0].recording.meta.game)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            hidden.append(folder / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")
            hidden[-1].mkdir(mode=0o700)
            _write(hidden[-1], parts, count)
            _verify(hidden[-1], parts, count)
        return [_publish(folder, root) for folder in hidden]
    except OSError as error:
        raise RecordingError(
            f"Expected to write to {root}: {error.strerror or error}.",
            "The recordings are untouched: make room, and try again.",
        ) from error
    finally:
        for folder in hidden:
            shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, parts: Sequence[Part], count: "_Count") -> None:
    first = parts[0]
    held = held_before(first.recording, first.start_ns)
    meta = _new_meta(parts)
    writer = RecordingWriter(folder, meta, held.get(meta.source, NO_KEYS))
    copy = _Copy(writer, {meta.source: held.get(meta.source, NO_KEYS)}, parts)
    for part, shift_ns in zip(parts, _shifts(parts), strict=True):
        copy.part(part, shift_ns, count)
    recovered = any(part.recording.meta.state != "complete" for part in parts)
    writer.finish("recovered" if recovered else "complete", copy.held.get(meta.source, NO_KEYS))
    write_exclusions(folder, _exclusions(parts))


def _new_meta(parts: Sequence[Part]) -> RecordingMeta:
    first, meta = parts[0], parts[0].recording.meta
    later_ns = first.start_ns - int(first.recording.times_ns[0])
    return msgspec.structs.replace(
        meta,
        started_at=meta.started_at + later_ns / 1e9,
        started_ns=meta.started_ns + later_ns,
        pid=os.getpid(),
        pid_began=process_start(os.getpid()),
        derived_from=tuple(part.source for part in parts),
        seams=tuple(_seams(parts)),
    )


def _shifts(parts: Sequence[Part]) -> list[int]:
    """For each part, what is added to its times: it begins one period after the last frame before it."""
    shifts, following = [], parts[0].start_ns
    for part in parts:
        shifts.append(following - part.start_ns)
        last = int(part.recording.times_ns[part.stop - 1]) + shifts[-1]
        following = last + round(1e9 / part.recording.meta.fps)
    return shifts


def _seams(parts: Sequence[Part]) -> Iterator[int]:
    for number, (part, shift_ns) in enumerate(zip(parts, _shifts(parts), strict=True)):
        if number:
            yield part.start_ns + shift_ns
        for seam in part.recording.meta.seams:
            if part.start_ns < seam < part.stop_ns:
                yield seam + shift_ns


def _exclusions(parts: Sequence[Part]) -> TimeRanges:
    found = []
    for part, shift_ns in zip(parts, _shifts(parts), strict=True):
        # A stretch that goes on past the last frame must not reach into the next part.
        end_ns = int(part.recording.times_ns[part.stop - 1]) + 1
        kept = within(read_exclusions(part.recording.path), TimeRange(part.start_ns, end_ns))
        found += [one.shifted(shift_ns) for one in kept]
    return tuple(found)


def held_before(recording: Recording, time_ns: int) -> dict[Who, Keys]:
    """By player: the keys held just before a time."""
    timeline = recording.timeline
    held = dict(timeline.held_start)
    for edge in timeline.edges:
        if edge.time_ns >= time_ns:
            break
        held[edge.who] = apply_edges(held.get(edge.who, NO_KEYS), [edge])
    return held


@dataclass
class _Copy:
    """Copies parts to a writer one after the other."""

    writer: RecordingWriter
    held: dict[Who, Keys]
    """By player: the keys held after what was written so far."""
    parts: Sequence[Part]
    _status: GameStatus | None = None

    def part(self, part: Part, shift_ns: int, count: "_Count") -> None:
        """Append a part, `shift_ns` later. The lines of a moment come before its frame."""
        times = part.recording.timeline.before_ns[part.start : part.stop]
        after = part.recording.timeline.after_ns[part.start : part.stop]
        lines = self._lines(part, shift_ns)
        following = next(lines, None)
        for pixels, before_ns, after_ns in zip(
            part.recording.frames(part.start, part.stop), times.tolist(), after.tolist(), strict=True
        ):
            while following is not None and following[0] <= before_ns:
                following[1]()
                following = next(lines, None)
            self.writer.frame(Frame(pixels, before_ns + shift_ns, after_ns + shift_ns))
            count.add()
        while following is not None:
            following[1]()
            following = next(lines, None)

    def _lines(self, part: Part, shift_ns: int) -> Iterator[tuple[int, Callable[[], None]]]:
        """What is written besides frames, each with its time in the source, in order."""
        timeline, start_ns, stop_ns = part.recording.timeline, part.start_ns, part.stop_ns
        last_ns = _last_moment(part, self.parts)
        found: list[tuple[int, Callable[[], None]]] = []

        def add(time_ns: int, write: Callable[..., None], *arguments: Any) -> None:
            found.append((time_ns, lambda: write(*arguments)))

        # The keys of all at the first frame, just before it.
        wanted = held_before(part.recording, start_ns)
        for who in sorted({*wanted, *self.held}):
            before, now = self.held.get(who, NO_KEYS), wanted.get(who, NO_KEYS)
            for edge in edges_between(before, now, start_ns - 1, who):
                add(start_ns - 1, self._edge, edge, shift_ns)
        for driver, time_ns in _drivers(part, self.parts):
            add(time_ns, self.writer.driver, driver, time_ns + shift_ns)
        for status, time_ns in self._scores(part):
            add(time_ns, self.writer.score, status, time_ns + shift_ns)
        for edge in timeline.edges:
            if start_ns <= edge.time_ns < stop_ns:
                moved = KeyEdge(min(edge.time_ns, last_ns), edge.key, edge.down, edge.who)
                add(moved.time_ns, self._edge, moved, shift_ns)
        return iter(sorted(found, key=lambda line: line[0]))

    def _edge(self, edge: KeyEdge, shift_ns: int) -> None:
        self.writer.edge(KeyEdge(edge.time_ns + shift_ns, edge.key, edge.down, edge.who))
        self.held[edge.who] = apply_edges(self.held.get(edge.who, NO_KEYS), [edge])

    def _scores(self, part: Part) -> Iterator[tuple[GameStatus, int]]:
        """The status at the first frame and its changes; games that ended before the part are left out.

        In a joined recording a new episode begins with each part.
        """
        changes = part.recording.timeline.scores
        earlier = [change.status for change in changes if change.time_ns < part.start_ns]
        begun = self._status
        known = len(earlier[-1].finished_scores) if earlier else 0
        ended = begun.finished_scores if begun else ()
        base = earlier[-1] if earlier else next((change.status for change in changes), None)
        offset = begun.episode + 1 - base.episode if begun and base else 0

        def renumbered(status: GameStatus) -> GameStatus:
            scores = ended + status.finished_scores[known:]
            return GameStatus(status.score, status.lives, status.episode + offset, scores)

        if earlier:
            self._status = renumbered(earlier[-1])
            yield self._status, part.start_ns
        for change in changes:
            if part.start_ns <= change.time_ns < part.stop_ns:
                self._status = renumbered(change.status)
                yield self._status, min(change.time_ns, _last_moment(part, self.parts))


def _drivers(part: Part, parts: Sequence[Part]) -> Iterator[tuple[Who, int]]:
    """Who plays at the first frame and the changes; nothing if one player plays in all parts throughout."""
    drivers = part.recording.timeline.drivers
    if not drivers:
        if any(one.recording.timeline.drivers for one in parts):
            yield part.recording.meta.labels, part.start_ns
        return
    if earlier := [who for time_ns, who in drivers if time_ns <= part.start_ns]:
        yield earlier[-1], part.start_ns
    for time_ns, who in drivers:
        if part.start_ns < time_ns < part.stop_ns:
            yield who, min(time_ns, _last_moment(part, parts))


def _last_moment(part: Part, parts: Sequence[Part]) -> int:
    """The last time, in the source, of what belongs to a part: before the first frame of the next one."""
    if part is parts[-1]:
        return FOREVER_NS
    return int(part.recording.times_ns[part.stop - 1]) + round(1e9 / part.recording.meta.fps) - 2


def _verify(folder: Path, parts: Sequence[Part], count: "_Count") -> None:
    """Read a new recording back and compare it with its sources. Raises `RecordingError`."""
    new = Recording.open(folder)
    start = 0
    for part in parts:
        stop = start + len(part)
        old, mine, theirs = part.recording, slice(start, stop), slice(part.start, part.stop)
        same = (
            stop <= len(new)
            and np.array_equal(new.timeline.crcs[mine], old.timeline.crcs[theirs])
            and np.array_equal(_all_labels(new, old.meta)[mine], _all_labels(old, old.meta)[theirs])
            and np.array_equal(new.excluded()[mine], old.excluded()[theirs])
        )
        if not same:
            raise RecordingError(
                f"Expected a copy of {recording_name(old.path)}, found that it differs.",
                "Nothing was changed; please report this.",
            )
        # Decodes each frame and compares its checksum.
        for _ in new.frames(start, stop):
            count.add()
        start = stop


def _all_labels(recording: Recording, meta: RecordingMeta) -> Any:
    """Key states of the players, and who plays, at each frame of the timeline."""
    states = [
        recording.timeline.key_states(meta.keys, who)[: len(recording)] for who in (meta.source, meta.labels)
    ]
    return np.concatenate(
        [*states, recording.timeline.driven_by(meta.labels)[: len(recording), None]], axis=1
    )


def _publish(folder: Path, root: Path) -> Path:
    """Give a finished recording its name; it appears with all its files at once."""
    for file in folder.iterdir():
        _to_disk(file)
    target = new_folder(root, read_meta(folder))
    # Replaces the empty folder that was made for it.
    folder.rename(target)
    _to_disk(target.parent)
    return target.resolve()


def _to_disk(path: Path) -> None:
    """Have the system write a file or folder to the disk: afterwards a source may be deleted."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_space(results: Sequence[Sequence[Part]], root: Path) -> None:
    sources = [part for parts in results for part in parts]
    shares = [len(part) / len(part.recording) * size_of(part.recording.path) for part in sources]
    needed, free = round(sum(shares)) + SPARE_BYTES, shutil.disk_usage(existing_ancestor(root)).free
    if free < needed:
        raise RecordingError(
            f"Expected about {needed / 1e6:.0f} MB free for the new recording, found {free / 1e6:.0f} MB.",
            "Make room: the old one stays until the new one is complete.",
        )


@dataclass
class _Count:
    total: int
    progress: Progress
    done: int = 0

    def add(self) -> None:
        self.done += 1
        self.progress(self.done, self.total)
