"""Play screen: choose and measure a model, play a real game, pause, intervene, stop; snapshots."""

import asyncio
import shutil
from pathlib import Path

import msgspec
import pytest
from support.apps import SIZES, open_app, screen_shows, screen_text, wait_until
from support.small_models import SmallModels
from support.snapshots import Snapshot
from textual.widgets import RichLog

from agp_tui.games.view import View, WindowInfo
from agp_tui.models.manifest import read_manifest, write_manifest
from agp_tui.protocol.events import Failed, Finished, Live
from agp_tui.protocol.percentiles import Percentiles
from agp_tui.protocol.summaries import ModelSummary
from agp_tui.recording.store import Recording, find_recordings
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.screens.play.screen import PlayScreen, latency_text

GAME = "ALE/Breakout-v5"
MS = Percentiles(1.0, 2.0, 3.0)
LIVE = Live(
    seconds=12.0, fps=30.0, fps_asked=30, frames=358, missed=2, held=["left"], decisions=358,
    deadline_misses=3, score=4.0, lives=3, probabilities={"left": 0.8, "right": 0.1},
    thresholds={"left": 0.5, "right": 0.4},
    latency_ms={"grab": MS, "encode": MS, "decide": MS, "press": MS, "total": Percentiles(9.0, 20.0, 40.0)},
    thumbnail=bytes([200, 40, 40] * 64) + bytes([20, 20, 90] * 64), thumbnail_size=(8, 16),
)  # fmt: skip


@pytest.fixture
def home(tmp_path: Path, small_models: SmallModels) -> Path:
    """A folder with a small model whose keys are those of Breakout."""
    folder = Path(shutil.copytree(small_models.folder, tmp_path / "models" / "breaker"))
    keys = ("space", "left", "right", "down")
    manifest = read_manifest(folder)
    write_manifest(folder, msgspec.structs.replace(manifest, name="breaker", game=GAME, keys=keys))
    (tmp_path / "config.toml").write_text('[games.none]\nkeys = ["up"]\n')
    return tmp_path


