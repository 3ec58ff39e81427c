"""The app on the real engine: global keys, dialogs, one live job at a time, exit."""

import asyncio
from functools import partialmethod
from pathlib import Path

import pytest
from support import recordings
from support.apps import LARGE, SIZES, open_app, screen_shows, screen_text, wait_until
from textual.widgets import DataTable, Markdown

from agp_tui.errors import AgpError
from agp_tui.protocol.events import AnyEvent, Finished
from agp_tui.ui.app import DEFAULT_GAME, AgpApp, run_app
from agp_tui.ui.components.nav_bar import SCREENS
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.help import EVERYWHERE, HelpScreen
from agp_tui.ui.screens.base import AppScreen


@pytest.mark.parametrize("size", SIZES)
def test_number_keys_open_every_screen_and_f1_its_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, size, parts=()) as (app, pilot):
            for number, (mode, name) in enumerate(SCREENS.items(), start=1):
                await pilot.press(str(number))
                await pilot.pause()
                assert app.current_mode == mode
                first = screen_text(pilot).splitlines()[0]
                assert all(other in first for other in SCREENS.values())
                assert isinstance(app.screen, AppScreen)
                assert app.screen.HELP.strip().startswith("#"), name
                await pilot.press("f1")
                await wait_until(pilot, lambda: isinstance(app.screen, HelpScreen))
                markdown = app.screen.query_one(Markdown)
                await wait_until(pilot, lambda: EVERYWHERE in markdown.source and bool(markdown.children))  # noqa: B023
                await pilot.press("escape")
                await wait_until(pilot, lambda: isinstance(app.screen, AppScreen))

    asyncio.run(session())


@pytest.mark.parametrize("mode", [mode for mode in SCREENS if mode != AgpApp.DEFAULT_MODE])
def test_refresh_bindings_works_before_a_screen_is_mounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, pilot):
            app.switch_mode(mode)
            while not app.screen.query("#body > *"):
                await asyncio.sleep(0)
            assert not app.screen.is_mounted, "the widgets exist; their children do not yet"
            app.refresh_bindings()
            assert "f1" in app.screen.active_bindings
            await pilot.pause()
            assert app.is_running and app.current_mode == mode

    asyncio.run(session())


def test_an_exception_in_the_app_gives_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_app: AgpApp) -> None:
        raise RuntimeError("unexpected failure")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(AgpApp, "poll_runs", fails)
    monkeypatch.setattr(AgpApp, "run", partialmethod(AgpApp.run, headless=True))
    assert run_app() == 1
    assert "unexpected failure" in capsys.readouterr().err


def test_choose_game_filters_by_name_and_accepts_new_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            assert app.game == "ALE/Pong-v5"
            await pilot.press("g")
            assert isinstance(app.screen, Choose)
            await pilot.press(*"breakou", "enter")
            await wait_until(pilot, lambda: app.game == "ALE/Breakout-v5")
            assert "ALE/Breakout-v5" in screen_text(pilot).splitlines()[-2]
            await pilot.press("g", *"rally", "enter")
            await wait_until(pilot, lambda: app.game == "rally")
            await pilot.press("g", *"break", "down", "enter")
            await wait_until(pilot, lambda: app.game == "break")
            await pilot.press("g", "escape")
            await wait_until(pilot, lambda: isinstance(app.screen, AppScreen))
            assert app.game == "break"

    asyncio.run(session())


def test_initial_game_is_the_last_recorded_until_one_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recordings.write_recording(tmp_path / "recordings", 3, meta=recordings.recording_meta("box"))

    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("recordings",)) as (app, pilot):
            await wait_until(pilot, lambda: app.game == "box")
            app.game = DEFAULT_GAME
            await app.refresh_catalog("recordings").wait()
            await pilot.pause()
            assert app.game == DEFAULT_GAME

    asyncio.run(session())


def test_the_status_bar_names_the_display(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[games.rally]\ndisplay = ":5"\n')

    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, pilot):
            await wait_until(pilot, lambda: "rally  │  on :5" in screen_text(pilot).splitlines()[-2])
            app.game = "ALE/Pong-v5"
            await wait_until(pilot, lambda: "on :5" not in screen_text(pilot).splitlines()[-2])

    asyncio.run(session())


