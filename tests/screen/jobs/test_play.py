"""Tests of `agp play` on a real window: key presses, stop, pause, focus, takeover, shadow."""

import time
from pathlib import Path

import pytest
from support.arena_window import Arena
from support.bright_model import BrightModel
from support.commands import Command, Result, agp, running_command
from support.xserver import XServer, observe

pytestmark = pytest.mark.display

OPPOSITE = {"left": "right", "right": "left"}


def wait_until_held(arena: Arena, *keys: str) -> None:
    """Wait until the window reports that exactly `keys` are held."""
    deadline = time.monotonic() + 30
    while arena.pictures[-1].held != frozenset(keys):
        assert time.monotonic() < deadline, f"the window holds {sorted(arena.pictures[-1].held)}"
        time.sleep(0.005)


def play_three_sides(arena: Arena) -> None:
    """The model presses the key opposite the bright half, and none without a bright half."""
    for side in ("left", "right", "left"):
        arena.show(side)
        wait_until_held(arena, OPPOSITE[side])
    arena.show("none")
    wait_until_held(arena)


def no_key_is_down(server: XServer) -> bool:
    with observe(server.name) as observer:
        return observer.down() == frozenset()


def stop_while_holding(server: XServer, arena: Arena, command: Command, stop: object) -> Result:
    """Stop a player that holds a key, and check that the key is released."""
    arena.show("left")
    wait_until_held(arena, "right")
    assert callable(stop)
    stop()
    result = command.result()
    assert no_key_is_down(server)
    wait_until_held(arena)
    return result


def test_play_presses_the_keys_for_the_picture(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *arena.field, "--seconds", "60")
    with running_command(*words, home=home, display=x_server.name) as command:
        play_three_sides(arena)
        result = stop_while_holding(x_server, arena, command, lambda: x_server.xdotool("key", "F12"))
    assert result.code == 0 and result.stderr == ""
    finished = result.finished
    assert finished["report"]["panic"] is True and finished["report"]["dry_run"] is False
    assert finished["decisions"] >= 4 and finished["latency_ms"]["p50"] > 0
    assert finished["model"] == str(bright_model.folder)
    keys = [(report.key, report.down) for report in arena.reports if report.key != "f12"]
    # Between two pictures of the target a frame may hold neither or both.
    pressed = [key for key, down in keys if down]
    assert pressed == ["right", "left", "right", "right"]


