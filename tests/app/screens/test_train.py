"""Train screen: dataset report, form, a real training followed, stopped and resumed; snapshots."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from support.apps import open_screen, screen_shows, screen_text, wait_until
from support.commands import agp
from support.scripted_runs import START_SECONDS, create_run, freeze_run_view_time, training_progress
from support.snapshots import Snapshot
from textual.pilot import Pilot
from textual.widgets import Input

from agp_tui.engine.runs import Run
from agp_tui.protocol.events import Event, Failed, Finished, Stage, Started
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.summaries import AtariGameSummary, ModelSummary, RecordingSummary
from agp_tui.ui.app import AgpApp
from agp_tui.ui.client.catalog import Part, RunItem
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.screens.train.data import DatasetPane, Recordings
from agp_tui.ui.screens.train.form import TrainForm
from agp_tui.ui.screens.train.screen import TrainScreen

PONG = "ALE/Pong-v5"
LEARNING: tuple[Event, ...] = (
    Started(job="train", run="20260101-120000-train-ab12", at=START_SECONDS),
    Stage(name="read the recordings", number=1, of=4, at=START_SECONDS + 1),
    Stage(name="learn", number=2, of=4, at=START_SECONDS + 2),
    *training_progress(START_SECONDS + 2, 1600, lambda step: {"f1": 0.08 * step, "change_f1": 0.05 * step}),
)


def key(name: str, f1: float) -> dict[str, Any]:
    figures = {"base_rate": 0.2, "precision": 0.7, "recall": 0.8, "threshold": 0.5, "majority_f1": 0.0}
    return {"key": name, "f1": f1, "repeat_f1": 0.5, **figures}


DONE = Finished(
    job="train",
    run="20260101-120000-train-ab12",
    model="/home/me/models/pong",
    report={
        "why": "minutes",
        "epochs": 9,
        "validation": {
            "positions": 400,
            "changes": 44,
            "loss": 0.3,
            "verdict": "The model beats both repeating the last keys and the most frequent keys.",
            "model": {"f1": 0.72, "change_f1": 0.6},
            "repeat": {"f1": 0.5, "change_f1": 0.0},
            "majority": {"f1": 0.0, "change_f1": 0.0},
            "keys": [key("up", 0.75), key("down", 0.4)],
        },
        "preflight": {
            "latency_ms": {"p50": 0.8, "p95": 1.0, "p99": 1.3},
            "budget_ms": 33.333,
            "fps": 30,
            "fps_max": 60,
            "fits": True,
        },
    },
    latency_ms=Percentiles(0.8, 1.0, 1.3),
    at=START_SECONDS + 40,
)
FAILED = Failed(error="Expected keys, found none.", hint="Record again.", at=START_SECONDS + 9)
BROKEN = RecordingSummary(
    path="/nowhere/20260101-130000", game=PONG, stamp="20260101-130000", state="unreadable", problem="torn"
)


@pytest.fixture(scope="module")
def recorded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two recordings of three seconds."""
    folder = tmp_path_factory.mktemp("recorded")
    for _ in range(2):
        words = ("record", "--game", PONG, "--by", "expert", "--fast", "--seconds", "3")
        assert agp(*words, home=folder).code == 0
    return folder


def open_train_screen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *parts: Part
) -> AbstractAsyncContextManager[tuple[AgpApp, Pilot[int], TrainScreen]]:
    return open_screen(TrainScreen, folder, monkeypatch, parts=parts)


def test_without_recordings_no_key_starts_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot
) -> None:
    async def test() -> None:
        async with open_train_screen(tmp_path, monkeypatch) as (app, pilot, _):
            app.catalog.recordings = ()
            app.catalog_changed.publish("recordings")
            await snap(pilot, "train-empty")
            await pilot.press("enter", "n", "s", "r", "p", "w", "escape")
            assert app.current_mode == "train" and not (tmp_path / "runs").exists()

    asyncio.run(test())


def test_snapshots_of_a_running_finished_and_failed_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot
) -> None:
    freeze_run_view_time(monkeypatch, 12)

    async def test() -> None:
        async with open_train_screen(tmp_path, monkeypatch) as (_, pilot, screen):
            view = screen.query_one("#train-view", RunView)
            screen.add_class("-following")
            await pilot.pause()
            for event in LEARNING:
                view.show(event)
            await snap(pilot, "train-live")
            view.show(DONE)
            await snap(pilot, "train-done")
            view.clear("another")
            for event in (*LEARNING[:3], FAILED):
                view.show(event)
            await snap(pilot, "train-failed")

    asyncio.run(test())


