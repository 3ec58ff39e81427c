"""Runs screen: its runs and doctor tabs, on run folders with recorded events; snapshots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.apps import SIZES, SMALL, open_app, open_screen, screen_shows, screen_text, wait_until
from support.scripted_runs import START_SECONDS, create_run, freeze_run_view_time, training_progress
from support.snapshots import Snapshot
from textual.pilot import Pilot

from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Event, Failed, Finished, Live, Note, Progress, Stage, Started, Table
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.summaries import Finding
from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.catalog import Part
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.screens.runs.doctor_pane import DoctorPane
from agp_tui.ui.screens.runs.runs_pane import RunsTable
from agp_tui.ui.screens.runs.screen import RunsScreen, TabBar

REQUEST = {"game": "ALE/Pong-v5"}

DEMO: tuple[Event, ...] = (
    Started(job="demo", run="20260101-120000-demo-ab12", at=START_SECONDS),
    Stage(name="an expert plays ALE/Pong-v5 and is recorded", number=1, of=6, at=START_SECONDS + 1),
    Stage(name="a model learns from the recordings", number=2, of=6, at=START_SECONDS + 20),
    *training_progress(START_SECONDS + 20, 2000, lambda step: {"f1": 0.1 * step // 3, "val_loss": 2 / step}),
    Note(text="The model beats both.", at=START_SECONDS + 40),
    Stage(name="it practises and the expert corrects it", number=3, of=6, at=START_SECONDS + 41),
    Progress(done=1, total=6, unit="rounds", metrics={"score_mean": -12.0}, at=START_SECONDS + 50),
    Progress(done=2, total=6, unit="rounds", metrics={"score_mean": -4.0}, at=START_SECONDS + 60),
)
LIVE = Live(
    seconds=4.0,
    fps=30.0,
    fps_asked=30.0,
    frames=120,
    missed=0,
    held=["up"],
    probabilities={"up": 0.9, "down": 0.2},
    thresholds={"up": 0.5, "down": 0.5},
    latency_ms={"total": Percentiles(2.0, 2.5, 3.0)},
    decisions=120,
    deadline_misses=0,
    score=-2.0,
    thumbnail=bytes([30, 90, 160] * 12 * 12),
    thumbnail_size=(12, 12),
)
DONE = Finished(
    job="demo",
    model="/models/pong-demo",
    latency_ms=Percentiles(2.1, 2.4, 2.5),
    decisions=600,
    deadline_misses=0,
    score_mean=-0.3,
    report={"expert": {"mean": 3.6}, "clone after practice": {"mean": -0.3}, "random": {"mean": -20.8}},
    at=START_SECONDS + 90,
)
BROKEN = Failed(error="Expected frames, found none.", hint="Record again.", at=START_SECONDS + 70)


@asynccontextmanager
async def open_runs_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = SMALL, parts: tuple[Part, ...] = ()
) -> AsyncIterator[tuple[AgpApp, Pilot[int], RunsScreen]]:
    async with open_screen(RunsScreen, folder, monkeypatch, size, parts) as (app, pilot, screen):
        await wait_until(pilot, lambda: app.focused is not None)
        yield app, pilot, screen


def test_empty_screen_ignores_the_keys_for_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot
) -> None:
    async def test() -> None:
        async with open_runs_screen(tmp_path, monkeypatch) as (_, pilot, screen):
            await snap(pilot, "runs-empty")
            await pilot.press("s", "x", "u", "l")
            assert isinstance(pilot.app.screen, RunsScreen), "there is no run or setting to act on"
            assert screen.copy_text() == ""

    asyncio.run(test())


@pytest.mark.parametrize("size", SIZES)
def test_snapshots_of_a_running_finished_and_failed_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot, size: tuple[int, int]
) -> None:
    freeze_run_view_time(monkeypatch, 65)

    async def test() -> None:
        async with open_runs_screen(tmp_path, monkeypatch, size) as (_, pilot, screen):
            view = screen.query_one("#runs-view", RunView)
            screen.add_class("-following")
            await pilot.pause()
            for event in (*DEMO, LIVE):
                view.show(event)
            size_name = "small" if size == SMALL else "large"
            await snap(pilot, f"runs-live-{size_name}")
            table = Table(
                title="Scores", columns=["player", "mean"], rows=[["expert", 3.6], ["random", -20.8]]
            )
            for event in (table, DONE):
                view.show(event)
            await snap(pilot, f"runs-done-{size_name}")
            view.clear("another")
            for event in (*DEMO[:3], BROKEN):
                view.show(event)
            await snap(pilot, f"runs-failed-{size_name}")

    asyncio.run(test())


def test_an_ended_run_is_opened_copied_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = create_run(tmp_path / "runs", "demo", {"settings": REQUEST}, *DEMO, DONE)
    bad = create_run(tmp_path / "runs", "train", REQUEST, *DEMO[:2], BROKEN)
    damaged = Run.create(tmp_path / "runs", "train", REQUEST)
    (damaged.path / "run.json").write_text('{"job": "train", "created": 1, "request": 3}')

    async def test() -> None:
        async with open_runs_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            await wait_until(
                pilot, screen_shows(pilot, "pong-demo, mean score -0.3", "Expected frames, found none.")
            )
            assert "✓ finished" in screen_text(pilot) and "✗ failed" in screen_text(pilot)
            screen.query_one(RunsTable).move_cursor(row=screen.query_one(RunsTable).get_row_index(old.id))
            assert screen.copy_text() == str(old.path)
            await pilot.press("enter")
            await wait_until(
                pilot, screen_shows(pilot, "✓ Done", "validation", "mean score -4", "clone after practice")
            )
            await pilot.press("escape")
            await wait_until(pilot, screen_shows(pilot, "✗ failed", "✓ finished"))
            screen.query_one(RunsTable).move_cursor(row=screen.query_one(RunsTable).get_row_index(bad.id))
            await pilot.press("x")
            assert isinstance(app.screen, Confirm)
            await pilot.press("n")
            assert bad.path.exists()
            await pilot.press("x", "y")
            await wait_until(pilot, lambda: not bad.path.exists())
            await wait_until(pilot, screen_shows(pilot, "✗ damaged"))
            screen.query_one(RunsTable).move_cursor(
                row=screen.query_one(RunsTable).get_row_index(damaged.path.name)
            )
            await pilot.press("x", "y")
            await wait_until(pilot, lambda: not damaged.path.exists())
            await wait_until(pilot, lambda: screen.query_one(RunsTable).row_count == 1)
            assert old.path.exists()

    asyncio.run(test())


def test_a_followed_run_is_stopped_and_other_runs_end_in_a_notification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_run(tmp_path / "runs", "demo", {"settings": REQUEST}, *DEMO)
    second = create_run(tmp_path / "runs", "demo", {"settings": REQUEST}, *DEMO)

    async def test() -> None:
        async with open_runs_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            screen.follow(first)
            await wait_until(pilot, screen_shows(pilot, "3 of 6", "2/6 rounds", "⟳ demo 3/6, 33 %"))
            assert screen.followed_run_id() == first.id
            await pilot.press("s")
            assert isinstance(app.screen, Confirm)
            await pilot.press("y")
            await wait_until(pilot, screen_shows(pilot, "■ Stopped"))
            assert app.status.run == "" and not first.alive()
            assert not app._notifications, "the followed run needs no notification"
            await pilot.press("1")
            second.stop()
            await wait_until(pilot, lambda: not second.alive())
            app.poll_runs()
            await wait_until(pilot, lambda: any(second.id in one.message for one in app._notifications))

    asyncio.run(test())


def test_doctor_lists_problems_first_with_their_hints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot
) -> None:
    found = (
        Finding("system", True, "Linux x86_64, 2 cores"),
        Finding("display", False, "no X server was found", "Start one, or name it with --display."),
        Finding("/dev/uinput", None, "is not there; X11 does not need it"),
    )

    async def test() -> None:
        async with open_runs_screen(tmp_path, monkeypatch, parts=("findings",)) as (_, pilot, screen):
            await pilot.press("]", "]")
            await wait_until(pilot, lambda: screen.tab == "doctor")
            pane = screen.query_one(DoctorPane)
            await wait_until(pilot, lambda: pane._found != ())
            pane.update_data(())
            await pilot.press("l")
            await wait_until(pilot, lambda: pane._found != ())
            pane.update_data(found)
            await snap(pilot, "runs-doctor")
            assert screen.copy_text() == "Start one, or name it with --display."
            await pilot.press("[")
            await wait_until(pilot, lambda: screen.tab == "settings")
            await pilot.press("r")
            await wait_until(pilot, lambda: screen.tab == "runs")
            await pilot.press("d")
            await wait_until(pilot, lambda: screen.tab == "doctor")
            screen.query_one(TabBar).focus()
            await pilot.press("left")
            await wait_until(pilot, lambda: screen.tab == "settings" and screen.query_one(TabBar).has_focus)
            await pilot.press("right", "right")
            await wait_until(pilot, lambda: screen.tab == "runs")
            await pilot.press("left", "enter")
            await wait_until(pilot, lambda: screen.tab == "doctor" and not screen.query_one(TabBar).has_focus)

    asyncio.run(test())


def test_show_run_opens_the_screen_and_follows_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "runs", "demo", {"settings": REQUEST}, *DEMO, DONE)

    async def test() -> None:
        async with open_app(tmp_path, monkeypatch, parts=()) as (app, pilot):
            await app.show_run(run.id)
            await wait_until(pilot, screen_shows(pilot, "✓ Done", "pong-demo"))
            screen = app.screen
            assert isinstance(screen, RunsScreen) and screen.followed_run == Run(run.path)

    asyncio.run(test())
