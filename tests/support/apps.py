"""Running the app in a test: a folder of its own, the real engine behind it, and waiting for what comes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agp_tui.ui.app import AgpApp

SMALL, LARGE = (80, 24), (200, 60)


@asynccontextmanager
async def app_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = SMALL
) -> AsyncIterator[tuple[AgpApp, Pilot[int]]]:
    """The app as somebody has it who starts it in `folder`."""
    monkeypatch.chdir(folder)
    for name in ("AGP_CONFIG", "DISPLAY", "NO_COLOR", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "no-config"))
    app = AgpApp()
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.catalog.recordings is not None and app.catalog.models is not None)
        yield app, pilot
        await app.end_live()


async def until(pilot: Pilot[int], true: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something is so. Fails with the screen where it does not come."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come in {seconds:.0f} s; the screen:\n{screen_text(pilot)}")
        await asyncio.sleep(0.05)
    await pilot.pause()


def screen_text(pilot: Pilot[int]) -> str:
    """The characters on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
