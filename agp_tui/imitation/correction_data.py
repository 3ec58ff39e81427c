"""What a model goes on learning from: its own recordings and validation set, and what it was shown."""

from collections.abc import Callable, Sequence
from pathlib import Path

from agp_tui.errors import RecordingError
from agp_tui.imitation.checkpoint import Checkpoint
from agp_tui.imitation.dataset import Dataset, Span, Take, where_shown

HELD_OUT = 0.2
"""The newest share of what was shown, kept for a comparison where the game has no score."""

Open = Callable[[Sequence[Path]], tuple[Take, ...]]


def unlearned(source: Checkpoint, corrections: Sequence[Path]) -> tuple[Path, ...]:
    """Those that `source` has not learned from yet: only they can tell whether it is better afterwards.

    Raises `RecordingError` where it knows them all.
    """
    known = {Path(name) for name in source.data.get("takes", ())}
    found = tuple(path for path in corrections if path not in known)
    if not found:
        raise RecordingError(
            f"Expected corrections that the model has not learned from, found only the {len(corrections)} "
            "that it has.",
            "Take over from it while it plays, and let it learn from that.",
        )
    return found


def corrected_dataset(
    source: Checkpoint,
    own: Open,
    corrections: tuple[Take, ...],
    *,
    hold_out: bool,
    warn: Callable[[str], None],
) -> Dataset:
    """What `source` was trained on with `corrections` added to it.

    Its validation set stays as it was; only where none of it is left, the corrections that are held out
    stand in for it. `own` opens its recordings, of which some may be gone.
    """
    spec = source.spec
    names = [Path(name) for name in source.data.get("takes", ())]
    added = {Path(take.name) for take in corrections}
    there = [number for number, path in enumerate(names) if path.is_dir() and path not in added]
    if gone := len([path for path in names if not path.is_dir()]):
        warn(f"Of the model's own {len(names)} recordings {gone} are gone: it goes on without them.")
    old = own([names[number] for number in there]) if there else ()
    place = {number: index for index, number in enumerate(there)}
    validation = [
        Span(place[take], start, stop)
        for take, start, stop in source.data.get("validation", ())
        if take in place and stop <= len(old[place[take]])
    ]
    takes = (*old, *corrections)
    learned, held_out = divided(takes, len(old), spec.segment) if hold_out else (_all(takes, len(old)), ())
    train = (*where_shown(takes, _around(old, validation, spec.segment)), *learned)
    step = int(source.data.get("step", 1))
    return Dataset(takes, train, tuple(validation) or held_out, segment=spec.segment, step=step)


def divided(takes: Sequence[Take], first: int, segment: int) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Where somebody showed something in the takes from `first` on: to learn from, and the newest part.

    Between the two, windows of one share no frame with the other.
    """
    shown = _all(takes, first)
    left = round(sum(map(len, shown)) * (1 - HELD_OUT))
    learned: list[Span] = []
    held_out: list[Span] = []
    for span in shown:
        middle = min(span.stop, span.start + left)
        left -= middle - span.start
        if middle > span.start:
            learned.append(Span(span.take, span.start, middle))
        begin = middle + segment if middle > span.start else middle
        if span.stop > begin:
            held_out.append(Span(span.take, begin, span.stop))
    return tuple(learned), tuple(held_out)


def _all(takes: Sequence[Take], first: int) -> tuple[Span, ...]:
    return where_shown(takes, [Span(i, 0, len(takes[i])) for i in range(first, len(takes))])


def _around(takes: Sequence[Take], validation: Sequence[Span], segment: int) -> list[Span]:
    """Everything in these takes of which no window shares a frame with one of `validation`."""
    found: list[Span] = []
    for number, take in enumerate(takes):
        begin = 0
        for span in sorted((one for one in validation if one.take == number), key=lambda one: one.start):
            if span.start - segment > begin:
                found.append(Span(number, begin, span.start - segment))
            begin = span.stop + segment
        if begin < len(take):
            found.append(Span(number, begin, len(take)))
    return found
