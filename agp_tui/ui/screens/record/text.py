"""Help and summary texts of the record screen."""

from textual.markup import escape

from agp_tui.config import GameSettings
from agp_tui.games.ids import is_atari
from agp_tui.games.profiles import region_text
from agp_tui.games.view import View
from agp_tui.ui.screens.record.profile import RecordingLimits

HELP = """
# Record

Records a game's frames together with the keys that are held at each frame, while you, an expert or a
model plays. A new name becomes a **profile** in `config.toml`: its screen region, keys and frame rate. The
region is shown live before recording starts. It follows the game's window: without a profile the next
recording is made in the same window, wherever that is.

| Key | What it does |
|---|---|
| `enter` | start, after a countdown; without a region or an earlier recording you click on the game first |
| `r`, `c` | choose the region: over a live picture of the display (see below), or by a click on the game |
| `e` | edit the profile: region as numbers, keys tracked, frames per second, size, display |
| `m` | choose the display (monitor), if there are several |
| `b` | choose who plays: you, with or without a model's advice, an expert, a model |
| `o` | options: automatic end, length of the countdown, nudges (wrong keys to recover from) |
| `n`, `u` | while recording: exclude the last 5 s from training, as **f8** in the game does; undo that |
| `s`, `escape` | stop here; **esc on the game's keyboard** stops too. During the countdown nothing is saved |
| `enter` or `k`, `x` | afterwards: keep, or discard |
| `p` | afterwards: save region and keys as the profile of the game, if it has none |
| `y` | copy the recording's path, or the error |

Over the picture the arrow keys move the region by 10 pixels, with shift by 50, with ctrl (or `h` `j` `k`
`l`) by 1; `+` and `-` resize it, `[` and `]` by 2 pixels. A click sets its center, a drag draws it. `enter`
accepts it, `escape` cancels.

An Atari game is played by you, here in the terminal, or by an expert, a model, an agent. While you play,
every key is the game's: the arrows, space. `escape` ends it; `f2` changes how long keys are held, if the
terminal does not report key releases.
"""


def setup_text(
    game: str, profile: GameSettings, view: View | None, player: str, limits: RecordingLimits, stop_key: str
) -> str:
    """Game, player, region, keys, rate and automatic end, as two lines of markup.

    `view` is that of the last recording.
    """
    who = {"human": "you", "terminal": "you, here"}.get(player, player)
    head = f"[b]{escape(game)}[/], played by [b]{escape(who)}[/]"
    if is_atari(game):
        head += ", on an emulated console"
    elif region := region_text(profile):
        head += f", {region}" + (f" on {escape(profile.display)}" if profile.display else "")
    elif view is not None:
        head += f", {escape(view.text)}, as last time"
    else:
        head += "  [b $warning]no region yet:[/] [b]r[/] choose, [b]c[/] click, [b]e[/] type it"
    keys = " ".join(profile.keys) or ("the console's own keys" if is_atari(game) else "up left right down")
    frames = f"{profile.fps} fps, {profile.frame_size}x{profile.frame_size}"
    return f"{head}\n{escape(keys)}, {frames}; {limits.text(game, stop_key)}"
