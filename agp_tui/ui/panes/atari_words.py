"""What the screen of agents says."""

from rich.text import Text

HELP = """
# Atari

A game can be watched, recorded and cloned; and an **agent** can learn it from its pixels alone: choose a
game, change what you like in the form, press `t`. A training belongs to no terminal: it goes on without
this one. **Training scores** have actions by chance in them; the **evaluation** plays whole games apart
from the training, and the interval says where its mean lies at 95 %.

| Key | What it does |
|---|---|
| `enter` | in the list: choose the game; in the form: train |
| `t` | train an agent on the chosen game |
| `m` | Monte Carlo, or the usual algorithm again |
| `s` | stop: the training (its checkpoint is kept), or who is watched |
| `r` | go on with a training that was stopped, failed or died |
| `f`, `c` | follow a training; compare all of them, `enter` there shows one |
| `escape` | back; a training goes on |
| `w`, `b` | watch the expert (or chance); choose who: agents are among them |
| `/`, `o` | find a game by a part of its name; sort by another column |
"""


def what_to_do(*, can_go_on: bool) -> Text:
    """After a failure."""
    parts: list[str | tuple[str, str]] = []
    if can_go_on:
        parts = [("r", "bold"), " goes on from its last checkpoint, "]
    return Text.assemble(
        "Press: ", *parts, ("enter", "bold"), " for the form, ", ("7", "bold"), " for all runs."
    )
