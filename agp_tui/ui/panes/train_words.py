"""What the screen for training says: its help, and its sentence where there is nothing."""

HELP = """
# Train

Choose the recordings to learn from; below them stands **what they hold**: how long each key is held,
which keys together, what is kept aside to judge the model by, and what may be wrong with them.

A training belongs to no terminal: leave this screen, the app or the machine, and it goes on. In the
end the model's F1 stands beside two that need no learning, *repeating* the last keys and the *most
frequent* ones: a model that does not beat them has learnt nothing.

| Key | What it does |
|---|---|
| `space`, `a` | choose a recording; all or none |
| `tab` | to the form: size, minutes, epochs, segment, name |
| `n` | name the model |
| `enter` | start; in the end: a new training |
| `s` | stop: the checkpoint is kept |
| `r` | go on with a training that was stopped, failed or died |
| `p` | practice: a model plays, the game's expert or a trained agent corrects it (Atari games) |
| `escape` | back to the form; the training goes on |
| `w` | watch the training that goes on |
| `y` | copy the run's folder |
"""

EMPTY = "No recordings of [b]{game}[/] yet. Press [b]2[/] to make one, [b]g[/] for another game."
