"""What the library says: its help, its table, its sentence where there is nothing."""

import re
from collections.abc import Sequence
from pathlib import Path

from textual.markup import escape

from agp_tui.protocol.events import Table
from agp_tui.ui.client.catalog import RecordingItem
from agp_tui.ui.components.live_view import clock

HELP = """
# Library

Every recording of the chosen game, or of all games, with what it is like to learn from.

| Key | What it does |
|---|---|
| `enter` | replay the recording that the cursor is on |
| `a` | all games, or the chosen one |
| `/` | keep those with a text; `escape` keeps all |
| `o`, `shift+o` | sort by the next column, the other way round; so does a click |
| `c`, `r`, `d` | check it for gaps, damage, stuck keys; repair it; delete it |
| `i`, `e` | import a pickle of the original script; export in many forms |
| `y` | copy its path |

In a replay:

| Key | What it does |
|---|---|
| `space` | pause, play; at the end from the beginning |
| `left`, `right` | a frame; with `shift`, or `[` and `]`, a second |
| `home`, `end` | to the beginning, the end; a click on the line goes there |
| `+`, `-` | faster, slower: 0.25 to 8 times |
| `m` | where a model or a teacher would have pressed something else |
| `escape` | back to the table |
"""

COLUMNS = ["game", "when", "s", "frames", "fps", "full %", "state", "keys held %", "MB", "recording"]


def rows_of(recordings: Sequence[RecordingItem]) -> Table:
    """The recordings as a table; the last column, the folder, is different in each."""
    rows: list[list[str | float | int | None]] = []
    for one in recordings:
        known = one.frames > 0
        held = ", ".join(f"{key} {100 * share:.0f}" for key, share in one.held.items())
        rows.append(
            [
                one.game,
                when(one.stamp),
                round(one.seconds, 1) if known else None,
                one.frames if known else None,
                one.fps if known else None,
                round(100 * one.filled, 1) if known else None,
                one.state,
                held or shortened(one.problem),
                round(one.bytes / 1e6, 1),
                key_of(one),
            ]
        )
    return Table(title="Recordings", columns=COLUMNS, rows=rows)


def shortened(text: str) -> str:
    """As much as a column bears; the details say the rest."""
    return text if len(text) <= 48 else f"{text[:47]}…"


def key_of(one: RecordingItem) -> str:
    """A recording's folder below the folder of recordings."""
    path = Path(one.path)
    return f"{path.parent.name}/{path.name}"


def when(stamp: str) -> str:
    """The moment in the name of a folder, as people write it."""
    parts = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)\d\d(-\d+)?", stamp)
    if parts is None:
        return stamp
    year, month, day, hour, minute, more = parts.groups()
    return f"{year}-{month}-{day} {hour}:{minute}{more or ''}"


def head_text(shown: Sequence[RecordingItem], game: str | None, wanted: str) -> str:
    """What the table holds, in a line of markup."""
    seconds, size = sum(one.seconds for one in shown), sum(one.bytes for one in shown)
    what = f"[b]{escape(game)}[/]" if game else "[b]all games[/]"
    count = f"{len(shown)} recording{'' if len(shown) == 1 else 's'}"
    broken = sum(one.state not in ("complete", "recovered", "recording") for one in shown)
    text = f"{what}: {count}, {seconds / 60:.1f} min, {size / 1e6:.0f} MB"
    text += f", [$warning]{broken} not whole[/]" if broken else ""
    return text + (f"  [dim]only those with[/] {escape(wanted)}" if wanted else "")


def moment_text(start: int, stop: int, fps: int) -> str:
    """When a stretch of frames begins, and how long it is."""
    return f"{clock(start / fps)}, {(stop - start) / fps:.1f} s, from frame {start} on"


def empty_text(game: str | None) -> str:
    """What to do where there is nothing."""
    whose = f" of {escape(game)}" if game else ""
    others = "\n[b]a[/] shows the recordings of all games, [b]g[/] chooses another." if game else ""
    return (
        f"There is no recording{whose} yet.\n\nPress [b]2[/] to record one, "
        "[b]i[/] to import a pickle of the original script,\n"
        f"or [b]1[/] and then [b]d[/] for a demo of everything.{others}"
    )
