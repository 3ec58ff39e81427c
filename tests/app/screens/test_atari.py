"""Atari screen: the form; a real training is started, stopped, resumed and compared; snapshots."""

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
from agp_tui.ui.components.settings_form import shown as value_text
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
"""A training of some seconds whose first episodes end soon."""
LEARNING = (
    *atari_events.start_events(START_SECONDS),
    *atari_events.training_events(START_SECONDS),
    atari_events.LIVE,
)
FAILED = Failed(error="A process of the training was lost.", hint="Go on with: r", at=START_SECONDS + 41)


class AtariPage:
    """The Atari screen with `GAMES` in its catalog, and shortcuts to drive it."""

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
        return tuple(episode.score for episode in self.screen.query_one(ScoreTable).episodes)

    def set_field(self, key: str, value: str) -> None:
        field = self.form.query_one(f"#atari-{key}")
        assert isinstance(field, Input | Cycle)
        field.value = value


def open_atari_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = SMALL
) -> AbstractAsyncContextManager[tuple[AgpApp, Pilot[int], AtariScreen]]:
    return open_screen(AtariScreen, folder, monkeypatch, size, parts=())


async def set_games(app: AgpApp, pilot: Pilot[int], screen: AtariScreen) -> AtariPage:
    app.catalog.games = GAMES
    app.catalog_changed.publish("games")
    await pilot.pause()
    return AtariPage(app, pilot, screen)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["empty", "live", "failed"])
def test_snapshots(
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
        async with open_atari_screen(tmp_path, monkeypatch, size) as opened:
            page = await set_games(*opened)
            if state == "failed":
                assert run is not None
                page.screen.follow(run)
                await page.wait_until("Connection closed by peer", "r goes on")
            if state == "live":
                assert run is not None
                await page.wait_until("13.3", "a evaluation")
                run.live_file.write_bytes(encode_event(atari_events.LIVE))
                await page.wait_until("╭─ score 7")
            await snap(page.pilot, f"atari-{state}-{'small' if size == SMALL else 'large'}")

    try:
        asyncio.run(test())
    finally:
        if run is not None and run.alive():
            run.stop()


def test_empty_screen_shows_the_next_key_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "Looking for the games"))
            app.catalog.games = ()
            app.catalog_changed.publish("games")
            await wait_until(pilot, screen_shows(pilot, "pip install"))
            page = await set_games(app, pilot, screen)
            app.game = "rally"
            await page.wait_until("no game yet", "Choose a game: enter in the list")
            await page.press("t", "s", "r", "f", "c", "escape")
            assert not (tmp_path / "runs").exists() and screen.followed_run is None and not screen.comparing
            await page.press("enter")
            await page.wait_until("Train an agent: ALE/Breakout-v5", "Learning algorithm")
            assert app.game == BREAKOUT
            await page.press("escape")
            assert app.focused is screen.query_one("#atari-table", EventTable)

    asyncio.run(test())


def changed_value(one: Setting) -> str:
    """A valid value that differs from the setting's, as typed text."""
    if choices := one.form_choices:
        return next(choice for choice in reversed(choices) if choice not in (one.form_value, UNSET))
    match one.kind:
        case "int":
            return str((one.value or 1) + 1)
        case "float":
            return str((one.value or 0.5) / 2)
    return "one,two" if one.kind == "words" else "another"


def test_every_changed_setting_becomes_a_flag_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as opened:
            page = await set_games(*opened)
            assert page.form.flags() == ["--game", PONG], "unchanged settings give no flag"
            settings = page.form.settings
            assert {one.name for one in fields(AtariSettings)} == {"game", *settings}
            changed = {key: changed_value(one) for key, one in settings.items()}
            for key, value in changed.items():
                page.set_field(key, value)
            parsed_settings = parsed(page.form.flags())
            assert parsed_settings.game == PONG
            for key, value in changed.items():
                found = getattr(parsed_settings, key)
                assert value_text(list(found) if isinstance(found, tuple) else found) == value, key

    asyncio.run(test())


def parsed(words: list[str]) -> AtariSettings:
    """The settings that `agp atari train` parses from these arguments."""
    _, bound, _ = atari_commands.parse_args(["train", *words])
    settings = bound.arguments["settings"]
    assert isinstance(settings, AtariSettings)
    return settings


def test_form_starts_with_the_file_settings_and_can_unset_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[atari]\nlearning_rate = 0.001\nalgorithm = "pqn"\nclip_rewards = false\nsteps = 9\n')

    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as opened:
            page = await set_games(*opened)
            assert page.form.flags() == ["--game", PONG]
            for key, value in {"learning_rate": "", "clip_rewards": "its own", "steps": "10"}.items():
                page.set_field(key, value)
            settings = parsed(page.form.flags())
            assert (settings.learning_rate, settings.clip_rewards, settings.steps) == (None, None, 10)
            file.write_text(file.read_text().replace("steps = 9", "steps = 11\nseed = 4"))
            page.app.reload()
            await wait_until(page.pilot, lambda: page.form.query_one("#atari-seed", Input).value == "4")
            assert page.form.query_one("#atari-steps", Input).value == "10", "typed values survive a reload"

    asyncio.run(test())


