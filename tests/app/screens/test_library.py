"""Library screen on the real engine: list, replay, check, repair, export and import recordings."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from support import recordings
from support.apps import SMALL, open_screen, screen_text, wait_until
from support.recordings import key_edge
from support.snapshots import Snapshot
from textual.pilot import Pilot
from textual.widgets import Input

from agp_tui.protocol.events import Live
from agp_tui.protocol.results import Combination, RecordingInfoResult
from agp_tui.protocol.summaries import RecordingSummary
from agp_tui.recording.store import Recording
from agp_tui.ui.app import AgpApp
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.form import Form
from agp_tui.ui.screens.library.replay_pane import ReplayPane
from agp_tui.ui.screens.library.screen import LibraryScreen, version
from agp_tui.ui.screens.library.seek_bar import SeekBar

ITEM = RecordingSummary(
    path="/home/me/recordings/rally/20260101-120000",
    game="rally",
    stamp="20260101-120000",
    state="complete",
    frames=1800,
    seconds=60.0,
    fps=30,
    filled=0.998,
    held={"up": 0.4, "left": 0.1},
    bytes=12_000_000,
    source="human",
    labels="human",
)
BROKEN = RecordingSummary(
    path="/home/me/recordings/rally/20260101-130000",
    game="rally",
    stamp="20260101-130000",
    state="unreadable",
    problem="Expected frames.mkv, found none.",
    bytes=2_000,
)
REPORT = RecordingInfoResult(
    combinations=(
        Combination(keys=("up",), share=0.4),
        Combination(share=0.5),
        Combination(keys=("left",), share=0.1),
    ),
    warnings=("Mostly idle: no key is held in 91 % of the frames.",),
    presses={"up": 120, "left": 31},
    facts={"began": "2026-01-01 12:00:00", "fps asked": 30, "codec": "ffv1"},
)


def library(
    folder: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int] = SMALL
) -> AbstractAsyncContextManager[tuple[AgpApp, Pilot[int], LibraryScreen]]:
    return open_screen(LibraryScreen, folder, monkeypatch, size, parts=("recordings",))


async def replaying(app: AgpApp, pilot: Pilot[int], screen: LibraryScreen) -> ReplayPane:
    """Start a replay of the only recording of the game `box`."""
    app.game = "box"
    await wait_until(pilot, lambda: screen.table.row_count == 1)
    await pilot.press("enter")
    pane = screen.query_one(ReplayPane)
    await wait_until(pilot, lambda: pane.live is not None)
    return pane


def of_box(folder: Path, frames: int = 60) -> Path:
    """A recording of the game `box`."""
    edges = [key_edge(5, "up", True), key_edge(25, "up", False), key_edge(40, "left", True)]
    return recordings.write_recording(folder / "recordings", frames, edges, end=frozenset({"left"}))


def of_other(folder: Path) -> Path:
    return recordings.write_recording(folder / "recordings", 30, meta=recordings.recording_meta("other"))


def test_the_table_shows_one_or_all_games_and_is_sorted_and_filtered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, other = of_box(tmp_path), of_other(tmp_path)

    async def session() -> None:
        async with library(tmp_path, monkeypatch) as (app, pilot, screen):
            app.game = "box"
            await wait_until(pilot, lambda: screen.table.row_count == 1)
            await wait_until(pilot, lambda: "no key" in screen_text(pilot))
            assert screen.copy_text() == str(box)
            assert "1 recording," in screen_text(pilot) and "33.3%" in screen_text(pilot)

            await pilot.press("a")
            await wait_until(pilot, lambda: screen.table.row_count == 2)
            await pilot.press("o")
            assert screen.table.get_row_at(0)[0].plain == "box"
            await pilot.press("O")
            assert screen.table.get_row_at(0)[0].plain == "other"
            await pilot.click(screen.table, offset=(2, 0))
            assert screen.table.get_row_at(0)[0].plain == "box"

            await pilot.press("slash", *"othe", "enter")
            await wait_until(pilot, lambda: screen.table.row_count == 1)
            assert screen.copy_text() == str(other)
            await pilot.press("escape")
            await wait_until(pilot, lambda: screen.table.row_count == 2)
            await pilot.press("a")
            await wait_until(pilot, lambda: screen.table.row_count == 1)

    asyncio.run(session())


def test_choosing_a_disagreement_seeks_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [key_edge(9.5, "up", True), key_edge(19.5, "up", False), key_edge(399.5, "left", True, "agent")]
    # Long enough that all key presses come before its end, even on a busy machine.
    recordings.write_recording(tmp_path / "recordings", 600, edges)

    async def session() -> None:
        async with library(tmp_path, monkeypatch) as (app, pilot, screen):
            pane = await replaying(app, pilot, screen)
            assert pane.live is not None and pane.live.advised == []
            await pilot.press("space", "m")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            assert "human and agent disagree" in screen_text(pilot)
            await pilot.press("down", "enter")
            await wait_until(pilot, lambda: pane.live is not None and pane.live.frame == 10)
            await wait_until(pilot, lambda: "advised: nothing" in screen_text(pilot))

    asyncio.run(session())


def test_a_replay_is_controlled_by_keys_and_mouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of_box(tmp_path, 600)

    async def session() -> None:
        async with library(tmp_path, monkeypatch) as (app, pilot, screen):
            pane = await replaying(app, pilot, screen)

            def at(frame: int, *, paused: bool = True) -> bool:
                return pane.live is not None and (pane.live.frame, pane.live.paused) == (frame, paused)

            await pilot.press("space", "home")
            await wait_until(pilot, lambda: at(0))
            await pilot.press("right", "right", "right", "left")
            await wait_until(pilot, lambda: at(2))
            await pilot.press("]")
            await wait_until(pilot, lambda: at(32))
            await pilot.press("shift+right", "shift+left", "[")
            await wait_until(pilot, lambda: at(2))
            await pilot.press(*["right"] * 8)
            await wait_until(pilot, lambda: at(10))
            assert "● up" in screen_text(pilot) and "○ left" in screen_text(pilot)
            await pilot.press("end")
            await wait_until(pilot, lambda: at(599))
            assert "● left" in screen_text(pilot) and "600/600" in screen_text(pilot)
            for _ in range(4):
                await pilot.press("minus")
            await wait_until(pilot, lambda: pane.live is not None and pane.live.speed == 0.25)
            await pilot.press("plus")
            await wait_until(pilot, lambda: pane.live is not None and pane.live.speed == 0.5)
            begin, length = pane.query_one(SeekBar)._line
            await pilot.click(SeekBar, offset=(begin + length // 2, 0))
            await wait_until(pilot, lambda: pane.live is not None and 270 <= (pane.live.frame or 0) <= 330)
            await pilot.press("space")
            await wait_until(pilot, lambda: pane.live is not None and not pane.live.paused)
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.live is None and screen.focused is screen.table)

            await pilot.press("enter")
            await wait_until(pilot, lambda: app.live is not None)
            await pilot.press("2")
            await wait_until(pilot, lambda: app.live is None)

    asyncio.run(session())


def test_a_bad_stretch_is_marked_shown_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = of_box(tmp_path, 600)

    async def session() -> None:
        async with library(tmp_path, monkeypatch) as (app, pilot, screen):
            pane = await replaying(app, pilot, screen)

            def excluded() -> list[tuple[int, int]]:
                return pane.live.excluded_frames if pane.live is not None else []

            def at(frame: int) -> bool:
                return pane.live is not None and pane.live.frame == frame

            await pilot.press("space", "home", "]", "n")
            await wait_until(pilot, lambda: "not for training from frame 31 on" in screen_text(pilot))
            await pilot.press("]", "]", "]", "]")
            await wait_until(pilot, lambda: at(150))
            assert "╳" in screen_text(pilot), "the begun stretch is on the seek bar"
            await pilot.press("n")
            await wait_until(pilot, lambda: excluded() == [(30, 151)])
            assert "not for training from" not in screen_text(pilot)
            await pilot.press("home")
            await wait_until(pilot, lambda: at(0) and "4.0 s excluded" in screen_text(pilot))
            assert Recording.open(path).excluded().sum() == 121

            # Backwards; `u` first forgets a begun stretch, then takes back the newest one.
            await pilot.press("end", "n", "[", "n")
            await wait_until(pilot, lambda: excluded() == [(30, 151), (569, 600)])
            await pilot.press("n", "u")
            assert "not for training from" not in screen_text(pilot)
            await pilot.press("u")
            await wait_until(pilot, lambda: excluded() == [(30, 151)])
            await pilot.press("home", "]", "]")
            await wait_until(pilot, lambda: at(60) and "Include" in screen_text(pilot))
            await pilot.press("l")
            await wait_until(pilot, lambda: excluded() == [])
            await pilot.press("u")
            await wait_until(pilot, lambda: excluded() == [(30, 151)])
            await pilot.press("escape")
            await wait_until(pilot, lambda: screen.item is not None and screen.item.excluded > 4)
            assert screen.item is not None
            seen = version(screen.item)
            await wait_until(pilot, lambda: seen in screen._reports)
            assert str(screen._reports[seen].facts["excluded from training"]).startswith("4.0 s")

    asyncio.run(session())


def test_check_repair_export_import_and_delete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = of_box(tmp_path)
    video = path / "frames.mkv"
    video.write_bytes(video.read_bytes()[: -video.stat().st_size // 3])

    async def session() -> None:
        async with library(tmp_path, monkeypatch, (110, 40)) as (app, pilot, screen):
            app.game = "box"
            await wait_until(pilot, lambda: screen.item is not None)
            await pilot.press("c")
            await wait_until(pilot, lambda: "found" in screen.message and "checked" in screen.message)
            await wait_until(
                pilot, lambda: "complete ones in the video" in screen_text(pilot).replace("\n", " ")
            )
            await pilot.press("r", "d", "r")
            assert app.screen is screen, "no other command starts during a repair"
            await wait_until(pilot, lambda: "repaired" in screen.message)
            await wait_until(pilot, lambda: screen.item is not None and screen.item.state == "recovered")
            await pilot.press("c")
            await wait_until(pilot, lambda: "1 found" in screen.message)
            assert "Never pressed by human" in screen_text(pilot)

            await pilot.press("e")
            await wait_until(pilot, lambda: isinstance(app.screen, Form))
            await pilot.press("right", "right", "down", *"out.pkl", "enter")
            await wait_until(pilot, lambda: "written" in screen.message)
            assert (tmp_path / "out.pkl").stat().st_size > 0

            await pilot.press("i")
            await wait_until(pilot, lambda: isinstance(app.screen, Form))
            await pilot.press(*"nowhere", "enter")
            await wait_until(pilot, lambda: "Expected a file" in screen_text(pilot))
            app.screen.query_one("#file", Input).value = "out.pkl"
            app.screen.query_one("#game", Input).value = "seed"
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.game == "seed" and screen.item is not None)
            assert screen.item is not None and screen.item.game == "seed"

            await pilot.press("d")
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("n")
            await wait_until(pilot, lambda: app.screen is screen)
            await pilot.press("delete")
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("y")
            await wait_until(pilot, lambda: "There is no recording of seed" in screen_text(pilot))
            assert [one.game for one in app.catalog.recordings or ()] == ["box"]

    asyncio.run(session())


def test_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot) -> None:
    async def session() -> None:
        async with library(tmp_path, monkeypatch) as (app, pilot, screen):
            app.game = "rally"
            await wait_until(pilot, lambda: "no recording of rally" in screen_text(pilot))
            await snap(pilot, "library-empty")
            screen._reports[version(ITEM)] = REPORT
            app.catalog.recordings = (ITEM, BROKEN)
            app.catalog_changed.publish("recordings")
            await pilot.pause()
            await snap(pilot, "library-broken")
            await pilot.press("down")
            await snap(pilot, "library-table")
            await pilot.resize_terminal(200, 60)
            await snap(pilot, "library-table-large")

            pane = screen.query_one(ReplayPane)
            screen.activity = "replay"
            screen.query_one("#library-middle").current = "library-replay"  # type: ignore[attr-defined]
            pane.focus()
            pane.show(
                Live(
                    seconds=12.4,
                    fps=29.9,
                    fps_asked=30,
                    frames=373,
                    missed=0,
                    held=["left"],
                    shares={"up": 0.4, "left": 0.1},
                    thumbnail=bytes([200, 40, 40] * 64) + bytes([20, 20, 90] * 64),
                    thumbnail_size=(8, 16),
                    frame=372,
                    total=1800,
                    paused=True,
                    speed=2.0,
                )
            )
            await pilot.resize_terminal(80, 24)
            await snap(pilot, "library-replay")
            screen.activity = ""

    asyncio.run(session())
