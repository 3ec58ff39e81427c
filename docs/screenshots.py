"""Makes docs/screenshots/*.svg: the app on real recordings, a real training and a real model.

    make screenshots

Everything is made anew in a folder of its own, in about three minutes; nothing of yours is touched.
"""

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from agp_tui.ui.app import AgpApp

TARGET = Path(__file__).parent / "screenshots"
GAME = "ALE/Pong-v5"
SIZE = (120, 36)
SETTINGS = """\
[game]
fps = 30
[train]
frame_size = 64
segment = 4
minutes = 0.6
epochs = 1000
patience = 1000
batch = 16
stretch = 16
[preview]
colors = "truecolor"
"""


def agp(*words: str) -> None:
    """Run one of our commands."""
    subprocess.run([sys.executable, "-P", "-m", "agp_tui", *words], check=True, stdin=subprocess.DEVNULL)


async def until(pilot: Pilot[int], true: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"the screen did not come:\n{pilot.app.export_screenshot()[:2000]}")
        await asyncio.sleep(0.1)


def save(app: AgpApp, name: str) -> None:
    """The screen as it is now; the same picture gives the same file."""
    svg = app.export_screenshot(title=f"agp: {name}")
    TARGET.mkdir(exist_ok=True)
    (TARGET / f"{name}.svg").write_text(re.sub(r"terminal-\d+", f"agp-{name}", svg))
    print(f"docs/screenshots/{name}.svg")


async def take() -> None:
    """Home, Record, Train and Play, each with something to see."""
    app = AgpApp()
    async with app.run_test(size=SIZE) as pilot:
        await until(pilot, lambda: app.catalog.models is not None and app.catalog.findings is not None)
        await asyncio.sleep(1)
        save(app, "home")
        await pilot.press("2")
        await asyncio.sleep(1)
        await pilot.press("enter")
        await until(pilot, lambda: app.status.fps is not None)
        await asyncio.sleep(8)
        save(app, "record")
        await pilot.press("s")
        await until(pilot, lambda: app.live is None)
        await asyncio.sleep(1)
        await pilot.press("x")
        await asyncio.sleep(1)
        await pilot.press("4")
        await asyncio.sleep(3)
        await pilot.press("enter")
        await asyncio.sleep(28)
        save(app, "train")
        await until(pilot, lambda: not any(run.state == "running" for run in app.catalog.runs))
        await pilot.press("5")
        await asyncio.sleep(4)
        await pilot.press("enter")
        await until(pilot, lambda: app.status.fps is not None)
        await asyncio.sleep(12)
        save(app, "play")
        await app.end_live()


def main() -> None:
    """Make what is to be seen, then look at it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("config.toml").write_text(SETTINGS)
        for seconds in ("60", "45", "30"):
            agp(
                "record", "--game", GAME, "--by", "expert", "--fast", "--seconds", seconds, "--sticky", "0.25"
            )
        agp("train", "--game", GAME, "--name", "pong")
        asyncio.run(take())


if __name__ == "__main__":
    main()
