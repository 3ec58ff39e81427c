"""The tree of commands."""

from cyclopts import App

from agp_tui import __version__
from agp_tui.cli import atari, bench, config, models, recordings, runs, train
from agp_tui.cli.demo import demo
from agp_tui.cli.doctor import doctor
from agp_tui.cli.home import home
from agp_tui.cli.play import play
from agp_tui.cli.record import record
from agp_tui.cli.sources import fill_from_settings

app = App(
    name="agp",
    help="Record a game with the keys you hold, learn to play it, take the keyboard.",
    version=__version__,
    config=(fill_from_settings,),
    help_format="plaintext",
)
app.default(home)
app.command(demo)
app.command(record)
app.command(recordings.app)
app.command(train.train)
app.command(train.export)
app.command(models.app)
app.command(play)
app.command(train.practice)
app.command(bench.app)
app.command(atari.app)
app.command(runs.app)
app.command(doctor)
app.command(config.app)
