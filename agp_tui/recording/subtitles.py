"""`frames.srt` of a recording: the held keys as subtitles for video players."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from agp_tui.keys.state import Who
from agp_tui.recording.timeline import Timeline, stamps_ms

FILE_NAME = "frames.srt"


EXCLUDED = "[not for training]"


def subtitles(
    timeline: Timeline,
    keys: tuple[str, ...],
    player: Who,
    fps: int,
    excluded: NDArray[np.bool_] | None = None,
) -> str:
    """SubRip text, with one entry for each run of frames with the same held keys.

    The keys of `player` come first (`up space`), then those of others, such as a teacher or a nudge, with
    their name (`up (expert: down)`). Nothing is shown while no key is held. `excluded`: shape (N,), the
    frames that are marked as such.
    """
    stamps = stamps_ms(timeline.before_ns)
    if not stamps:
        return ""
    ends = [*stamps[1:], stamps[-1] + max(1, round(1000 / fps))]
    entries: list[str] = []
    texts = list(_texts(timeline, keys, player))
    for number in np.flatnonzero(excluded) if excluded is not None else ():
        texts[number] = f"{EXCLUDED} {texts[number]}".strip()
    for text, numbers in groupby(range(len(stamps)), key=texts.__getitem__):
        run = list(numbers)
        if text:
            times = f"{_time(stamps[run[0]])} --> {_time(ends[run[-1]])}"
            entries.append(f"{len(entries) + 1}\n{times}\n{text}\n")
    return "\n".join(entries)


def _texts(timeline: Timeline, keys: tuple[str, ...], player: Who) -> Iterator[str]:
    whos = sorted({player, "nudge", *timeline.players}, key=lambda who: who != player)
    states = {who: timeline.key_states(keys, who) for who in whos}
    for number in range(len(timeline.before_ns)):
        parts = []
        for who, rows in states.items():
            held = " ".join(key for key, down in zip(keys, rows[number], strict=True) if down)
            if held:
                parts.append(held if who == player else f"({who}: {held})")
        yield " ".join(parts)


def _time(stamp_ms: int) -> str:
    seconds, ms = divmod(stamp_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{ms:03}"
