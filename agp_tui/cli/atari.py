"""`agp atari`: the Atari games there are."""

from cyclopts import App

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.running import show
from agp_tui.config import Output
from agp_tui.engine.events import Table

app = App(name="atari", help="Atari games: what there is to play.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every Atari game, its keys, and whether a scripted expert can demonstrate it."""
    from agp_tui.games.atari import atari_ids, default_keys
    from agp_tui.games.experts import has_expert

    rows: list[list[str | float | int | None]] = [
        [name, " ".join(default_keys(name)), "yes" if has_expert(name) else ""] for name in atari_ids()
    ]
    return show(output, "atari", Table(title="Atari games", columns=["game", "keys", "expert"], rows=rows))
