"""Help, table and messages of the library screen."""

import re
from collections.abc import Sequence
from pathlib import Path

from textual.markup import escape

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Table
from agp_tui.protocol.summaries import RecordingSummary

HELP = """
# Library

The recordings of the chosen game, or of all games, with statistics of their quality as training data.

| Key | What it does |
|---|---|
| `enter` | replay the recording under the cursor |
| `a` | show all games, or the chosen one |
| `/` | filter by a text; `escape` shows all |
| `o`, `shift+o` | sort by the next column, reverse the order; or click on a column title |
| `c`, `r`, `d` | check it for gaps, damage, stuck keys; repair it; delete it |
| `i`, `e` | import a pickle of the original script; export in other formats |
| `y` | copy its path |

In a replay:

| Key | What it does |
|---|---|
| `space` | pause, play; at the end restart |
| `left`, `right` | one frame back, forward; with `shift`, or `[` and `]`, one second |
| `home`, `end` | to the beginning, the end; or click on the seek bar |
| `+`, `-` | faster, slower: 0.25 to 8 times |
| `n` | begin a stretch that training leaves out; at its last frame `n` again. The seek bar shows it |
| `l` | in such a stretch: learn from it again |
| `u` | take back the newest of these changes |
| `m` | list the disagreements: frames at which a model or a teacher would have pressed other keys |
| `escape` | back to the table |
"""

COLUMNS = ["game", "when", "s", "frames", "fps", "full %", "state", "keys held %", "MB", "recording"]


def recordings_table(recordings: Sequence[RecordingSummary]) -> Table:
    """The recordings as a table whose last column, the folder, is unique."""
    rows: list[list[str | float | int | None]] = []
    for one in recordings:
        readable = one.frames > 0
        held = ", ".join(f"{key} {100 * share:.0f}" for key, share in one.held.items())
        rows.append(
            [
                one.game,
                stamp_text(one.stamp),
                round(one.seconds, 1) if readable else None,
                one.frames if readable else None,
                one.fps if readable else None,
                round(100 * one.filled, 1) if readable else None,
                one.state,
                held or shortened(one.problem),
                round(one.bytes / 1e6, 1),
                recording_key(one),
            ]
        )
    return Table(title="Recordings", columns=COLUMNS, rows=rows)


def shortened(text: str) -> str:
    """The beginning of a text; the details show all of it."""
    return text if len(text) <= 48 else f"{text[:47]}…"


def recording_key(one: RecordingSummary) -> str:
    """A recording's folder relative to the recordings folder, as its key in the table."""
    path = Path(one.path)
    return f"{path.parent.name}/{path.name}"


def stamp_text(stamp: str) -> str:
    """The time in a folder's name, such as `20260101-120000`, as `2026-01-01 12:00`."""
    parts = re.fullmatch(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)\d\d(-\d+)?", stamp)
    if parts is None:
        return stamp
    year, month, day, hour, minute, more = parts.groups()
    return f"{year}-{month}-{day} {hour}:{minute}{more or ''}"


def head_text(shown: Sequence[RecordingSummary], game: str | None, filter_text: str) -> str:
    """Summary of the table, as a line of markup."""
    seconds, size = sum(one.seconds for one in shown), sum(one.bytes for one in shown)
    what = f"[b]{escape(game)}[/]" if game else "[b]all games[/]"
    count = f"{len(shown)} recording{'' if len(shown) == 1 else 's'}"
    broken = sum(one.state not in ("complete", "recovered", "recording") for one in shown)
    text = f"{what}: {count}, {seconds / 60:.1f} min, {size / 1e6:.0f} MB"
    text += f", [$warning]{broken} damaged[/]" if broken else ""
    return text + (f"  [dim]only those with[/] {escape(filter_text)}" if filter_text else "")


def disagreement_text(start: int, stop: int, fps: int) -> str:
    """Start and length of a disagreement; `start` and `stop` are frames."""
    return f"{clock_text(start / fps)}, {(stop - start) / fps:.1f} s, from frame {start}"


def empty_text(game: str | None) -> str:
    """Shown in place of an empty table."""
    whose = f" of {escape(game)}" if game else ""
    others = "\n[b]a[/] shows the recordings of all games, [b]g[/] chooses another game." if game else ""
    return (
        f"There is no recording{whose} yet.\n\nPress [b]2[/] to record one, "
        "[b]i[/] to import a pickle of the original script,\n"
        f"or [b]1[/] and then [b]d[/] for a demo of everything.{others}"
    )