def test_dry_run_presses_nothing(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    arena.show("left")
    words = (
        "play",
        str(bright_model.folder),
        "--game",
        "another",
        *arena.field,
        "--dry-run",
        "--seconds",
        "2",
    )
    result = agp(*words, home=home, display=x_server.name)
    assert result.code == 0 and result.finished["report"]["dry_run"] is True
    live = [event for event in result.events if event["type"] == "live"]
    assert live[-1]["held"] == ["right"] and live[-1]["probabilities"]["right"] > 0.5
    assert arena.reports == [] and no_key_is_down(x_server)


def test_end_of_stdin_releases_all_keys(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    with running_command(
        "play", str(bright_model.folder), *arena.field, home=home, display=x_server.name
    ) as command:
        result = stop_while_holding(x_server, arena, command, command.close_stdin)
    assert result.code == 0 and result.finished["report"]["panic"] is False


def test_pause_releases_and_resume_presses_again(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    with running_command(
        "play", str(bright_model.folder), *arena.field, home=home, display=x_server.name
    ) as command:
        arena.show("right")
        wait_until_held(arena, "left")
        command.send_command(type="pause")
        wait_until_held(arena)
        command.send_command(type="resume")
        wait_until_held(arena, "left")
        command.send_command(type="panic")
        result = command.result()
    assert result.code == 0 and result.finished["report"]["panic"] is True
    assert no_key_is_down(x_server)


def test_no_key_is_pressed_while_another_window_has_the_focus(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    # Without a window manager, the focus of a closed window moves to the window under the pointer.
    x_server.xdotool("mousemove", *map(str, arena.center))
    with (
        running_command(
            "play", str(bright_model.folder), *arena.field, home=home, display=x_server.name
        ) as command,
        observe(x_server.name) as server,
    ):
        arena.show("right")
        wait_until_held(arena, "left")
        with server.focused_window():
            command.wait_for_note("does not have the focus")
            assert no_key_is_down(x_server)
        command.wait_for_note("has the focus again")
        wait_until_held(arena, "left")
        command.send_command(type="panic")
        assert command.result().code == 0


def test_foreign_model_plays_with_keys_and_channels_from_settings(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    """The model detects yellow in bgr order, the default, and nothing in rgb order."""
    words = ("play", str(bright_model.whole_window), "--game", "window", *arena.field, "--keys", "left,right")
    flags = ("--activation-threshold", "0.9", "--channels", "bgr", "--fps", "20", "--seconds", "60")
    with running_command(*words, *flags, home=home, display=x_server.name) as command:
        play_three_sides(arena)
        result = stop_while_holding(x_server, arena, command, lambda: x_server.xdotool("key", "F12"))
    assert result.code == 0
    live = [event for event in result.events if event["type"] == "live"]
    assert {event["fps_asked"] for event in live} == {20}
    arena.reports.clear()
    arena.show("left")
    result = agp(*words, "--channels", "rgb", "--seconds", "1.5", home=home, display=x_server.name)
    assert result.code == 0 and result.finished["decisions"] > 10
    assert arena.reports == []


def test_region_comes_from_the_game_profile_of_the_model(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    """The manifest names the game, and config.toml has its region."""
    region = arena.field[1].replace(",", ", ")
    (home / "config.toml").write_text(f"[games.window]\nregion = [{region}]\n")
    with running_command("play", str(bright_model.folder), home=home, display=x_server.name) as command:
        arena.show("right")
        wait_until_held(arena, "left")
        command.close_stdin()
        assert command.result().code == 0


def test_takeover_is_recorded_as_corrections_for_training(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *arena.field, "--seconds", "60", "--takeover-idle", "0.5")
    with (
        running_command(*words, home=home, display=x_server.name) as command,
        observe(x_server.name) as observer,
        observer.physical_keyboard() as keyboard,
    ):
        arena.show("left")
        wait_until_held(arena, "right")
        time.sleep(0.5)
        keyboard.press("left")
        wait_until_held(arena, "left")
        time.sleep(1.0)
        keyboard.release("left")
        wait_until_held(arena, "right")
        x_server.xdotool("key", "F12")
        result = command.result()
    assert result.code == 0 and result.stderr == "", result.summary()
    assert result.finished["report"]["takeovers"] == 1
    (path,) = result.finished["recordings"]
    inspected = agp("train", "--game", "window", "--recordings", path, "--look", "--segment", "3", home=home)
    assert inspected.code == 0, inspected.summary()
    report = inspected.finished["report"]
    assert report["recordings"][0]["corrections"] is True
    # Only the 1.5 s of human control count; left is held in most of them.
    assert 30 < report["frames"] < 60
    assert 0.5 < report["keys"]["left"] < 0.8 and report["keys"]["right"] == 0.0


def test_shadow_model_presses_nothing_and_is_compared_with_the_player(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    words = (
        "record",
        "--game",
        "window",
        *arena.field,
        "--keys",
        "left,right",
        "--shadow",
        str(bright_model.folder),
    )
    arena.show("left")
    with running_command(*words, home=home, display=x_server.name) as command:
        command.wait_for(lambda event: event["type"] == "live" and event["advised"] == ["right"])
        x_server.xdotool("keydown", "Left")
        time.sleep(0.7)
        x_server.xdotool("keyup", "Left")
        x_server.xdotool("keydown", "Right")
        time.sleep(0.7)
        x_server.xdotool("keyup", "Right", "key", "Escape")
        result = command.result()
    assert result.code == 0, result.summary()
    assert {report.key for report in arena.reports if report.down} >= {"left", "right"}
    recording = result.finished["recording"]
    report = agp("recordings", "disagreements", recording, home=home).finished["report"]
    assert report["players"] == ["human", "agent"]
    assert report["agreement"]["left"] == 0.0 and 0.2 < report["agreement"]["right"] < 0.9
    largest = report["moments"][0]
    assert set(largest["keys"]) == {"left", "right"} and largest["stop"] - largest["start"] >= 15


def test_shadow_with_a_scripted_player_is_rejected(home: Path, bright_model: BrightModel) -> None:
    words = ("record", "--game", "ALE/Pong-v5", "--by", "expert", "--shadow", str(bright_model.folder))
    rejected = agp(*words, home=home)
    assert rejected.code == 2 and "with --shadow" in rejected.only_event("failed")["error"]
