"""Record screen on the real engine: region on a real X server, countdown, recording, keep and discard."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from support.apps import screen_shows, screen_text, wait_until
from support.arena_window import Arena
from support.commands import agp
from support.record_screen import game_profile, open_record_screen
from support.snapshots import Snapshot
from support.xserver import XServer
from textual.widgets import Digits, Input

from agp_tui.protocol.events import Finished, Live
from agp_tui.recording.store import Recording
from agp_tui.ui.dialogs.choose import Choose
from agp_tui.ui.dialogs.confirm import Confirm
from agp_tui.ui.dialogs.form import Cycle, Form
from agp_tui.ui.screens.base import AppScreen
from agp_tui.ui.screens.record.profile import RecordingLimits
from agp_tui.ui.screens.record.region_picker import RegionPicker, SquareRegion

LIVE = Live(
    seconds=62.5,
    fps=29.4,
    fps_asked=30,
    frames=1840,
    missed=35,
    held=["up"],
    shares={"up": 0.4, "down": 0.25},
    bytes=3_400_000,
    thumbnail=bytes([200, 40, 40] * 64) + bytes([20, 20, 90] * 64),
    thumbnail_size=(8, 16),
)
RESULT = Finished(
    job="record",
    recording="/recordings/rally/20260101-120000",
    frames=1840,
    missed=35,
    seconds=62.5,
    bytes=3_400_000,
    report={
        "because": "the esc key",
        "combinations": [{"keys": ["up"], "share": 0.6}, {"keys": [], "share": 0.4}],
        "warnings": ["One-sided: up is held 60.0 % of the time, down 0.0 %."],
    },
)


def recordings(folder: Path) -> list[Path]:
    return sorted((folder / "recordings").glob("*/*/meta.json"))


def test_an_expert_is_recorded_then_the_result_kept_or_discarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            assert screen.player == "expert"
            await pilot.press("b")
            assert isinstance(app.screen, Choose)
            await pilot.press("down", "enter")
            assert screen.player_flags() == ["--by", "expert", "--human-like"]
            assert "human-like" in screen_text(pilot)
            await pilot.press("b", "enter", "o")
            await wait_until(pilot, lambda: isinstance(app.screen, Form))
            await pilot.press("6", "0", "tab", "tab", "backspace", "x", "enter")
            await wait_until(pilot, lambda: "Expected a number for countdown" in screen_text(pilot))
            await pilot.press("backspace", "1", "tab", "right", "left", "enter")
            await wait_until(pilot, lambda: app.screen is screen)
            assert (screen.limits.seconds, screen.limits.countdown) == ("60", "1")

            await pilot.press("enter")
            await wait_until(pilot, lambda: screen.phase == "countdown")
            await wait_until(pilot, lambda: screen.query_one(Digits).value == "1")
            await pilot.press("escape")
            await wait_until(pilot, lambda: screen.phase == "setup")
            assert not recordings(tmp_path) and screen.error == ""
            assert "Nothing was saved" in screen_text(pilot)

            await pilot.press("enter")
            await wait_until(pilot, lambda: screen.phase == "recording" and "filled" in screen_text(pilot))
            assert "REC" in screen_text(pilot)
            await pilot.press("3", "2")
            assert app.live is not None, "opening another screen does not end it"
            await pilot.press("s")
            await wait_until(pilot, lambda: screen.phase == "result")
            found = screen_text(pilot)
            assert "% filled" in found and "no key" in found and "Ended: stopped" in found
            await pilot.press("k")
            await wait_until(pilot, lambda: screen.phase == "setup")
            assert len(recordings(tmp_path)) == 1
            await wait_until(pilot, lambda: len(app.catalog.recordings or ()) == 1)

            path = str(recordings(tmp_path)[0].parent)
            screen.show_result(Finished(job="record", recording=path, seconds=1.0))
            assert screen.copy_text() == path
            await pilot.press("x")
            await wait_until(pilot, lambda: not recordings(tmp_path) and screen.phase == "setup")
            await wait_until(pilot, lambda: app.catalog.recordings == ())

    asyncio.run(session())


def test_limits_follow_the_settings_until_the_user_changes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            for seconds in (7, 8):
                (tmp_path / "config.toml").write_text(f"[record]\nseconds = {seconds}\n")
                app.reload()
                await wait_until(pilot, lambda: f"after {seconds} s" in screen_text(pilot))  # noqa: B023
            screen.limits = RecordingLimits(seconds="20")
            (tmp_path / "config.toml").write_text("[record]\nseconds = 9\n")
            app.reload()
            await wait_until(pilot, lambda: app.loaded.config.record.seconds == 9)
            assert "after 20 s" in screen_text(pilot)

    asyncio.run(session())


def test_nudges_are_an_option_and_shown_while_they_happen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            assert "--no-nudge" in screen.limits.flags(screen.game)
            await pilot.press("o")
            await wait_until(pilot, lambda: isinstance(app.screen, Form))
            app.screen.query_one("#nudges", Cycle).focus()
            await pilot.press("right", "enter")
            await wait_until(pilot, lambda: "with nudges" in screen_text(pilot))
            assert "--nudge" in screen.limits.flags(screen.game)
            screen.phase = "recording"
            screen.handle_event(msgspec.structs.replace(LIVE, nudge=["down"]))
            await wait_until(pilot, lambda: "NUDGE down" in screen_text(pilot))
            screen.handle_event(LIVE)
            await wait_until(pilot, lambda: "NUDGE" not in screen_text(pilot))
            finished = msgspec.structs.replace(
                RESULT, report=RESULT.report | {"nudges": 9, "nudge_seconds": 2.7}
            )
            screen.show_result(finished)
            await wait_until(pilot, lambda: "9 nudges, 2.7 s" in screen_text(pilot))

    asyncio.run(session())


def test_a_new_game_is_set_up_recorded_and_ended_by_its_esc_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer, arena: Arena
) -> None:
    (tmp_path / "config.toml").write_text("[record]\ncountdown = 0.2\n")
    x, y = arena.center

    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch, x_server.name) as (app, pilot, screen):
            app.game = "rally"
            await wait_until(pilot, lambda: screen.player == "human")
            await pilot.press("c")
            await wait_until(pilot, lambda: "Click on the middle" in screen_text(pilot))
            await pilot.press("escape")
            await wait_until(pilot, lambda: screen.phase == "setup")
            assert screen.error == ""

            await pilot.press("c")
            await wait_until(pilot, lambda: "PICK" in screen_text(pilot))
            x_server.xdotool("mousemove", str(x), str(y))
            while screen.phase == "pick":
                x_server.xdotool("click", "1")
                await pilot.pause(0.1)
            await wait_until(pilot, lambda: f"around {x},{y}" in screen_text(pilot))
            assert game_profile(tmp_path, "rally") == {"center": [x, y], "size": 256}

            await pilot.press("e")
            await wait_until(pilot, lambda: isinstance(app.screen, Form))
            app.screen.query_one("#keys", Input).value = "up,wrong"
            await pilot.press("enter")
            await wait_until(pilot, lambda: "wrong" in str(app.screen.query_one("#form-problem").render()))
            app.screen.query_one("#keys", Input).value = "up,left"
            app.screen.query_one("#center", Input).value = f"{x + 2},{y}"
            app.screen.query_one("#fps", Input).value = "20"
            await pilot.press("enter")
            await wait_until(pilot, lambda: app.screen is screen)
            saved = game_profile(tmp_path, "rally")
            assert (saved["center"], saved["keys"], saved["fps"]) == ([x + 2, y], ["up", "left"], 20)
            assert "up left, 20 fps" in screen_text(pilot)

            await pilot.press("enter")
            await wait_until(pilot, lambda: screen.phase == "recording" and "filled" in screen_text(pilot))
            x_server.xdotool("keydown", "Left")
            await wait_until(pilot, lambda: "● left" in screen_text(pilot))
            x_server.xdotool("key", "F8")
            await wait_until(pilot, lambda: "s excluded" in screen_text(pilot))
            await pilot.press("u")
            await wait_until(pilot, lambda: "s excluded" not in screen_text(pilot))
            await pilot.press("n")
            await wait_until(pilot, lambda: "s excluded" in screen_text(pilot))
            x_server.xdotool("keyup", "Left", "key", "Escape")
            await wait_until(pilot, lambda: screen.phase == "result")
            assert "Ended: the esc key" in screen_text(pilot) and "left" in screen_text(pilot)
            assert Recording.open(recordings(tmp_path)[0].parent).excluded().any()
            meta = json.loads(recordings(tmp_path)[0].read_text())
            assert (meta["game"], meta["keys"], meta["fps"]) == ("rally", ["up", "left"], 20)
            await wait_until(pilot, lambda: len(app.catalog.recordings or ()) == 1)

    asyncio.run(session())


def test_errors_show_a_hint_and_deleting_needs_a_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('[games.rally]\ndisplay = ":93"\ncenter = [100, 100]\n')

    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            await pilot.press("enter")
            await wait_until(pilot, lambda: screen.error != "" and screen.phase == "setup")
            assert ":93" in screen_text(pilot)
            assert screen.copy_text() == screen.error
            await pilot.press("b")
            await wait_until(pilot, lambda: isinstance(app.screen, Choose))
            await pilot.press("escape")
            await wait_until(pilot, lambda: app.screen is screen)
            screen.error = ""
            await pilot.press("r")
            await wait_until(pilot, lambda: ":93" in screen.error)
            await wait_until(pilot, lambda: screen.phase == "setup" and app.live is None)

            screen.show_result(RESULT)
            await pilot.press("x")
            await wait_until(pilot, lambda: isinstance(app.screen, Confirm))
            await pilot.press("n")
            await wait_until(pilot, lambda: isinstance(app.screen, AppScreen))
            assert screen.result is RESULT and screen.phase == "result"
            await pilot.press("enter")
            assert screen.phase == "setup"

            app.game = "ALE/Skiing-v5"
            await wait_until(pilot, lambda: "played by you, here" in screen_text(pilot))

    asyncio.run(session())


def test_snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snap: Snapshot) -> None:
    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch) as (app, pilot, screen):
            await snap(pilot, "record-empty")
            screen.phase = "recording"
            screen.handle_event(LIVE)
            await snap(pilot, "record-live")
            screen.show_result(RESULT)
            await snap(pilot, "record-result")
            screen.phase = "setup"
            app.game = "rally"
            await wait_until(pilot, lambda: screen.player == "human")
            screen.error = "Expected a display, found none. Start one."
            await snap(pilot, "record-failed")
            screen.error = ""
            screen.query_one(RegionPicker).start(SquareRegion(300, 200, 256), 256, ":7")
            screen.phase = "region"
            screen.query_one(RegionPicker).focus()
            await pilot.pause()
            screen.handle_event(
                Live(
                    seconds=1.0,
                    fps=10.0,
                    fps_asked=10.0,
                    frames=10,
                    missed=0,
                    thumbnail=bytes([200, 40, 40] * 32 + [20, 20, 90] * 32) * 48,
                    thumbnail_size=(48, 64),
                    shown=(0, 0, 1024, 768),
                )
            )
            await snap(pilot, "record-region")

    asyncio.run(session())


def test_a_cycle_field_wraps_around() -> None:
    turned = Cycle(["one", "two", "three"], "two", id="choice")
    for by, expected in ((1, "three"), (1, "one"), (-1, "three")):
        turned.action_turn(by)
        assert turned.value == expected


def test_next_recording_is_in_the_window_of_the_last_one_and_p_makes_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x_server: XServer
) -> None:
    arena = Arena(x_server, name="agp-record-again")
    words = ("record", "--game", "rally", *arena.field, "--fps", "20", "--seconds", "0.5")
    assert agp(*words, home=tmp_path, display=x_server.name).code == 0
    arena.move(400, 300)

    async def session() -> None:
        async with open_record_screen(tmp_path, monkeypatch, x_server.name) as (_app, pilot, screen):
            await wait_until(pilot, screen_shows(pilot, "256x192 in the window", "as last time"))
            await wait_until(pilot, screen_shows(pilot, "This is what is recorded"))
            assert "no region yet" not in screen_text(pilot)
            screen.limits = RecordingLimits(countdown="0", seconds="0.5")
            await pilot.press("enter")
            await wait_until(pilot, lambda: screen.phase == "result")
            await wait_until(pilot, screen_shows(pilot, "as the profile of the game"))
            await pilot.press("p")
            await wait_until(pilot, (tmp_path / "config.toml").exists)
            assert game_profile(tmp_path, "rally") == {"region": [400, 364, 256, 192]}
            await wait_until(pilot, lambda: "as the profile of the game" not in screen_text(pilot))
            await pilot.press("k")
            await wait_until(pilot, screen_shows(pilot, "256x192 at 400,364"))

    try:
        asyncio.run(session())
    finally:
        arena.close()
    found = [json.loads(path.read_text())["view"]["region"] for path in recordings(tmp_path)]
    assert found == [[100, 164, 256, 192], [400, 364, 256, 192]]
