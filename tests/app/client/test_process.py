"""Commands as processes of the app: told early, cancelled, left behind by an app that goes."""

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


def test_a_command_gives_its_result_or_says_why_not() -> None:
    assert (asyncio.run(run_command("config", "path"))).job == "config"
    with pytest.raises(AgpError, match="Expected one run named 'nothing'"):
        asyncio.run(run_command("runs", "stop", "nothing"))


def test_what_it_is_told_before_it_is_there_it_hears_then() -> None:
    async def session() -> None:
        job = JobProcess("atari", "watch", "ALE/Pong-v5", "--by", "expert")
        job.send(Stop())
        async with job:
            told = [event async for event in job.events()]
        assert isinstance(told[-1], Finished | Failed)
        assert job.process is not None and job.process.returncode is not None

    asyncio.run(asyncio.wait_for(session(), 30))


def test_who_is_cancelled_again_and_again_still_leaves_no_process() -> None:
    before = child_processes()

    async def session() -> None:
        asking = asyncio.create_task(run_command("atari", "watch", "ALE/Pong-v5", "--by", "expert"))
        while not child_processes() - before:
            await asyncio.sleep(0.01)
        while not asking.done():
            asking.cancel()
            await asyncio.sleep(0.05)
        assert asking.cancelled()
        assert child_processes() <= before

    asyncio.run(asyncio.wait_for(session(), 30))


def test_an_app_that_goes_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before, noise = child_processes(), list[Any]()
    monkeypatch.setattr(sys, "unraisablehook", noise.append)

    async def session() -> None:
        async with AgpApp().run_test():
            # It looks at what there is, as ever when it begins.
            while len(child_processes() - before) < 3:
                await asyncio.sleep(0.01)
        assert child_processes() <= before

    asyncio.run(asyncio.wait_for(session(), 60))
    gc.collect()
    assert noise == []