def test_the_dataset_report_follows_the_chosen_recordings(
    recorded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        async with open_train_screen(recorded_home, monkeypatch, "recordings") as (app, pilot, screen):
            await wait_until(
                pilot, screen_shows(pilot, "2 of 2, 0:0", "Together", "is judged on", "Only 6 s of play")
            )
            app.catalog.recordings = (*(app.catalog.recordings or ()), BROKEN)
            app.catalog_changed.publish("recordings")
            await wait_until(pilot, screen_shows(pilot, "torn", "2 of 3"))
            chosen = screen.query_one(Recordings)
            assert BROKEN.path not in chosen.selected, "an unreadable recording is not selected"
            chosen.highlighted = 1
            await pilot.press("space")
            await wait_until(pilot, screen_shows(pilot, "1 of 3", "Only 3 s of play"))
            assert chosen.flags()[0].startswith("--recordings=ALE-Pong-v5/")
            await pilot.press("a")
            assert len(chosen.selected) == 2
            await pilot.press("a")
            await wait_until(pilot, screen_shows(pilot, "No recording is chosen"))
            await pilot.press("enter")
            assert not (recorded_home / "runs").exists() and "No recording" in screen_text(pilot)

    asyncio.run(test())


def test_form_shows_help_rejects_invalid_values_and_keeps_typed_ones(
    recorded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = recorded_home / "config.toml"

    async def test() -> None:
        async with open_train_screen(recorded_home, monkeypatch, "recordings") as (app, pilot, screen):
            form = screen.query_one(TrainForm)
            await pilot.press("tab", "right", "tab")
            assert form.values() == {"model": "large", "epochs": "30", "segment": "20"}
            await wait_until(pilot, screen_shows(pilot, "Stop after this many minutes"))
            await pilot.press("down", "down", "backspace", "backspace", *"99", "enter")
            # The dataset report shows the same error, maybe before the form does.
            await wait_until(pilot, lambda: form.has_class("-refused"))
            await wait_until(pilot, screen_shows(pilot, "segment:", "<= 64"))
            assert isinstance(app.focused, Input) and app.focused.id == "train-segment"
            await pilot.press("escape")
            await wait_until(pilot, lambda: isinstance(app.focused, Recordings))
            await pilot.press("n", *"my-pong")
            assert form.values(["name"]) == {"name": "my-pong"}
            file.write_text('[train]\nepochs = 7\nmodel = "small"\nname = "other"\n')
            app.reload()
            edited = {"model": "large", "segment": "99", "name": "my-pong"}
            await wait_until(pilot, lambda: form.values() == {"epochs": "7", **edited})

    try:
        asyncio.run(test())
    finally:
        file.unlink(missing_ok=True)


def test_training_is_started_watched_stopped_and_resumed(
    recorded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recorded_home / "config.toml").write_text(
        "[train]\nminutes = 1.0\nsegment = 4\nframe_size = 32\nepochs = 9999\npatience = 9999\n"
    )

    async def test() -> None:
        async with open_train_screen(recorded_home, monkeypatch, "recordings") as (app, pilot, screen):
            await wait_until(pilot, lambda: bool(screen.query_one(Recordings).selected))
            await pilot.press("enter", "enter")
            await wait_until(pilot, screen_shows(pilot, "a loss", "frames"))
            assert len(app.catalog.runs) == 1, "a second key press starts no second run"
            assert screen.followed_run is not None
            run = screen.followed_run
            assert screen.copy_text() == str(run.path) and "⟳ train 2/5" in screen_text(pilot)
            await pilot.press("1")
            await wait_until(pilot, lambda: app.current_mode == "home")
            await pilot.press("4", "escape")
            await wait_until(pilot, screen_shows(pilot, "What they hold"))
            assert run.alive(), "leaving the view does not stop the run"
            await pilot.press("w")
            await wait_until(pilot, screen_shows(pilot, "a loss"))
            await pilot.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            assert "Stopped with a checkpoint" in screen_text(pilot)
            await pilot.press("r")
            await wait_until(pilot, lambda: run.alive() and screen.end is None)
            await wait_until(pilot, screen_shows(pilot, "a loss", "⟳ train"))
            assert screen.followed_run == run
            await pilot.press("s")
            await wait_until(pilot, lambda: screen.end is not None)
            await pilot.press("enter")
            await wait_until(pilot, screen_shows(pilot, "What they hold"))

    try:
        asyncio.run(test())
    finally:
        (recorded_home / "config.toml").unlink()


def test_running_training_of_another_process_is_shown_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path / "runs", "train", {"game": PONG}, *LEARNING)

    async def test() -> None:
        async with open_train_screen(tmp_path, monkeypatch) as (_, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "2 of 4", "800/1600 frames", "F1 at changes"))
            assert screen.followed_run == Run(run.path)
            await pilot.press("s")
            await wait_until(pilot, screen_shows(pilot, "■ Stopped"))

    try:
        asyncio.run(test())
    finally:
        if run.alive():
            run.stop()


def test_practice_needs_a_teacher_and_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        async with open_train_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            assert screen.check_action("practise", ()) is False
            app.catalog.games = (AtariGameSummary(id=PONG, keys=("up", "down"), expert=True),)
            app.catalog.models = (ModelSummary(name="gone", path=str(tmp_path / "gone"), game=PONG),)
            app.catalog_changed.publish("recordings")
            assert screen.check_action("practise", ()) is True
            await pilot.press("p")
            await wait_until(pilot, lambda: any("gone" in one.message for one in app._notifications))
            assert screen.query_one(DatasetPane) and not (tmp_path / "runs").exists()
            # With two teachers, a dialog asks for one of them.
            app.catalog.runs = (RunItem("20260101-120000", "atari", "done", 0.0, PONG),)
            started: list[tuple[str, ...]] = []
            monkeypatch.setattr(screen, "start_job", lambda *words: started.append(words))
            await pilot.press("p")
            await wait_until(pilot, screen_shows(pilot, "Who teaches it?", "an agent"))
            await pilot.press("down", "enter")
            await wait_until(pilot, lambda: bool(started))
            assert started == [("practice", str(tmp_path / "gone"), "--teacher", "20260101-120000")]
            app.catalog.games = (AtariGameSummary(id=PONG, keys=("up", "down")),)
            assert screen.check_action("practise", ()) is True, "an agent can teach without an expert"
            app.catalog.runs = ()
            assert screen.check_action("practise", ()) is False

    asyncio.run(test())
