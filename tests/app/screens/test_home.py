"""Home screen: boxes, next step, findings, keys; snapshots empty, full and with problems."""

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from support.apps import SIZES, open_app, screen_text, wait_until
from support.snapshots import Snapshot

from agp_tui.protocol.summaries import Finding, ModelSummary, RecordingSummary
from agp_tui.ui.client.catalog import Catalog, RunItem
from agp_tui.ui.screens.home.screen import HomeScreen, box_texts, findings_text, next_step

GAME = "ALE/Pong-v5"
NOW = 1_800_000_000.0
RECORDING = RecordingSummary(
    path="/r/20260101-120000", game=GAME, stamp="20260101-120000", state="complete", frames=1800,
    seconds=60.0, fps=30, filled=1.0, bytes=2_000_000,
)  # fmt: skip
OLD_MODEL = ModelSummary(name="pong", path="/m/pong", game=GAME, fps=30, f1=0.81, created=1_700_000_000.0)
NEW_MODEL = ModelSummary(name="pong-2", path="/m/pong-2", game=GAME, fps=30, f1=0.9, created=NOW)
PROBLEM = Finding("display", False, "no display can be seen", "Name it with --display.")


def catalog(
    recordings: tuple[RecordingSummary, ...] = (),
    models: tuple[ModelSummary, ...] = (),
    runs: tuple[RunItem, ...] = (),
) -> Catalog:
    result = Catalog()
    result.recordings, result.models, result.runs = recordings, models, runs
    return result


def test_the_next_step_follows_from_the_catalog() -> None:
    running = RunItem("x-train-ab", "train", "running", NOW, GAME)
    assert next_step(Catalog(), GAME).mode == "home"
    assert next_step(catalog(), GAME).mode == "record"
    assert next_step(catalog((RECORDING,)), GAME).mode == "train"
    assert next_step(catalog((RECORDING,)), "rally").mode == "record"
    assert next_step(catalog((RECORDING,), (OLD_MODEL,)), GAME).mode == "train", "recorded since"
    assert next_step(catalog((RECORDING,), (NEW_MODEL, OLD_MODEL)), GAME).mode == "play"
    assert next_step(catalog((RECORDING,), (NEW_MODEL,), (running,)), GAME).mode == "runs"
    broken = RecordingSummary(path="/r/b", game=GAME, stamp="20260102-120000", state="unreadable")
    assert next_step(catalog((broken,)), GAME).mode == "record", "it cannot be trained on"
    damaged = msgspec.structs.replace(NEW_MODEL, problem="torn")
    assert next_step(catalog((RECORDING,), (damaged,)), GAME).mode == "train", "it cannot play"
    assert "needs a model" in box_texts(catalog((RECORDING,), (damaged,)), GAME)["play"]


def test_the_boxes_describe_the_chosen_game() -> None:
    trained = RunItem("x-train-ab", "train", "finished", NOW, GAME)
    texts = box_texts(catalog((RECORDING, RECORDING), (NEW_MODEL, OLD_MODEL), (trained,)), GAME)
    assert "2" in texts["recordings"] and "2 min" in texts["recordings"]
    assert "finished" in texts["training"]
    assert "pong-2" in texts["models"] and "0.90" in texts["models"]
    assert "30 decisions/s" in texts["play"]
    assert "none yet" in box_texts(catalog((RECORDING,)), "rally")["recordings"]


def test_problems_are_shown_with_their_hints() -> None:
    assert "Name it with --display" in findings_text((PROBLEM,))
    assert "no problems found" in findings_text((Finding("disk", True, "lots"),))


def test_enter_opens_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch) as (app, pilot):
            await wait_until(pilot, lambda: "press 2" in screen_text(pilot))
            app.set_focus(None)
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.current_mode == "record")

    asyncio.run(session())


def test_pressing_d_twice_starts_and_shows_one_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text("[demo]\nminutes = 5\ndemonstration = 0.5\n")

    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, (200, 60)) as (app, pilot):
            await pilot.press("d", "d")
            await wait_until(pilot, lambda: app.current_mode == "runs")
            await wait_until(pilot, lambda: "1/6" in screen_text(pilot) or "1 of 6" in screen_text(pilot))
            (run,) = app.catalog.runs
            assert run.job == "demo", "a second key press starts no second run"
            from agp_tui.engine.runs import Run

            Run(tmp_path / "runs" / run.id).stop()

    asyncio.run(session())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["empty", "full", "trouble"])
def test_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot, size: tuple[int, int], state: str
) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(time, "localtime", time.gmtime)

    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, size, parts=()) as (app, pilot):
            app.catalog.recordings = app.catalog.models = app.catalog.findings = ()
            if state == "full":
                app.catalog.recordings, app.catalog.models = (RECORDING,), (NEW_MODEL, OLD_MODEL)
                app.catalog.runs = (
                    RunItem("b", "demo", "running", NOW - 50, "rally"),
                    RunItem("a", "train", "finished", NOW - 5000, GAME),
                )
            if state == "trouble":
                app.catalog.findings = (PROBLEM,)
                app.catalog.runs = (RunItem("a", "train", "died", NOW - 5000, GAME),)
            screen = app.screen
            assert isinstance(screen, HomeScreen)
            await wait_until(pilot, lambda: screen._complete)
            screen.changed("")
            await snap(pilot, f"home-{state}-{'small' if size[0] == 80 else 'large'}")

    asyncio.run(session())
