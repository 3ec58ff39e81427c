"""Region picker and region preview on a real X server."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.apps import child_processes, screen_text, wait_until
from support.record_screen import game_profile, open_record_screen
from support.xserver import XServer

from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.screens.record.region_picker import RegionPicker
from agp_tui.ui.widgets.live_picture import LivePicture


def test_a_region_is_chosen_over_a_live_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer
) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch, x_server.name) as (app, pilot, screen):
            app.game = "rally"
            await wait_until(
                pilot, lambda: "no region yet" in screen_text(pilot) and screen.player == "human"
            )
            pane = screen.query_one(RegionPicker)
            await pilot.press("r")
            await wait_until(
                pilot, lambda: pane.square is not None and "around 512,384" in screen_text(pilot)
            )
            await pilot.press("left", "shift+up", "ctrl+right", "h", "plus", "minus", "minus")
            assert "240 x 240 pixels around 502,334" in screen_text(pilot)
            assert screen.query_one("#record-region LivePicture", LivePicture).frame is not None
            app.game = "another"
            await wait_until(pilot, lambda: screen.phase == "setup" and app.live is None)
            assert "another" in screen_text(pilot) and not (tmp_path / "config.toml").exists()
            app.game = "rally"

            await pilot.press("r")
            await wait_until(pilot, lambda: app.live is not None and "around 512,384" in screen_text(pilot))
            preview = screen.query_one("#record-region LivePicture", LivePicture)
            await wait_until(pilot, lambda: bool(preview.picture_area.area))
            area = preview.picture_area
            await pilot.click(preview, offset=(area.x, area.y))
            assert pane.square is not None and pane.square.x < 40 and pane.square.y < 60
            await pilot.mouse_down(preview, offset=(area.x + 4, area.y + 4))
            await pilot.hover(preview, offset=(area.x + 8, area.y + 8))
            await pilot.mouse_up(preview, offset=(area.x + 8, area.y + 8))
            drawn = pane.square
            assert 50 < drawn.size < 400
            await pilot.press("enter")
            await wait_until(pilot, lambda: (tmp_path / "config.toml").exists() and app.live is None)
            assert game_profile(tmp_path, "rally") == {"center": [drawn.x, drawn.y], "size": drawn.size}
            await wait_until(pilot, lambda: f"around {drawn.x},{drawn.y}" in screen_text(pilot))

    asyncio.run(session())


def test_the_region_preview_ends_when_another_view_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer
) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[games.rally]\ncenter = [300, 200]\nsize = 128\n")

    async def session() -> None:
        before = child_processes()
        async with open_record_screen(tmp_path, monkeypatch, x_server.name) as (app, pilot, screen):
            picture = screen.query_one("#record-live LivePicture", LivePicture)
            await wait_until(pilot, lambda: bool(picture.picture_area.area))
            assert "This is what is recorded" in screen_text(pilot)
            assert app.live is None, "the preview is not a live job, so another screen may start one"
            await wait_until(pilot, lambda: len(child_processes() - before) == 1)

            await pilot.press("3")
            await wait_until(pilot, lambda: child_processes() <= before)
            await pilot.press("2")
            await wait_until(pilot, lambda: bool(picture.picture_area.area))
            app.game = "ALE/Pong-v5"
            await wait_until(
                pilot, lambda: child_processes() <= before and "Press Enter" in screen_text(pilot)
            )
            app.game = "rally"
            await wait_until(pilot, lambda: bool(picture.picture_area.area))
            await pilot.press("r")
            await wait_until(pilot, lambda: screen.phase == "region" and app.live is not None)
            await wait_until(pilot, lambda: len(child_processes() - before) == 1)
            await pilot.press("escape")
            await wait_until(pilot, lambda: bool(picture.picture_area.area) and app.live is None)
        assert child_processes() <= before, "no process outlives the app"

    asyncio.run(session())


def test_leaving_while_displays_are_listed_starts_no_preview(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer
) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch, x_server.name) as (app, pilot, screen):
            app.game = "rally"
            await wait_until(pilot, lambda: screen.player == "human")
            await pilot.press("r", "3")
            await wait_until(pilot, lambda: not screen.workers)
            assert screen.phase == "setup" and app.live is None
            await pilot.press("2", "r")
            await wait_until(pilot, lambda: screen.phase == "region")
            await pilot.press("escape")
            await wait_until(pilot, lambda: screen.phase == "setup" and app.live is None)

    asyncio.run(session())


def test_one_of_several_displays_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer, start_x_server: Any
) -> None:
    other = start_x_server(size="640x480x24")

    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            app.game = "rally"
            await wait_until(pilot, lambda: screen.player == "human")
            await pilot.press("m")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press(*other.name, "enter")
            await wait_until(pilot, (tmp_path / "config.toml").exists)
            assert game_profile(tmp_path, "rally") == {"display": other.name}
            await wait_until(pilot, lambda: app.screen is screen)

    asyncio.run(session())
