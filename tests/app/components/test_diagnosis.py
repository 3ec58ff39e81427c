"""The diagnosis of a training in the app: pictures of rare situations, the learning curve, the replay."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.apps import SIZES, SMALL, open_screen, screen_shows, screen_text, wait_until
from support.recordings import key_edge, write_recording
from support.scripted_runs import START_SECONDS, create_run
from support.snapshots import Snapshot

from agp_tui.imitation.rare_situations import write_picture
from agp_tui.protocol.events import Finished, Stage, Started
from agp_tui.recording.store import Recording
from agp_tui.ui.components.run_view.diagnosis import SituationCard
from agp_tui.ui.screens.library.replay_pane import ReplayPane
from agp_tui.ui.screens.library.screen import LibraryScreen
from agp_tui.ui.screens.train.screen import TrainScreen

CURVE = {
    "points": [
        {"minutes": 0.5, "loss": 0.45, "losses": [0.44, 0.46]},
        {"minutes": 1.0, "loss": 0.37, "losses": [0.36, 0.38]},
        {"minutes": 2.0, "loss": 0.31, "losses": [0.31, 0.31]},
    ],
    "fitted": {"minutes": 2.0, "loss": 0.31, "low": 0.3, "high": 0.32},
    "forecast": {"minutes": 4.0, "loss": 0.27, "low": 0.25, "high": 0.3},
    "outlook": "helps",
    "statement": "Twice as many minutes would bring the held-out loss from 0.31 to about 0.27.",
    "epochs": 6,
}


class Diagnosed:
    """A folder with a recording of `box`, pictures of it, and an ended training with a diagnosis."""

    def __init__(self, root: Path) -> None:
        path = write_recording(root / "recordings", 90, [key_edge(10, "up", True), key_edge(80, "up", False)])
        self.recording = path.rename(path.with_name("20260101-120000"))
        self.root = root
        pictures = root / "pictures"
        pictures.mkdir()
        found = Recording.open(self.recording)
        for number, frame in enumerate((60, 12, 85), start=1):
            write_picture(pictures / f"{number}.png", found, frame)
        self.situations = [
            {
                "picture": str(pictures / f"{number}.png"),
                "recording": str(self.recording),
                "frame": frame,
                "seconds": round(frame / 30, 2),
                "keys": ["up"] if frame < 80 else [],
                "predicted": ["left", "space"],
                "examples": 14 * number,
                "visits": number,
                "relative_loss": 5.0 - number,
            }
            for number, frame in enumerate((60, 12, 85), start=1)
        ]

    def finished(self, **report: Any) -> Finished:
        plain = {"why": "epochs", "epochs": 3, "rare_situations": self.situations, **report}
        return Finished(
            job="train",
            run="20260101-120000-train-ab12",
            model="/models/box",
            report=plain,
            at=START_SECONDS + 9,
        )


@pytest.fixture
def diagnosed(tmp_path: Path) -> Diagnosed:
    return Diagnosed(tmp_path)


BEGUN = (
    Started(job="train", run="20260101-120000-train-ab12", at=START_SECONDS),
    Stage(name="find rare situations", number=5, of=5, at=START_SECONDS + 1),
)


@pytest.mark.parametrize("size", SIZES)
def test_snapshots_of_situations_and_of_the_learning_curve(
    diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch, snap: Snapshot, size: tuple[int, int]
) -> None:
    async def test() -> None:
        run = create_run(diagnosed.root / "runs", "train", {"game": "box"}, *BEGUN, diagnosed.finished())
        curved = create_run(
            diagnosed.root / "runs",
            "train",
            {"game": "box"},
            *BEGUN,
            diagnosed.finished(learning_curve=CURVE),
        )
        name = "small" if size == SMALL else "large"
        async with open_screen(TrainScreen, diagnosed.root, monkeypatch, size) as (_, pilot, screen):
            for shown, snapshot in ((run, f"diagnosis-{name}"), (curved, f"diagnosis-curve-{name}")):
                screen.follow(shown)
                await wait_until(pilot, screen_shows(pilot, "3 situations are rare in the recordings"))
                await pilot.press("i", "right")
                await wait_until(pilot, screen_shows(pilot, "4.0x", "0:02.0 20260101-120000", "▀"))
                await snap(pilot, snapshot)
                await pilot.press("escape")
                await wait_until(pilot, screen_shows(pilot, "i shows them"))
                screen.leave_run()
                await pilot.pause()

    asyncio.run(test())


def test_a_situation_is_replayed_and_the_learning_curve_is_started(
    diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(diagnosed.root / "runs", "train", {"game": "box"}, *BEGUN, diagnosed.finished())

    async def test() -> None:
        async with open_screen(TrainScreen, diagnosed.root, monkeypatch) as (app, pilot, screen):
            assert not screen.check_action("situations", ()) and not screen.check_action("learning_curve", ())
            screen.follow(run)
            await wait_until(pilot, lambda: screen.end is not None)
            started: list[tuple[str, ...]] = []
            monkeypatch.setattr(screen, "start_job", lambda *words: started.append(words))
            await pilot.press("c")
            assert started == [("models", "diagnose", "/models/box")]
            await pilot.press("i")
            await wait_until(pilot, lambda: len(screen.query(SituationCard)) == 3)
            await pilot.press("right", "right", "right", "left")
            assert isinstance(app.focused, SituationCard) and app.focused.situation.frame == 12
            await pilot.press("enter")
            await wait_until(pilot, lambda: isinstance(app.screen, LibraryScreen))
            library = app.screen
            assert isinstance(library, LibraryScreen)
            await wait_until(pilot, screen_shows(pilot, "frame 13 of 90", "paused"))
            live = library.query_one(ReplayPane).live
            assert live is not None and live.held == ["up"]

    asyncio.run(test())


def test_missing_pictures_and_recordings_are_reported(
    diagnosed: Diagnosed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in diagnosed.situations:
        Path(one["picture"]).unlink()
        one["recording"] = str(diagnosed.root / "gone")
    curve = {**CURVE, "outlook": "unclear", "statement": "It is not clear."}
    run = create_run(
        diagnosed.root / "runs", "train", {"game": "box"}, *BEGUN, diagnosed.finished(learning_curve=curve)
    )

    async def test() -> None:
        async with open_screen(TrainScreen, diagnosed.root, monkeypatch) as (app, pilot, screen):
            screen.follow(run)
            await wait_until(pilot, lambda: screen.end is not None)
            assert not screen.check_action("learning_curve", ()), "there is one already"
            await pilot.press("i")
            await wait_until(pilot, screen_shows(pilot, "The picture is gone.", "It is not clear."))
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.current_mode == "library")
            await wait_until(pilot, lambda: "is no longer there" in screen_text(pilot))

    asyncio.run(test())
