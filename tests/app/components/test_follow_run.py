"""Watching a run in the app, whose end and that of the run may come together."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.apps import open_screen
from textual.css.query import NoMatches

from agp_tui.engine.runs import Run
from agp_tui.protocol.events import AnyEvent, Finished
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.run_view import follow as watching
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.screens.runs.screen import RunsScreen


def test_a_run_that_ends_while_the_app_closes_is_not_shown_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the run tells is held back, so that its last word comes for certain after the widgets are gone."""

    async def session() -> None:
        closed = asyncio.Event()

        async def last_word(_run: Run) -> AsyncIterator[AnyEvent]:
            await closed.wait()
            yield Finished(job="demo")

        monkeypatch.setattr(watching, "follow", last_word)
        run = Run.create(tmp_path / "runs", "demo", {})
        async with open_screen(RunsScreen, tmp_path, monkeypatch) as (app, _pilot, screen):
            view = screen.query_one(RunView)
            watcher = asyncio.create_task(watching.follow_run(app, view, run))
            await asyncio.sleep(1.5)
            assert not watcher.done()
        with pytest.raises(NoMatches):
            view.query_one(LiveView)
        closed.set()
        with pytest.raises(asyncio.CancelledError):
            await watcher

    asyncio.run(session())
