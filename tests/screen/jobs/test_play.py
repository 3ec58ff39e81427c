"""`agp play` on a real window: it gets the keys that its picture asks for, until somebody stops it."""

import time
from pathlib import Path

import pytest
from support.arena_window import Arena
from support.bright_model import BrightModel
from support.commands import Command, Result, agp, running_command
from support.xserver import XServer, observe

pytestmark = pytest.mark.display

OTHER = {"left": "right", "right": "left"}


def wait_until_held(arena: Arena, *keys: str) -> None:
    """Until the window says that exactly these are held."""
    deadline = time.monotonic() + 30
    while arena.pictures[-1].held != frozenset(keys):
        assert time.monotonic() < deadline, f"the window holds {sorted(arena.pictures[-1].held)}"
        time.sleep(0.005)


def play_three_sides(arena: Arena) -> None:
    """The bright half asks for the other key; no bright half asks for none."""
    for side in ("left", "right", "left"):
        arena.show(side)
        wait_until_held(arena, OTHER[side])
    arena.show("none")
    wait_until_held(arena)


def nothing_is_down(server: XServer) -> bool:
    with observe(server.name) as observer:
        return observer.down() == frozenset()


def stopped_while_holding(server: XServer, arena: Arena, command: Command, stop: object) -> Result:
    """Stop a player that holds a key; the key is up within a moment, long before the process ends."""
    arena.show("left")
    wait_until_held(arena, "right")
    assert callable(stop)
    stop()
    result = command.result()
    assert nothing_is_down(server)
    wait_until_held(arena)
    return result


def test_the_window_gets_the_keys_its_picture_asks_for(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *arena.field, "--seconds", "60")
    with running_command(*words, home=home, display=x_server.name) as command:
        play_three_sides(arena)
        result = stopped_while_holding(x_server, arena, command, lambda: x_server.xdotool("key", "F12"))
    assert result.code == 0 and result.stderr == ""
    finished = result.finished
    assert finished["report"]["panic"] is True and finished["report"]["dry_run"] is False
    assert finished["decisions"] >= 4 and finished["latency_ms"]["p50"] > 0
    assert finished["model"] == str(bright_model.folder)
    keys = [(report.key, report.down) for report in arena.reports if report.key != "f12"]
    # Between two pictures of the target a frame may hold neither or both.
    pressed = [key for key, down in keys if down]
    assert pressed == ["right", "left", "right", "right"]


def test_a_dry_run_presses_nothing(
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
    assert arena.reports == [] and nothing_is_down(x_server)


def test_the_end_of_its_owner_releases_everything(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    with running_command(
        "play", str(bright_model.folder), *arena.field, home=home, display=x_server.name
    ) as command:
        result = stopped_while_holding(x_server, arena, command, command.hang_up)
    assert result.code == 0 and result.finished["report"]["panic"] is False


def test_pause_releases_and_resume_presses_again(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    with running_command(
        "play", str(bright_model.folder), *arena.field, home=home, display=x_server.name
    ) as command:
        arena.show("right")
        wait_until_held(arena, "left")
        command.tell(type="pause")
        wait_until_held(arena)
        command.tell(type="resume")
        wait_until_held(arena, "left")
        command.tell(type="panic")
        result = command.result()
    assert result.code == 0 and result.finished["report"]["panic"] is True
    assert nothing_is_down(x_server)


def test_another_window_with_the_focus_gets_no_key(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    # Without a window manager a window that goes leaves the focus to whatever is under the pointer.
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
            assert nothing_is_down(x_server)
        command.wait_for_note("has the focus again")
        wait_until_held(arena, "left")
        command.tell(type="panic")
        assert command.result().code == 0


def test_a_model_made_elsewhere_plays_with_the_keys_it_is_given(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    """Its yellow is found only where the channels are in its own order, which is bgr unless told."""
    words = ("play", str(bright_model.whole_window), "--game", "window", *arena.field, "--keys", "left,right")
    more = ("--activation-threshold", "0.9", "--channels", "bgr", "--fps", "20", "--seconds", "60")
    with running_command(*words, *more, home=home, display=x_server.name) as command:
        play_three_sides(arena)
        result = stopped_while_holding(x_server, arena, command, lambda: x_server.xdotool("key", "F12"))
    assert result.code == 0
    live = [event for event in result.events if event["type"] == "live"]
    assert {event["fps_asked"] for event in live} == {20}
    arena.reports.clear()
    arena.show("left")
    result = agp(*words, "--channels", "rgb", "--seconds", "1.5", home=home, display=x_server.name)
    assert result.code == 0 and result.finished["decisions"] > 10
    assert arena.reports == []


def test_the_place_comes_from_the_profile_of_the_models_game(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    """Nothing is typed twice: the manifest names the game, config.toml knows where that is."""
    region = arena.field[1].replace(",", ", ")
    (home / "config.toml").write_text(f"[games.window]\nregion = [{region}]\n")
    with running_command("play", str(bright_model.folder), home=home, display=x_server.name) as command:
        arena.show("right")
        wait_until_held(arena, "left")
        command.hang_up()
        assert command.result().code == 0


def test_a_person_takes_over_and_what_they_show_is_learned_from(
    x_server: XServer, arena: Arena, home: Path, bright_model: BrightModel
) -> None:
    words = ("play", str(bright_model.folder), *arena.field, "--seconds", "60", "--takeover-idle", "0.5")
    with (
        running_command(*words, home=home, display=x_server.name) as command,
        observe(x_server.name) as observer,
        observer.keyboard_of_a_person() as hand,
    ):
        arena.show("left")
        wait_until_held(arena, "right")
        time.sleep(0.5)
        hand.press("left")
        wait_until_held(arena, "left")
        time.sleep(1.0)
        hand.release("left")
        wait_until_held(arena, "right")
        x_server.xdotool("key", "F12")
        result = command.result()
    assert result.code == 0 and result.stderr == "", result.story()
    assert result.finished["report"]["takeovers"] == 1
    (path,) = result.finished["recordings"]
    looked = agp("train", "--game", "window", "--recordings", path, "--look", "--segment", "3", home=home)
    assert looked.code == 0, looked.story()
    report = looked.finished["report"]
    assert report["recordings"][0]["corrections"] is True
    # Of about four seconds only the person's one and a half count, and in most of them left is held.
    assert 30 < report["frames"] < 60
    assert 0.5 < report["keys"]["left"] < 0.8 and report["keys"]["right"] == 0.0


def test_a_model_that_watches_a_person_presses_nothing_and_is_compared_with_them(
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
    assert result.code == 0, result.story()
    assert {report.key for report in arena.reports if report.down} >= {"left", "right"}
    recording = result.finished["recording"]
    found = agp("recordings", "disagreements", recording, home=home).finished["report"]
    assert found["players"] == ["human", "agent"]
    assert found["agreement"]["left"] == 0.0 and 0.2 < found["agreement"]["right"] < 0.9
    largest = found["moments"][0]
    assert set(largest["keys"]) == {"left", "right"} and largest["stop"] - largest["start"] >= 15


def test_a_shadow_beside_a_driver_or_of_another_game_is_refused(
    home: Path, bright_model: BrightModel
) -> None:
    words = ("record", "--game", "ALE/Pong-v5", "--by", "expert", "--shadow", str(bright_model.folder))
    refused = agp(*words, home=home)
    assert refused.code == 2 and "with --shadow" in refused.one("failed")["error"]
