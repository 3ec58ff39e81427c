"""What the screen of agents says."""

from rich.text import Text

HELP = """
# Atari

Every Atari game is a game like any other here: it runs in real time, needs no screen, and has a score.
It can be watched, recorded and cloned; and an **agent** can learn it from its pixels alone.

Choose a game, change what you like in the form (the help of each setting stands below it) and press
`t`. A training belongs to no terminal: leave the screen, the app or the machine, and it goes on.
**Training scores** are of games with chance in them; the **evaluation** is of whole games apart from
the training, with the interval in which its mean lies at 95 %.

| Key | What it does |
|---|---|
| `enter` | in the list: choose the game; in the form: train |
| `tab` | from the list to the form, and on |
| `t` | train an agent on the chosen game |
| `m` | Monte Carlo, or the usual algorithm again |
| `f` | follow a training: choose which |
| `s` | stop: the training (its checkpoint is kept), or who is watched |
| `r` | go on with a training that was stopped, failed or died |
| `c` | compare all trainings; `enter` there shows one |
| `escape` | back; a training goes on |
| `w` | watch the expert play, or chance where there is none |
| `b` | watch somebody else: choose who, agents among them |
| `/` | find a game by a part of its name |
| `o` | sort by another column |
| `y` | copy the game's id, or the run's folder |
"""


def what_to_do(*, can_go_on: bool) -> Text:
    """After a failure."""
    parts = [("r", "bold"), " goes on from its last checkpoint, "] if can_go_on else []
    return Text.assemble(
        "Press: ", *parts, ("enter", "bold"), " for the form, ", ("7", "bold"), " for all runs."
    )
