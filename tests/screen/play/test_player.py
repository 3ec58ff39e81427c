"""Tests of the player on a real X server: a window receives the model's keys until F12."""

import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.arena_window import Arena
from support.xserver import XServer

from agp_tui.config import GameSettings, PlaySettings
from agp_tui.engine.clock import Clock
from agp_tui.engine.job import Job
from agp_tui.games.screen import ScreenGame
from agp_tui.keys.listening import listen
from agp_tui.models.loading import load_policy
from agp_tui.play.player import play
from agp_tui.protocol.events import Finished

pytestmark = pytest.mark.display

ARROWS = ("up", "left", "right", "down")


@pytest.mark.parametrize("dry_run", [False, True])
def test_window_receives_keys_until_the_panic_key(
    x_server: XServer, arena: Arena, foreign_models: Path, dry_run: bool
) -> None:
    """With threshold 0 every key is pressed, independent of the model's output."""
    game_settings = GameSettings(display=x_server.name, center=arena.center, size=arena.size, keys=ARROWS)
    settings = PlaySettings(activation_threshold=0.0, dry_run=dry_run, seconds=30)
    policy = load_policy(foreign_models / "keras_open_batch.tflite", settings, ARROWS, 30)
    job, results = Job(), list[Finished]()
    with (
        closing(ScreenGame("window", game_settings)) as game,
        closing(listen(x_server.name, ("f12",))) as keyboard,
    ):
        player = threading.Thread(
            target=lambda: results.append(play(game, policy, settings, job, Clock(30), listener=keyboard))
        )
        player.start()
        if dry_run:
            time.sleep(0.5)
        else:
            pressed = arena.wait_for(4)
            assert {report.key for report in pressed} == set(ARROWS)
            assert all(report.down for report in pressed)
        x_server.xdotool("key", "F12")
        player.join(5)
        assert not player.is_alive()
        (result,) = results
    reports = [report for report in arena.wait_for(8, 1.0) if report.key in ARROWS]
    assert result.report.panic is True
    if dry_run:
        assert reports == []
    else:
        assert [report.down for report in reports] == [True] * 4 + [False] * 4
        assert {report.key for report in reports[4:]} == set(ARROWS)
