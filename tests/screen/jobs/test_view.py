"""Tests of the view that travels with recordings and models, on real windows that move, resize and close."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support.arena_window import Arena
from support.bright_model import BrightModel
from support.commands import Result, agp, running_command
from support.xserver import XServer, observe

from agp_tui.games.view import View
from agp_tui.models.manifest import read_manifest, write_manifest
from agp_tui.recording.store import Recording

pytestmark = pytest.mark.display

OVER_SSH = {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.1 22"}
OPPOSITE = {"left": "right", "right": "left"}


@pytest.fixture
def name() -> str:
    """The game, and the class of its window: no other test has a window of it, on whatever display."""
    return f"agp-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def window(server: XServer, name: str) -> Iterator[Arena]:
    """The game at 100,100 on a display of its own, with the target on the left."""
    arena = Arena(server, name=name)
    arena.show("left")
    yield arena
    arena.close()


def record(name: str, home: Path, *flags: str, **environment: str) -> Result:
    return agp("record", "--game", name, *flags, "--seconds", "0.5", home=home, **environment)


def frame_of(result: Result) -> NDArray[np.uint8]:
    """The last frame of a recording."""
    return next(Recording.open(Path(result.finished["recording"])).frames(-1))


def view_of(result: Result) -> View:
    view = Recording.open(Path(result.finished["recording"])).meta.view
    assert view is not None
    return view


def notes(result: Result, level: str = "") -> list[str]:
    found = [one for one in result.events if one["type"] == "note"]
    return [one["text"] for one in found if level in ("", one.get("level", "info"))]


def view_warnings(result: Result) -> list[str]:
    """The warnings about the window and the region, as opposed to late decisions."""
    return [text for text in notes(result, "warning") if "window" in text or "region" in text]


def model_with_view(model: BrightModel, view: View, name: str, home: Path) -> str:
    """A model of the game `name` with this view; its path."""
    folder = Path(copytree(model.folder, home / "models" / "bright"))
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), game=name, view=view))
    return str(folder)


def hold(arena: Arena, *keys: str) -> None:
    """Wait until the window reports that exactly `keys` are held."""
    deadline = time.monotonic() + 30
    while arena.pictures[-1].held != frozenset(keys):
        assert time.monotonic() < deadline, f"the window holds {sorted(arena.pictures[-1].held)}"
        time.sleep(0.005)


def test_model_plays_after_its_window_moved_over_ssh_without_a_click(
    server: XServer, window: Arena, home: Path, name: str, bright_model: BrightModel
) -> None:
    first = record(name, home, *window.field, display=server.name)
    view = view_of(first)
    assert view.region == (100, 164, 256, 192) and view.display_size == (1024, 768)
    assert view.window is not None and view.window.box == (100, 100, 256, 256)
    assert (view.window.title, view.window.class_name) == (name, name)
    window.move(620, 430)
    model = model_with_view(bright_model, view, name, home)
    with running_command("play", model, "--seconds", "60", home=home, **OVER_SSH) as command:
        for side in ("left", "right"):
            window.show(side)
            hold(window, OPPOSITE[side])
        found = command.wait_for(lambda event: event["type"] == "live" and event["shown"] is not None)
        assert found["shown"] == [620, 494, 256, 192]
        window.move(10, 20)
        command.wait_for_note("the region follows it")
        for side in ("left", "right"):
            window.show(side)
            hold(window, OPPOSITE[side])
        command.send_command(type="stop")
        result = command.result()
    assert result.code == 0 and view_warnings(result) == [], result.summary()
    assert any(name in note and "620,494" in note for note in notes(result))
    # What the model records is what it sees.
    window.show("none")
    seen = record(name, home, "--by", model, display=server.name)
    again = record(name, home, display=server.name)
    window.move(100, 100)
    before = record(name, home, *window.field, display=server.name)
    assert view_of(seen).region == (10, 84, 256, 192)
    assert np.array_equal(frame_of(seen), frame_of(before))
    assert np.array_equal(frame_of(again), frame_of(before))


@pytest.mark.nightly
def test_profile_made_of_the_first_recording_follows_the_window_too(
    server: XServer, window: Arena, home: Path, name: str
) -> None:
    first = record(name, home, *window.field, "--keys", "left,right", display=server.name)
    profile = first.finished["report"]["profile"]
    assert profile == {f"games.{name}.region": "100,164,256,192", f"games.{name}.keys": "left,right"}
    (offer,) = (note for note in notes(first) if "agp config set" in note)
    words = offer.partition(": agp ")[2].split()
    assert agp(*words, home=home).code == 0
    for left, top in ((300, 200), (500, 400)):
        window.move(left, top)
        found = record(name, home, display=server.name)
        assert view_of(found).region == (left, top + 64, 256, 192)
        assert np.array_equal(frame_of(found), frame_of(first))
        assert "profile" not in found.finished["report"]
        assert not any("agp config set" in note for note in notes(found))
        assert Recording.open(Path(found.finished["recording"])).meta.keys == ("left", "right")


def test_resized_window_scales_the_region_and_says_so(
    server: XServer, window: Arena, home: Path, name: str
) -> None:
    first = record(name, home, *window.field, display=server.name)
    window.resize(512, 512)
    window.move(40, 30)
    larger = record(name, home, display=server.name)
    warning = notes(larger, "warning")[0]
    assert "512x512 now, 256x256" in warning and "512x384" in warning
    assert view_of(larger).region == (40, 158, 512, 384)
    difference = np.abs(frame_of(larger).astype(int) - frame_of(first).astype(int))
    assert difference.mean() < 2.0
    window.resize(512, 256)
    window.move(40, 30)
    wider = record(name, home, display=server.name)
    assert any("proportions differ" in note for note in notes(wider, "warning"))


def test_window_resized_while_it_is_recorded_is_followed(
    server: XServer, window: Arena, home: Path, name: str
) -> None:
    words = ("record", "--game", name, *window.field, "--seconds", "30")
    with running_command(*words, home=home, display=server.name) as command:
        command.wait_for_live(frames=5)
        window.resize(384, 384)
        command.wait_for_note("384x384 now, 256x256")
        time.sleep(0.5)
        command.send_command(type="stop")
        result = command.result()
    path = Path(result.finished["recording"])
    frames = list(Recording.open(path).frames())
    assert np.abs(frames[0].astype(int) - frames[-1].astype(int)).mean() < 2.0


def test_closed_window_and_two_windows_of_one_class_are_refused(
    server: XServer, window: Arena, home: Path, name: str, bright_model: BrightModel
) -> None:
    model = model_with_view(
        bright_model, view_of(record(name, home, *window.field, display=server.name)), name, home
    )
    other = Arena(server, 500, 300, name=name)
    for words in (("play", model, "--seconds", "1"), ("record", "--game", name, "--seconds", "1")):
        refused = agp(*words, home=home, display=server.name)
        failed = refused.only_event("failed")
        assert refused.code == 2 and "256x256 at 500,300" in failed["error"], refused.summary()
        assert "256x256 at 100,100" in failed["error"]
        assert "--region 500,364,256,192" in failed["hint"]
    chosen = ("--region", "500,364,256,192", "--display", server.name, "--seconds", "1", "--dry-run")
    assert view_warnings(agp("play", model, *chosen, home=home)) == []
    other.close()
    window.close()
    for words in (("play", model, "--seconds", "1"), ("record", "--game", name, "--seconds", "1")):
        refused = agp(*words, home=home, display=server.name)
        failed = refused.only_event("failed")
        assert refused.code == 2 and name in failed["error"] and "Start the game" in failed["hint"]
    assert len(list((home / "recordings").glob("*/*"))) == 1


@pytest.mark.nightly
def test_region_of_another_size_is_used_with_one_warning(
    server: XServer, window: Arena, home: Path, name: str, bright_model: BrightModel
) -> None:
    view = view_of(record(name, home, *window.place, display=server.name))
    model = model_with_view(bright_model, view, name, home)
    small = ("--center", "228,228", "--size", "128", "--seconds", "1", "--dry-run")
    (warning,) = view_warnings(agp("play", model, *small, home=home, display=server.name))
    assert "128x128" in warning and "256x256" in warning and "another scale" in warning
    (home / "config.toml").write_text(f"[games.{name}]\ncenter = [228, 228]\nsize = 128\n")
    played = agp("play", model, "--seconds", "1", "--dry-run", home=home, display=server.name)
    (warning,) = view_warnings(played)
    assert "profile" in warning and f"agp config set games.{name}.region 100,100,256,256" in warning
    assert played.events[-2]["shown"] == [164, 164, 128, 128], "the profile wins"


def test_keys_are_released_while_the_window_of_the_game_is_closed(
    server: XServer, home: Path, name: str, bright_model: BrightModel
) -> None:
    other = Arena(server, 100, 100, 400, name=f"{name}-below")
    window = Arena(server, name=name)
    window.show("left")
    words = ("play", str(bright_model.folder), *window.field, "--seconds", "60")
    with running_command(*words, home=home, display=server.name) as command, observe(server.name) as x:
        hold(window, "right")
        other.show("left")
        window.close()
        command.wait_for_note("is closed")
        command.wait_for_note("does not have the focus")
        other.reports.clear()
        time.sleep(0.5)
        assert other.reports == [] and x.down() == frozenset()
        again = Arena(server, 200, 150, name=name)
        again.show("left")
        hold(again, "right")
        command.send_command(type="stop")
        assert command.result().code == 0
    again.close()
    other.close()


@pytest.mark.nightly
def test_two_profiles_with_one_region_are_reported(
    server: XServer, window: Arena, home: Path, name: str
) -> None:
    place = "center = [228, 260]\nsize = 192\n"
    region = "region = [132, 164, 192, 192]\n"
    (home / "config.toml").write_text(f"[games.{name}]\n{place}[games.other]\n{region}")
    findings = agp("doctor", home=home).finished["report"]["findings"]
    (finding,) = (one for one in findings if one["name"] == "profiles")
    assert name in finding["found"] and "other" in finding["found"] and "agp config set" in finding["cure"]
    text = f"{name} and other"
    assert sum(text in note for note in notes(record(name, home, display=server.name), "warning")) == 1
    # Now the window is known, and there is no doubt.
    assert not any(text in note for note in notes(record(name, home, display=server.name)))
