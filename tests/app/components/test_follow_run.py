"""Following a run in the app: the run may end while the app closes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.apps import open_screen
from textual.css.query import NoMatches

from agp_tui.engine.runs import Run
from agp_tui.protocol.events import AnyEvent, Finished
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.run_view import follow as follow_module
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.screens.runs.screen import RunsScreen


def test_follow_run_ignores_an_event_after_the_app_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last event is delayed until the widgets are removed."""

    async def session() -> None:
        closed = asyncio.Event()

        async def delayed_events(_run: Run) -> AsyncIterator[AnyEvent]:
            await closed.wait()
            yield Finished(job="demo")

        monkeypatch.setattr(follow_module, "follow", delayed_events)
        run = Run.create(tmp_path / "runs", "demo", {})
        async with open_screen(RunsScreen, tmp_path, monkeypatch) as (app, _pilot, screen):
            view = screen.query_one(RunView)
            task = asyncio.create_task(follow_module.follow_run(app, view, run))
            await asyncio.sleep(1.5)
            assert not task.done()
        with pytest.raises(NoMatches):
            view.query_one(LiveView)
        closed.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(session())
