"""Open the record screen in a test."""

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from agp_tui.protocol.summaries import AtariGameSummary
from agp_tui.ui.app import AgpApp
from agp_tui.ui.screens.record.screen import RecordScreen
from support.apps import open_app, wait_until


@asynccontextmanager
async def open_record_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, display: str = ""
) -> AsyncIterator[tuple[AgpApp, Pilot[int], RecordScreen]]:
    """The app on the record screen, with an expert for Pong and none for Skiing; `display` is $DISPLAY."""
    async with open_app(folder, monkeypatch, parts=("recordings",)) as (app, pilot):
        if display:
            monkeypatch.setenv("DISPLAY", display)
        expert = AtariGameSummary(id="ALE/Pong-v5", keys=("up", "down"), expert=True)
        app.catalog.games = (expert, AtariGameSummary(id="ALE/Skiing-v5"))
        await pilot.press("2")
        await wait_until(pilot, lambda: isinstance(app.screen, RecordScreen) and app.screen.player != "")
        assert isinstance(app.screen, RecordScreen)
        yield app, pilot, app.screen


def game_profile(folder: Path, game: str) -> dict[str, Any]:
    """The profile of a game in the settings file."""
    return dict(tomllib.loads((folder / "config.toml").read_text())["games"][game])
