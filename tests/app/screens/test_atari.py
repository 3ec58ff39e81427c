"""Agents trained from the app: the form, a real training started, stopped, gone on with and compared."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import fields
from pathlib import Path

import pytest
from support import atari_events
from support.apps import LARGE, SIZES, SMALL, open_screen, screen_shows, screen_text, wait_until
from support.atari_events import BREAKOUT
from support.scripted_runs import START_SECONDS, create_run, freeze_run_view_time
from support.snapshots import Snapshot
from textual.pilot import Pilot
from textual.widgets import Input

from agp_tui.cli.atari import app as atari_commands
from agp_tui.config import AtariSettings
from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Failed, encode_event
from agp_tui.protocol.summaries import AtariGameSummary
from agp_tui.ui.app import AgpApp
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.components.settings_form import UNSET, Setting
from agp_tui.ui.components.settings_form import shown as as_typed
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.dialogs.form import Cycle
from agp_tui.ui.screens.atari.form import AtariForm
from agp_tui.ui.screens.atari.screen import AtariScreen
from agp_tui.ui.screens.runs.screen import RunsScreen
from agp_tui.ui.widgets.event_table import EventTable
from agp_tui.ui.widgets.score_table import ScoreTable

PONG = "ALE/Pong-v5"
GAMES = (
    AtariGameSummary(id=BREAKOUT, keys=("left", "right", "space"), expert=True),
    AtariGameSummary(id=PONG, keys=("up", "down"), expert=True),
    AtariGameSummary(id="ALE/MsPacman-v5", keys=("up", "left", "right", "down")),
)
QUICK = '[atari]\nsteps = 4000\nworkers = 1\nenvironments = 2\nprecision = "float32"\n'
"""A real training of some seconds whose first games end soon."""
LEARNING = (
    *atari_events.start_events(START_SECONDS),
    *atari_events.training_events(START_SECONDS),
    atari_events.LIVE,
)
FAILED = Failed(error="A process of the training was lost.", hint="Go on with: r", at=START_SECONDS + 41)


class Shown:
    """The screen with a few games, in a folder of its own."""

    def __init__(self, app: AgpApp, pilot: Pilot[int], screen: AtariScreen) -> None:
        self.app, self.pilot, self.screen = app, pilot, screen
        self.form = screen.query_one(AtariForm)
        self.view = screen.query_one("#atari-run", RunView)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def wait_until(self, *words: str) -> None:
        await wait_until(self.pilot, screen_shows(self.pilot, *words))

    @property
    def text(self) -> str:
        return screen_text(self.pilot)

    def scores(self) -> tuple[float, ...]:
        return tuple(game.score for game in self.screen.query_one(ScoreTable).games)

    def type_in(self, key: str, value: str) -> None:
        field = self.form.query_one(f"#atari-{key}")
        assert isinstance(field, Input | Cycle)
        field.value = value


def atari(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = SMALL
) -> AbstractAsyncContextManager[tuple[AgpApp, Pilot[int], AtariScreen]]:
    return open_screen(AtariScreen, folder, monkeypatch, size, looks=())


async def with_games(app: AgpApp, pilot: Pilot[int], screen: AtariScreen) -> Shown:
    app.catalog.games = GAMES
    app.catalog_changed.publish("games")
    await pilot.pause()
    return Shown(app, pilot, screen)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["empty", "live", "failed"])
def test_it_looks_as_it_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot, size: tuple[int, int], state: str
) -> None:
    freeze_run_view_time(monkeypatch, 41)
    run: Run | None = None
    if state == "live":
        run = create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING)
    if state == "failed":
        run = create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING[:-1], FAILED)
        (run.path / "narration.log").write_text("Traceback\nRuntimeError: Connection closed by peer\n")

    async def test() -> None:
        async with atari(tmp_path, monkeypatch, size) as opened:
            shown = await with_games(*opened)
            if state == "failed":
                assert run is not None
                shown.screen.follow(run)
                await shown.wait_until("Connection closed by peer", "r goes on")
            if state == "live":
                assert run is not None
                await shown.wait_until("13.3", "a evaluation")
                run.live_file.write_bytes(encode_event(atari_events.LIVE))
                await shown.wait_until("╭─ score 7")
            await snap(shown.pilot, f"atari-{state}-{'small' if size == SMALL else 'large'}")

    try:
        asyncio.run(test())
    finally:
        if run is not None and run.alive():
            run.stop()


def test_before_anything_ran_it_says_what_to_press_and_offers_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as (app, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "Looking for the games"))
            app.catalog.games = ()
            app.catalog_changed.publish("games")
            await wait_until(pilot, screen_shows(pilot, "pip install"))
            shown = await with_games(app, pilot, screen)
            app.game = "rally"
            await shown.wait_until("no game yet", "Choose a game: enter in the list")
            await shown.press("t", "s", "r", "f", "c", "escape")
            assert not (tmp_path / "runs").exists() and screen.followed_run is None and not screen.comparing
            await shown.press("enter")
            await shown.wait_until("Train an agent: ALE/Breakout-v5", "How it learns")
            assert app.game == BREAKOUT
            await shown.press("escape")
            assert app.focused is screen.query_one("#atari-table", EventTable)

    asyncio.run(test())


def other_than(one: Setting) -> str:
    """Another value than the one that a setting has, as it is typed."""
    if choices := one.form_choices:
        return next(choice for choice in reversed(choices) if choice not in (one.form_value, UNSET))
    match one.kind:
        case "int":
            return str((one.value or 1) + 1)
        case "float":
            return str((one.value or 0.5) / 2)
    return "one,two" if one.kind == "words" else "another"


def test_every_setting_can_be_changed_and_comes_to_the_command_as_it_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as opened:
            shown = await with_games(*opened)
            assert shown.form.flags() == ["--game", PONG], "what nobody changed is not said"
            settings = shown.form.settings
            assert {one.name for one in fields(AtariSettings)} == {"game", *settings}
            changed = {key: other_than(one) for key, one in settings.items()}
            for key, value in changed.items():
                shown.type_in(key, value)
            asked = parsed(shown.form.flags())
            assert asked.game == PONG
            for key, value in changed.items():
                found = getattr(asked, key)
                assert as_typed(list(found) if isinstance(found, tuple) else found) == value, key

    asyncio.run(test())


def parsed(words: list[str]) -> AtariSettings:
    """What `agp atari train` understands."""
    _, bound, _ = atari_commands.parse_args(["train", *words])
    settings = bound.arguments["settings"]
    assert isinstance(settings, AtariSettings)
    return settings


def test_what_the_file_says_stands_in_the_form_and_can_be_left_open_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[atari]\nlearning_rate = 0.001\nalgorithm = "pqn"\nclip_rewards = false\nsteps = 9\n')

    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as opened:
            shown = await with_games(*opened)
            assert shown.form.flags() == ["--game", PONG]
            for key, value in {"learning_rate": "", "clip_rewards": "its own", "steps": "10"}.items():
                shown.type_in(key, value)
            asked = parsed(shown.form.flags())
            assert (asked.learning_rate, asked.clip_rewards, asked.steps) == (None, None, 10)
            file.write_text(file.read_text().replace("steps = 9", "steps = 11\nseed = 4"))
            shown.app.reload()
            await wait_until(shown.pilot, lambda: shown.form.query_one("#atari-seed", Input).value == "4")
            assert shown.form.query_one("#atari-steps", Input).value == "10", "what was typed stays"

    asyncio.run(test())


def test_monte_carlo_is_one_key_away_and_the_help_says_what_an_algorithm_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as opened:
            shown = await with_games(*opened)
            assert shown.form.algorithm == "pqn"
            epsilon = shown.form.query_one("#atari-choose_random", Input)
            await shown.press("m")
            assert shown.form.flags() == ["--game", PONG, "--algorithm=monte_carlo"]
            assert epsilon.placeholder == "1.0, its own"
            await shown.press("m")
            assert shown.form.flags() == ["--game", PONG]
            await shown.press("tab", "right")
            assert shown.form.algorithm == "ppo"
            assert epsilon.placeholder == "has no use here"
            await shown.press("left", "left")
            assert shown.form.algorithm == "monte_carlo", "and one to the left in the form"
            epsilon.focus()
            await shown.wait_until("(epsilon)", "monte_carlo: 1.0")
            await shown.press(*"7", "enter")
            await shown.wait_until("Expected", "7")
            assert shown.app.focused is epsilon, "it goes to what does not fit"
            assert not (tmp_path / "runs").exists()

    asyncio.run(test())


def test_it_trains_shows_games_stops_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text(QUICK)

    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as opened:
            shown = await with_games(*opened)
            app, screen, pilot = shown.app, shown.screen, shown.pilot
            app.game = BREAKOUT
            await shown.press("t", "t")
            await wait_until(pilot, lambda: bool(shown.scores()))
            await shown.wait_until("steps/s", "env", "infer", "learn", "training, mean of 100", "╭─ score")
            assert screen.followed_run is not None and len(app.catalog.runs) == 1, "an impatient second press"
            run = screen.followed_run
            assert screen.copy_text() == str(run.path) and screen.followed_run_id() == run.id
            await shown.press("escape")
            await shown.wait_until("Train an agent: ALE/Breakout-v5")
            assert run.alive(), "whoever looks elsewhere does not stop it"
            await shown.press("f")
            await wait_until(pilot, lambda: bool(shown.scores()))
            await shown.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            await shown.wait_until("■ Stopped", "its checkpoint is kept")
            games = shown.scores()
            await shown.press("r")
            await wait_until(pilot, lambda: run.alive() and screen.end is None)
            await wait_until(pilot, lambda: len(shown.scores()) > len(games))
            assert shown.scores()[-len(games) :] == games, "the games before the stop are still there"
            await shown.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            await shown.press("enter")
            await shown.wait_until("Train an agent: ALE/Breakout-v5")

    asyncio.run(test())


def test_who_is_to_be_loaded_plays_and_is_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with atari(tmp_path, monkeypatch) as opened:
            shown = await with_games(*opened)
            # A game instead of an agent: its expert plays, and is there sooner.
            shown.type_in("load_model", BREAKOUT)
            await shown.press("t")
            await shown.wait_until("▶ WATCH", f"{BREAKOUT} plays, score")
            await shown.press("s")
            await shown.wait_until("plays: over")
            assert shown.app.live is None and not (tmp_path / "runs").exists()
            await shown.press("escape")
            await shown.wait_until("Train an agent")

    asyncio.run(test())


def test_a_training_that_somebody_else_began_is_shown_and_stopped_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING)

    async def test() -> None:
        async with atari(tmp_path, monkeypatch, LARGE) as opened:
            shown = await with_games(*opened)
            await shown.wait_until("evaluation 13.3", "40,000 steps", "value loss", "Games of the training")
            assert shown.screen.followed_run == Run(run.path)
            assert len(shown.scores()) == 40 and shown.scores()[0] == 20
            await shown.press("s")
            await shown.wait_until("■ Stopped")
            assert not run.alive()

    try:
        asyncio.run(test())
    finally:
        if run.alive():
            run.stop()


def test_trainings_are_compared_by_game_and_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "runs"
    best = create_run(root, "atari", atari_events.atari_request(), *LEARNING, atari_events.finished(12.5))
    create_run(root, "atari", atari_events.atari_request(algorithm="monte_carlo"), *LEARNING[:60], FAILED)
    create_run(
        root,
        "atari",
        atari_events.atari_request(game=PONG),
        *atari_events.start_events(START_SECONDS),
        FAILED,
    )
    create_run(root, "train", {"game": PONG}, FAILED)

    async def test() -> None:
        async with atari(tmp_path, monkeypatch, LARGE) as opened:
            shown = await with_games(*opened)
            await shown.press("c")
            await shown.wait_until("12.5", "11.5…13.5", "✓ finished", "monte_carlo", "✗ failed")
            table = shown.screen.query_one("#atari-compare-table", EventTable)
            rows = [[str(cell) for cell in table.get_row_at(at)][:7] for at in range(table.row_count)]
            assert rows == [
                ["Breakout", "ppo", "100,000", "2.0", "12.5", "11.5…13.5", "38"],
                ["Breakout", "monte_carlo", "28,000", "0.5", "6.7", "4.7…9.7", "17"],
                ["Pong", "ppo", "-", "-", "-", "-", "-"],
            ]
            assert shown.screen.copy_text() == str(best.path)
            await shown.press("enter")
            await shown.wait_until("✓ Done", "The best agent scores 12.5 (11.5 to 13.5) in 30 games")
            assert shown.screen.followed_run == Run(best.path) and not shown.screen.comparing
            await shown.press("c", "escape")
            await shown.wait_until("Train an agent")
            await shown.press("f")
            assert isinstance(shown.app.screen, Choose)
            await shown.press("escape", "b")
            await shown.wait_until(best.id, "agent,")

    asyncio.run(test())


def test_the_screen_of_runs_shows_a_training_with_its_evaluations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING, atari_events.finished())

    async def test() -> None:
        async with open_screen(RunsScreen, tmp_path, monkeypatch, LARGE, looks=()) as (_, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "Breakout-v5", "mean score 12.5"))
            await pilot.press("enter")
            await wait_until(
                pilot,
                screen_shows(pilot, "a evaluation 13.3", "95 % interval", "steps/s", "12.5 (11.5 to 13.5)"),
            )
            assert len(screen.query_one(ScoreTable).games) == 40

    asyncio.run(test())
