"""Run the app in a test: in a folder, with the real engine, and wait for screen contents."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from textual.pilot import Pilot

from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.catalog import Catalog, Part
from agp_tui.ui.components.nav_bar import SCREENS
from agp_tui.ui.screens.base import AppScreen

SMALL, LARGE = (80, 24), (200, 60)
SIZES = [pytest.param(SMALL, id="small"), pytest.param(LARGE, id="large", marks=pytest.mark.nightly)]
"""Terminal sizes, columns and lines, to parametrize tests with; the large one runs nightly."""
LIST_PARTS: tuple[Part, ...] = ("recordings", "models")

S = TypeVar("S", bound=AppScreen)
_refresh = Catalog.refresh


@asynccontextmanager
async def open_app(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int] = SMALL,
    parts: tuple[Part, ...] = LIST_PARTS,
) -> AsyncIterator[tuple[AgpApp, Pilot[int]]]:
    """The app, started in `folder`.

    It refreshes only `parts` of the catalog, because each part starts a command.
    """

    async def refresh(catalog: Catalog, *requested: Part) -> None:
        if wanted := [part for part in requested if part in parts]:
            await _refresh(catalog, *wanted)

    monkeypatch.setattr(Catalog, "refresh", refresh)
    monkeypatch.chdir(folder)
    for name in ("AGP_CONFIG", "DISPLAY", "NO_COLOR", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "no-config"))
    app = AgpApp()
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.game != "")
        if app.config_problem is None:
            await wait_until(pilot, lambda: all(getattr(app.catalog, part) is not None for part in parts))
        yield app, pilot
        await app.end_live()


@asynccontextmanager
async def open_screen(
    kind: type[S],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int] = SMALL,
    parts: tuple[Part, ...] = LIST_PARTS,
) -> AsyncIterator[tuple[AgpApp, Pilot[int], S]]:
    """The app with the screen of class `kind` open."""
    async with open_app(folder, monkeypatch, size, parts) as (app, pilot):
        await pilot.press(str(list(SCREENS).index(kind.MODE) + 1))
        await wait_until(pilot, lambda: isinstance(app.screen, kind))
        assert isinstance(app.screen, kind)
        yield app, pilot, app.screen


async def wait_until(pilot: Pilot[int], condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for a condition; fails with the screen text after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(
                f"the condition did not hold within {seconds:.0f} s; the screen:\n{screen_text(pilot)}"
            )
        await asyncio.sleep(0.02)
    await pilot.pause()


def screen_shows(pilot: Pilot[int], *texts: str) -> Callable[[], bool]:
    """A condition: all `texts` are on the screen."""
    return lambda: all(text in screen_text(pilot) for text in texts)


def screen_text(pilot: Pilot[int]) -> str:
    """The characters on the screen."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def child_processes() -> set[int]:
    """IDs of the living child processes of this process."""
    tasks = Path(f"/proc/{os.getpid()}/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}
