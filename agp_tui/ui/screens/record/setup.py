"""What is set before a recording begins: who plays, the game's profile, its display, when it ends."""

from typing import Any

from textual import work
from textual.markup import escape
from textual.reactive import var

from agp_tui.config import GameSettings
from agp_tui.errors import AgpError
from agp_tui.games.ids import is_atari
from agp_tui.ui.client.process import ask
from agp_tui.ui.components.player_choices import agents, models, scripted
from agp_tui.ui.dialogs.choose import Choice, Choose
from agp_tui.ui.dialogs.form import Form, Values
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.screens.record.profile import (
    RecordingLimits,
    game_settings,
    profile_fields,
    region_text,
    save_profile,
)

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


def setup_text(game: str, place: GameSettings, by: str, limits: RecordingLimits, stop_key: str) -> str:
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


WATCHED = "you, watched by "
"""Before a model's name: you play, and it says what it would press."""
TERMINAL = "terminal"
"""You, an Atari game, here."""


class RecordSetup(AppScreen):
    """The part of the screen for recording that asks and remembers; it runs nothing live."""

    problem: var[str] = var[str]("", init=False)
    """What went wrong, with its cure; empty where nothing did."""
    by: var[str] = var[str]("", init=False)
    """Who plays: human, terminal, expert, a model's name, an agent's run, or a model behind `WATCHED`."""
    limits: var[RecordingLimits] = var[RecordingLimits](RecordingLimits(), init=False)
    busy_with = ""
    """The game that something runs for now; empty where nothing does."""

    _limits_of_file = RecordingLimits()

    def draw(self) -> None:
        """Show what is set."""
        raise NotImplementedError

    @property
    def game(self) -> str:
        """The chosen game; while something runs, the one that it runs for."""
        return self.busy_with or self.agp.game

    @property
    def by_hand(self) -> bool:
        """Whether a person plays it here, in the terminal."""
        return is_atari(self.game) and (self.by == TERMINAL or self.by.startswith(WATCHED))

    @property
    def place(self) -> GameSettings:
        return game_settings(self.agp, self.game)

    def on_mount(self) -> None:
        self.limits = self._limits_of_file = RecordingLimits.of(self.agp.loaded.config.record)

    def changed(self, what: str) -> None:
        """Another game, other settings, other models."""
        if what == "settings":
            before, self._limits_of_file = (
                self._limits_of_file,
                RecordingLimits.of(self.agp.loaded.config.record),
            )
            if self.limits == before:
                self.limits = self._limits_of_file
        if what in ("", "game", "models", "games") and not self.busy_with:
            players = [one.value for one in self.players()]
            asked = self.agp.loaded.config.record.by
            if what == "game" or self.by not in players:
                self.by = asked if asked in players else players[0]
        if what == "game" and not self.busy_with:
            self.problem = ""
        self.draw()

    def players(self) -> list[Choice]:
        """Who can play the game, the likeliest first."""
        game, catalog = self.game, self.agp.catalog
        others = models(game, catalog)
        note = "it presses nothing, but says what it would"
        watched = [Choice(WATCHED + one.value, note) for one in others]
        if not is_atari(game):
            return [Choice("human", "you, on the game's own keyboard"), *others, *watched]
        here = Choice(TERMINAL, "you, here in the terminal")
        return [*scripted(game, catalog), here, *others, *agents(game, catalog), *watched]

    def player_words(self) -> list[str]:
        """Who plays, as flags of `agp record`."""
        if self.by.startswith(WATCHED):
            you = TERMINAL if is_atari(self.game) else "human"
            return ["--by", you, "--shadow", self.by.removeprefix(WATCHED)]
        return ["--by", self.by]

    def action_who(self) -> None:
        """Another player."""
        players = self.players()
        self.app.push_screen(Choose(f"Who plays {self.game}?", players), self._chosen_player)

    def _chosen_player(self, name: str | None) -> None:
        if name:
            self.by = name

    def action_profile(self) -> None:
        """The region in numbers, the keys, the rate."""
        game = self.game

        async def take(values: Values) -> None:
            await save_profile(self.agp, game, values)

        title = f"Profile of {game}, kept in config.toml"
        self.app.push_screen(Form(title, profile_fields(self.place, game), "Save", take), self._form_over)

    def _form_over(self, values: Values | None) -> None:
        if values is not None:
            self.problem = ""

    def action_limits(self) -> None:
        """When it ends."""

        async def take(values: Values) -> None:
            for name, text in values.items():
                if name != "pace" and text and not text.replace(".", "", 1).isdigit():
                    raise AgpError(f"Expected a number for {name}, found {text!r}.", "Such as 60.")
            self.limits = RecordingLimits(**values)

        self.app.push_screen(Form("This recording", self.limits.fields(self.game), "Take", take))

    @work(exclusive=True, group="display")
    async def action_display(self) -> None:
        """One of several displays."""
        if await self._choose_display(ask_anyway=True):
            self.notify("There is only one display.", timeout=3)

    async def _choose_display(self, ask_anyway: bool = False) -> bool:
        """Have a display chosen and kept where there are several; whether none had to be.

        $DISPLAY has chosen already, but for `ask_anyway`.
        """
        try:
            report: Any = (await ask("screen", "list", "--game", self.game, *self.agp.words)).report
        except AgpError as error:
            self.problem = str(error)
            return False
        if self.app.current_mode != self.MODE:
            # Whoever has gone to another screen in the meantime is asked nothing, and watched nothing.
            return False
        found = [one for one in report["displays"] if one["usable"]]
        if not found:
            reasons = "; ".join(
                f"{one['name'] or 'this desktop'}: {one['reason']}" for one in report["displays"]
            )
            self.problem = (
                f"Expected a display to see the game on, found none. {reasons or 'There is none.'} "
            )
            self.problem += "Start one, or press e and name it."
            return False
        chosen = any(one["source"] == "$DISPLAY" for one in found) and not ask_anyway
        if chosen or len(found) == 1:
            return True
        choices = [
            Choice(one["name"], f"{one['size'][0]}x{one['size'][1]}, {one['source']}") for one in found
        ]
        name = await self.app.push_screen_wait(Choose("Which display is the game on?", choices))
        if name:
            await self.keep_in_profile(self.game, {"display": name})
        return False

    async def keep_in_profile(self, game: str, values: Values) -> bool:
        """Write into a game's profile; False where that failed, which is shown."""
        try:
            await save_profile(self.agp, game, values)
        except AgpError as error:
            self.problem = str(error)
            return False
        return True

    async def ready_to_look(self) -> bool:
        """Whether it is known which display to look at."""
        self.problem = ""
        if self.place.display is None and not await self._choose_display():
            return self.place.display is not None
        return True

    def watch_problem(self, problem: str) -> None:
        self.draw()

    def watch_by(self) -> None:
        self.draw()

    def watch_limits(self) -> None:
        self.draw()
