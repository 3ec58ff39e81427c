"""Commands as child processes of the app: early commands, cancellation, cleanup when the app exits."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Any

import pytest
from support.apps import child_processes

from agp_tui.errors import AgpError
from agp_tui.protocol.commands import Stop
from agp_tui.protocol.events import Failed, Finished
from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.process import JobProcess, run_command


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-config"))


def test_run_command_returns_the_result_or_raises() -> None:
    assert (asyncio.run(run_command("config", "path"))).job == "config"
    with pytest.raises(AgpError, match="Expected one run named 'nothing'"):
        asyncio.run(run_command("runs", "stop", "nothing"))


def test_commands_sent_before_the_start_are_delivered() -> None:
    async def session() -> None:
        job = JobProcess("atari", "watch", "ALE/Pong-v5", "--by", "expert")
        job.send(Stop())
        async with job:
            events = [event async for event in job.events()]
        assert isinstance(events[-1], Finished | Failed)
        assert job.process is not None and job.process.returncode is not None

    asyncio.run(asyncio.wait_for(session(), 30))


def test_repeated_cancellation_leaves_no_child_process() -> None:
    before = child_processes()

    async def session() -> None:
        task = asyncio.create_task(run_command("atari", "watch", "ALE/Pong-v5", "--by", "expert"))
        while not child_processes() - before:
            await asyncio.sleep(0.01)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0.05)
        assert task.cancelled()
        assert child_processes() <= before

    asyncio.run(asyncio.wait_for(session(), 30))


def test_exit_of_the_app_ends_all_child_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    before, unraisable = child_processes(), list[Any]()
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    async def session() -> None:
        async with AgpApp().run_test():
            # The app starts commands that fill the catalog.
            while len(child_processes() - before) < 3:
                await asyncio.sleep(0.01)
        assert child_processes() <= before

    asyncio.run(asyncio.wait_for(session(), 60))
    gc.collect()
    assert unraisable == []