def test_measure_dry_run_pause_and_stop(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(home, monkeypatch, (120, 40)) as (app, pilot):
            await pilot.press("5")
            await wait_until(pilot, lambda: isinstance(app.screen, PlayScreen))
            screen = app.screen
            assert isinstance(screen, PlayScreen)
            await wait_until(pilot, lambda: "No model of none" in screen_text(pilot))
            await pilot.press("enter")
            assert "Start" not in screen_text(pilot), "no model to start"
            await pilot.press("m")
            assert isinstance(app.screen, Choose)
            await pilot.press("enter")
            await wait_until(pilot, lambda: "p99" in screen.latency_check)
            assert app.game == GAME and "fps here" in screen_text(pilot)
            await pilot.press("t")
            await wait_until(pilot, lambda: "dry run" in screen_text(pilot))
            assert screen.copy_text().endswith("models/breaker")
            await pilot.press("enter")
            await wait_until(pilot, lambda: "DRY RUN 30" in screen_text(pilot))
            await pilot.press("p")
            await wait_until(pilot, lambda: "paused" in screen_text(pilot))
            await pilot.press("p")
            await wait_until(pilot, lambda: "paused" not in screen_text(pilot).splitlines()[1])
            await pilot.press("s")
            await wait_until(pilot, lambda: not screen.playing)
            assert "decisions" in "\n".join(line.text for line in screen.query_one(RichLog).lines)

    asyncio.run(session())


def test_an_intervention_is_recorded_and_l_trains_on_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real intervention on a real console; the training that follows is only captured, not run."""
    started_runs: list[tuple[str, ...]] = []

    async def session() -> None:
        async with open_app(home, monkeypatch, (120, 40)) as (app, pilot):
            monkeypatch.setattr(app, "start_run", lambda *words: started_runs.append(words))
            app.game = GAME
            await pilot.press("5")
            await wait_until(
                pilot, lambda: isinstance(app.screen, PlayScreen) and app.screen.model is not None
            )
            screen = app.screen
            assert isinstance(screen, PlayScreen)
            await pilot.press("l")
            assert started_runs == [], "there are no corrections yet"
            await pilot.press("enter")
            await wait_until(pilot, lambda: "PLAY 30" in screen_text(pilot))
            await pilot.press("q")
            await pilot.press("left")
            await wait_until(pilot, lambda: "YOU DRIVE" in screen_text(pilot))
            await wait_until(pilot, lambda: "The model drives again" in screen_text(pilot))
            await pilot.press("s")
            await wait_until(pilot, lambda: "Learn from this" in screen_text(pilot))
            await pilot.press("l")
            assert screen.model is not None
            assert started_runs == [("train", "--from-model", screen.model.path, "--corrections")]

    asyncio.run(session())
    (path,) = find_recordings(home / "recordings")
    recording = Recording.open(path)
    assert (recording.meta.source, recording.meta.labels) == ("agent", "human")
    human_edges = [edge for edge in recording.timeline.edges if edge.who == "human"]
    assert [(edge.key, edge.down) for edge in human_edges] == [("left", True), ("left", False)]
    assert recording.labels(0)[:, recording.meta.keys.index("left")].any()


def test_panic_stops_the_player_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def session() -> None:
        async with open_app(home, monkeypatch, (120, 40)) as (app, pilot):
            app.game = GAME
            await pilot.press("5")
            await wait_until(
                pilot, lambda: isinstance(app.screen, PlayScreen) and app.screen.model is not None
            )
            await pilot.press("enter")
            await wait_until(pilot, lambda: "PLAY 30" in screen_text(pilot))
            await pilot.press("f12")
            screen = app.screen
            assert isinstance(screen, PlayScreen)
            await wait_until(pilot, lambda: not screen.playing)
            await wait_until(pilot, lambda: app.live is None)

    asyncio.run(session())


def test_latency_text_shows_whether_the_model_fits() -> None:
    good = Finished(job="measure", latency_ms=MS, report={"budget_ms": 33.3, "fps_max": 60})
    bad = Finished(
        job="measure", latency_ms=Percentiles(30.0, 40.0, 50.0), report={"budget_ms": 33.3, "fps_max": 14}
    )
    assert "✓ p99 3.0 ms of 33.3 ms" in latency_text(good)
    assert "✗" in latency_text(bad) and "14 fps would fit" in latency_text(bad)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("state", ["empty", "live", "failed"])
def test_snapshots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot, size: tuple[int, int], state: str
) -> None:
    async def session() -> None:
        async with open_app(tmp_path, monkeypatch, size, parts=()) as (app, pilot):
            monkeypatch.setattr(PlayScreen, "measure", lambda *_: None)
            app.catalog.models = ()
            app.game = GAME
            await pilot.press("5")
            await wait_until(pilot, lambda: isinstance(app.screen, PlayScreen))
            screen = app.screen
            assert isinstance(screen, PlayScreen)
            if state != "empty":
                screen.model = ModelSummary(
                    name="breaker", path="/models/breaker", game=GAME, keys=("left", "right"), fps=30
                )
                screen.latency_check = "[$success]✓ p99 3.0 ms of 33.3 ms[/], up to 60 fps here"
            # The log wraps at its width, which is known after the layout.
            await wait_until(pilot, lambda: state == "empty" or screen.query_one(RichLog).size.width > 0)
            if state == "live":
                screen.playing = True
                screen.handle_event(LIVE)
            if state == "failed":
                screen.handle_event(
                    Failed(error="Expected a display, found none.", hint="Name it with --display.")
                )
            screen.update_view()
            assert screen.query_one(LiveView)
            await snap(pilot, f"play-{state}-{'small' if size[0] == 80 else 'large'}")

    asyncio.run(session())


def test_place_of_a_screen_model_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its window; the profile if it has another region; nothing known without both."""
    folder = home / "models/breaker"
    window = WindowInfo(title="Rally 3", class_name="Rally", box=(0, 0, 640, 480))
    view = View(region=(80, 0, 480, 480), display_size=(1024, 768), window=window)
    model = msgspec.structs.replace(read_manifest(folder), game="rally", view=view)
    write_manifest(folder, model)

    async def shown(*texts: str) -> None:
        async with open_app(home, monkeypatch, (120, 40)) as (app, pilot):
            app.game = "rally"
            await pilot.press("5")
            await wait_until(pilot, screen_shows(pilot, *texts))
            screen = app.screen
            assert isinstance(screen, PlayScreen)
            screen.playing = True
            screen.handle_event(msgspec.structs.replace(LIVE, shown=(300, 20, 240, 240)))
            assert screen.place == (300, 20, 240, 240)
            await wait_until(pilot, screen_shows(pilot, "240x240 at 300,20"))
            screen.playing = False

    async def session() -> None:
        config = home / "config.toml"
        await shown("480x480 in the window 'Rally 3'")
        config.write_text("[games.rally]\ncenter = [500, 400]\nsize = 480\n")
        await shown("480x480 in the window 'Rally 3'")
        config.write_text("[games.rally]\ncenter = [500, 400]\n")
        await shown("256x256 around 500,400, from its profile", "recorded with 480x480")
        write_manifest(folder, msgspec.structs.replace(model, view=None))
        await shown("256x256 around 500,400, from its profile")
        config.write_text("")
        await shown("you click on it after Enter")

    asyncio.run(session())
