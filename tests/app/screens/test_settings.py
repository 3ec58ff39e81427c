"""Settings tab: edits write the config file; invalid files; key bindings."""

import asyncio
from pathlib import Path

import pytest
from support.apps import open_app, open_screen, screen_shows, screen_text, wait_until
from support.scripted_runs import create_run
from textual.widgets import Input

from agp_tui.protocol.events import Failed, Started
from agp_tui.ui.components.settings_form import Setting
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.screens.runs.keymap import KeyAsk
from agp_tui.ui.screens.runs.runs_pane import RunsTable
from agp_tui.ui.screens.runs.screen import RunsScreen
from agp_tui.ui.screens.runs.settings_pane import Sections, SettingsPane, SettingsTable


def setting(pane: SettingsPane, section: str, key: str) -> Setting:
    return next(one for one in pane._settings[section] if one.key == key)


def test_edits_keep_comments_and_invalid_values_are_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("# mine\n[game]\nfps = 25 # slow\n")

    async def test() -> None:
        async with open_screen(RunsScreen, tmp_path, monkeypatch, parts=()) as (app, pilot, screen):
            await pilot.press("e")
            await wait_until(pilot, lambda: screen.tab == "settings")
            pane = screen.query_one(SettingsPane)
            pane.show_setting("game", "fps")
            await wait_until(
                pilot,
                screen_shows(pilot, "config.toml [game]", "1 to 60", "Frames (and decisions) per second"),
            )
            assert screen.copy_text() == "game.fps = 25"
            await pilot.press("enter", "backspace", "backspace", *"90", "enter")
            await wait_until(pilot, screen_shows(pilot, "<= 60"))
            assert "fps = 25 # slow" in file.read_text(), "an invalid value is not written"
            await pilot.press("backspace", "backspace", *"50", "enter")
            await wait_until(pilot, lambda: app.loaded.config.game.fps == 50)
            assert file.read_text() == "# mine\n[game]\nfps = 50 # slow\n"
            assert not pane.has_class("-editing")
            await pilot.press("enter", *"7", "escape")
            await pilot.press("u")
            await wait_until(pilot, lambda: app.loaded.config.game.fps == 30)
            assert "# mine" in file.read_text()
            pane.show_setting("game", "native_size")
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.loaded.config.game.native_size)
            pane.show_setting("train", "model")
            await pilot.press("enter")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press(*"large", "enter")
            await wait_until(pilot, lambda: app.loaded.config.train.model == "large")
            one, other = (setting(pane, "game", key) for key in ("size", "fps"))
            pane.write(one, "300")
            pane.write(other, "20")
            await wait_until(
                pilot, lambda: (app.loaded.config.game.size, app.loaded.config.game.fps) == (300, 20)
            )
            assert isinstance(app.focused, SettingsTable)
            await pilot.press("left")
            assert isinstance(app.focused, Sections)
            await pilot.press("right")
            await wait_until(pilot, lambda: isinstance(app.focused, SettingsTable))

    asyncio.run(test())


@pytest.mark.nightly
def test_theme_applies_at_once_and_keys_are_bound_by_pressing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_screen(RunsScreen, tmp_path, monkeypatch, parts=()) as (app, pilot, screen):
            await pilot.press("e")
            pane = screen.query_one(SettingsPane)
            pane.show_setting("ui", "theme")
            await pilot.press("enter")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press(*"nord", "enter")
            await wait_until(pilot, lambda: app.theme == "nord")
            assert (tmp_path / "config.toml").exists()
            pane.show_setting("ui", "keymap")
            await pilot.press("enter")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press(*"runs.delete", "enter")
            await wait_until(pilot, lambda: isinstance(app.screen, KeyAsk))
            await pilot.press("s")
            assert "runs.stop" in screen_text(pilot), "the key is already bound on this screen"
            await pilot.press("f5")
            await wait_until(pilot, lambda: app.loaded.config.ui.keymap == ("runs.delete=f5",))
            create_run(tmp_path / "runs", "train", {}, Started(job="train"), Failed(error="It broke."))
            app.poll_runs()
            await pilot.press("r")
            await wait_until(pilot, lambda: screen.query_one(RunsTable).row_count == 1)
            await pilot.press("f5")
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))

    asyncio.run(test())


def test_an_invalid_file_opens_at_the_bad_key_and_is_corrected_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[record]\ncountdown = 99\n[game]\nfps = 20\n")

    async def test() -> None:
        async with open_app(tmp_path, monkeypatch, parts=("recordings",)) as (app, pilot):
            await wait_until(
                pilot, lambda: isinstance(app.screen, RunsScreen) and isinstance(app.focused, Input)
            )
            text = screen_text(pilot)
            assert "record.countdown" in text and "<= 60" in text and "99" in text
            pane = app.screen.query_one(SettingsPane)
            assert pane.has_class("-refused"), "the field is marked as invalid too"
            await pilot.press("1")
            assert not pane.has_class("-refused"), "typing clears the mark"
            await pilot.press("backspace", "escape")
            assert pane.copy_text().startswith("record.countdown"), "the cursor is on the invalid key"
            assert app.catalog.recordings is None, "no command runs with an invalid file"
            await pilot.press("enter")
            await wait_until(pilot, lambda: isinstance(app.focused, Input))
            assert app.loaded.config.game.fps == 30, "the defaults apply until then"
            app.focused.value = "3"
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.config_problem is None and app.loaded.config.game.fps == 20)
            assert "The defaults hold" not in screen_text(pilot)
            await wait_until(pilot, lambda: app.catalog.recordings is not None)
            assert file.read_text() == "[record]\ncountdown = 3.0\n[game]\nfps = 20\n"

    asyncio.run(test())


def test_o_without_an_editor_notifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[gmae]\nfps = 20\n")

    async def test() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, pilot):
            await wait_until(pilot, screen_shows(pilot, "unknown key gmae", "Did you mean game"))
            await pilot.press("o")
            await wait_until(pilot, lambda: bool(app._notifications))
            assert any("$EDITOR" in note.message for note in app._notifications)

    asyncio.run(test())
