"""What the screen for recording says: its help, and the lines that tell what would be recorded."""

from textual.markup import escape

from agp_tui.config import GameSettings
from agp_tui.games.names import is_atari
from agp_tui.ui.panes.profile import Limits, region_text

HELP = """
# Record

What you (or an expert, or a model) play is kept with the keys that are held at each frame. A name that
is new becomes a **profile** in `config.toml`: its region of the screen, its keys, its rate. The region is
seen here, live, before it is recorded.

| Key | What it does |
|---|---|
| `enter` | start, after a countdown; without a region you click on the game first |
| `r`, `c` | the region: over a live picture of the display (see below), by a click on the game |
| `e` | the profile: region in numbers, keys tracked, frames a second, size, display |
| `m` | choose the display (monitor), where there are several |
| `b` | who plays: you, watched by a model or not, an expert, a model |
| `o` | when it ends by itself, how long the countdown is |
| `s`, `escape` | stop, here; **esc on the game's keyboard** stops too. In the countdown nothing is kept |
| `enter` or `k`, `x` | afterwards: keep, or discard |
| `y` | copy the recording's path, or what is wrong |

Over the picture the arrows move the region by 10 pixels, with shift by 50, with ctrl (or `h` `j` `k` `l`)
by 1; `+` and `-` resize it, `[` and `]` by 2 pixels. A click puts its middle, a drag draws it. `enter`
takes it, `escape` leaves it as it was.

An Atari game is played by you, here, or by an expert, a model, an agent. While you play, every key is the
game's: the arrows, space. `escape` ends it; `f2` changes how long keys are held, where the terminal does not
tell of releases.
"""


def setup_text(game: str, place: GameSettings, by: str, limits: Limits, stop_key: str) -> str:
    """Game, player, region, keys, rate and end, in two lines of markup."""
    who = {"human": "you", "terminal": "you, here"}.get(by, by)
    head = f"[b]{escape(game)}[/], played by [b]{escape(who)}[/]"
    if is_atari(game):
        head += ", on an emulated console"
    elif region := region_text(place):
        head += f", {region}" + (f" on {escape(place.display)}" if place.display else "")
    else:
        head += "  [b $warning]no region yet:[/] [b]r[/] choose, [b]c[/] click, [b]e[/] type it"
    keys = " ".join(place.keys) or ("the console's own keys" if is_atari(game) else "up left right down")
    frames = f"{place.fps} fps, {place.frame_size}x{place.frame_size}"
    return f"{head}\n{escape(keys)}, {frames}; {limits.text(game, stop_key)}"