def test_jump_mode_focuses_the_widget_of_the_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            await pilot.press("6")
            app.set_focus(None)
            await pilot.press("ctrl+o")
            await pilot.pause()
            assert " a " in screen_text(pilot)
            await pilot.press("a")
            await wait_until(pilot, lambda: app.focused is not None)
            assert app.focused is not None and app.focused.id == "atari-table"

    asyncio.run(session())


def test_command_palette_lists_screens_and_actions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            names = [command.title for command in app.get_system_commands(app.screen)]
            assert {f"Go to {name}" for name in SCREENS.values()} <= set(names)
            assert {"Choose the game", "Run the demo", "Panic", "Theme"} <= set(names)
            await pilot.press("ctrl+p")
            await pilot.press(*"go to atari")
            await pilot.pause(0.3)
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.current_mode == "atari")
            await wait_until(pilot, lambda: isinstance(app.focused, DataTable))
            commands = {command.title: command for command in app.get_system_commands(app.screen)}
            await commands["Select"].callback()
            await wait_until(pilot, lambda: app.game == "ALE/Breakout-v5")

    asyncio.run(session())


def test_one_live_job_at_a_time_and_quitting_needs_a_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            await pilot.press("6", "w")
            await wait_until(pilot, lambda: app.status.fps is not None)
            assert "WATCH" in screen_text(pilot).splitlines()[-2]
            process = app.live
            assert process is not None
            with pytest.raises(Exception, match="nothing to run live"):
                async for _ in app.run_live("OTHER", "atari", "list"):
                    pass
            assert app.live is process
            await pilot.press("ctrl+q")
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("ctrl+q")
            assert len(app.screen_stack) == 2, "a second ctrl+q opens no second dialog"
            await pilot.press("n")
            await wait_until(pilot, lambda: isinstance(app.screen, AppScreen))
            assert process.process.returncode is None
            await app.action_quit()
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await wait_until(pilot, lambda: process.process.returncode is not None)
            assert process.process.returncode == 0, list(process.log_lines)

    asyncio.run(session())


def test_of_two_simultaneous_live_jobs_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, _):

            async def live(name: str) -> AnyEvent:
                events = [event async for event in app.run_live(name, "config", "path")]
                return events[-1]

            first, second = await asyncio.gather(live("ONE"), live("TWO"), return_exceptions=True)
            assert isinstance(first, Finished)
            assert isinstance(second, AgpError) and "found ONE" in str(second)
            assert app.live is None and isinstance(await live("THREE"), Finished)

    asyncio.run(session())


def test_watch_stops_when_its_screen_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            await pilot.press("6", "w")
            await wait_until(pilot, lambda: app.live is not None)
            await pilot.press("2")
            await wait_until(pilot, lambda: app.live is None)

    asyncio.run(session())


def test_brackets_in_messages_are_not_parsed_as_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, (120, 40), parts=()) as (app, pilot):
            app.catalog.games = ()
            await pilot.press("6")
            await wait_until(pilot, screen_shows(pilot, "agp-tui[train]"))
            monkeypatch.setattr(app, "launch", refuse)
            app.start_run("demo")
            await wait_until(pilot, lambda: bool(app._notifications))
            assert not any(one.markup for one in app._notifications), "[folders] is not a style"

    async def refuse(*_words: str) -> None:
        raise AgpError("Expected to make a folder.", "Set [folders] runs to another.")

    asyncio.run(session())


def test_y_copies_the_selection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("games",)) as (app, pilot):
            await pilot.press("6")
            await pilot.press("y")
            await pilot.pause()
            assert app.clipboard == "ALE/Breakout-v5"

    asyncio.run(session())


def test_an_invalid_settings_file_opens_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[record]\nsecnds = 3\n")

    async def session() -> None:
        monkeypatch.chdir(tmp_path)
        app = AgpApp()
        async with app.run_test(size=LARGE) as pilot:
            await wait_until(pilot, lambda: app.current_mode == "runs")
            assert app.config_problem is not None
            assert "seconds" in str(app.config_problem)

    asyncio.run(session())


def test_theme_and_keymap_come_from_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[ui]\ntheme = "nord"\nkeymap = ["go.atari=f6"]\n')

    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, pilot):
            assert app.theme == "nord"
            await pilot.press("f6")
            await wait_until(pilot, lambda: app.current_mode == "atari")

    asyncio.run(session())