def test_m_toggles_monte_carlo_and_help_shows_its_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as opened:
            page = await set_games(*opened)
            assert page.form.algorithm == "pqn"
            epsilon = page.form.query_one("#atari-choose_random", Input)
            await page.press("m")
            assert page.form.flags() == ["--game", PONG, "--algorithm=monte_carlo"]
            assert epsilon.placeholder == "1.0, its own"
            await page.press("m")
            assert page.form.flags() == ["--game", PONG]
            await page.press("tab", "right")
            assert page.form.algorithm == "ppo"
            assert epsilon.placeholder == "has no use here"
            await page.press("left", "left")
            assert page.form.algorithm == "monte_carlo", "also with the left key in the form"
            epsilon.focus()
            await page.wait_until("(epsilon)", "monte_carlo: 1.0")
            await page.press(*"7", "enter")
            await page.wait_until("Expected", "7")
            assert page.app.focused is epsilon, "the focus moves to the invalid field"
            assert not (tmp_path / "runs").exists()

    asyncio.run(test())


@pytest.mark.nightly
def test_training_is_started_watched_stopped_and_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(QUICK)

    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as opened:
            page = await set_games(*opened)
            app, screen, pilot = page.app, page.screen, page.pilot
            app.game = BREAKOUT
            await page.press("t", "t")
            await wait_until(pilot, lambda: bool(page.scores()))
            await page.wait_until("steps/s", "env", "infer", "learn", "training, mean of 100", "╭─ score")
            assert screen.followed_run is not None and len(app.catalog.runs) == 1, (
                "a second key press starts no second run"
            )
            run = screen.followed_run
            assert screen.copy_text() == str(run.path) and screen.followed_run_id() == run.id
            await page.press("escape")
            await page.wait_until("Train an agent: ALE/Breakout-v5")
            assert run.alive(), "leaving the view does not stop the run"
            await page.press("f")
            await wait_until(pilot, lambda: bool(page.scores()))
            await page.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            await page.wait_until("■ Stopped", "Stopped with a checkpoint")
            games = page.scores()
            await page.press("r")
            await wait_until(pilot, lambda: run.alive() and screen.end is None)
            await wait_until(pilot, lambda: len(page.scores()) > len(games))
            assert page.scores()[-len(games) :] == games, "the scores before the stop remain"
            await page.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            await page.press("enter")
            await page.wait_until("Train an agent: ALE/Breakout-v5")

    asyncio.run(test())


def test_load_model_watches_the_agent_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch) as opened:
            page = await set_games(*opened)
            # The id of a game stands for its expert, which starts sooner than an agent.
            page.set_field("load_model", BREAKOUT)
            await page.press("t")
            await page.wait_until("▶ WATCH", f"{BREAKOUT} plays, score")
            await page.press("s")
            await page.wait_until("plays: over")
            assert page.app.live is None and not (tmp_path / "runs").exists()
            await page.press("escape")
            await page.wait_until("Train an agent")

    asyncio.run(test())


def test_running_training_of_another_process_is_shown_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING)

    async def test() -> None:
        async with open_atari_screen(tmp_path, monkeypatch, LARGE) as opened:
            page = await set_games(*opened)
            await page.wait_until("evaluation 13.3", "40,000 steps", "value loss", "Games of the training")
            assert page.screen.followed_run == Run(run.path)
            assert len(page.scores()) == 40 and page.scores()[0] == 20
            await page.press("s")
            await page.wait_until("■ Stopped")
            assert not run.alive()

    try:
        asyncio.run(test())
    finally:
        if run.alive():
            run.stop()


@pytest.mark.nightly
def test_compare_table_lists_trainings_by_game_and_opens_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        async with open_atari_screen(tmp_path, monkeypatch, LARGE) as opened:
            page = await set_games(*opened)
            await page.press("c")
            await page.wait_until("12.5", "11.5…13.5", "✓ finished", "monte_carlo", "✗ failed")
            table = page.screen.query_one("#atari-compare-table", EventTable)
            rows = [[str(cell) for cell in table.get_row_at(at)][:7] for at in range(table.row_count)]
            assert rows == [
                ["Breakout", "ppo", "100,000", "2.0", "12.5", "11.5…13.5", "38"],
                ["Breakout", "monte_carlo", "28,000", "0.5", "6.7", "4.7…9.7", "17"],
                ["Pong", "ppo", "-", "-", "-", "-", "-"],
            ]
            assert page.screen.copy_text() == str(best.path)
            await page.press("enter")
            await page.wait_until("✓ Done", "The best agent scores 12.5 (11.5 to 13.5) in 30 games")
            assert page.screen.followed_run == Run(best.path) and not page.screen.comparing
            await page.press("c", "escape")
            await page.wait_until("Train an agent")
            await page.press("f")
            assert isinstance(page.app.screen, Choose)
            await page.press("escape", "b")
            await page.wait_until(best.id, "agent,")

    asyncio.run(test())


def test_runs_screen_shows_the_evaluations_of_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_run(tmp_path / "runs", "atari", atari_events.atari_request(), *LEARNING, atari_events.finished())

    async def test() -> None:
        async with open_screen(RunsScreen, tmp_path, monkeypatch, LARGE, parts=()) as (_, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "Breakout-v5", "mean score 12.5"))
            await pilot.press("enter")
            await wait_until(
                pilot,
                screen_shows(pilot, "a evaluation 13.3", "95 % interval", "steps/s", "12.5 (11.5 to 13.5)"),
            )
            assert len(screen.query_one(ScoreTable).episodes) == 40

    asyncio.run(test())
