"""Tests of a model that hangs while it holds a key: the key is released, then pressed again."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.arena_window import Arena
from support.bright_model import BrightModel
from support.fakes import EventLog, ScriptedPolicy
from support.fault_counts import log_faults, trial_count
from support.xserver import XServer, observe

from agp_tui.config import GameSettings, PlaySettings
from agp_tui.engine.job import Job
from agp_tui.jobs.play import HANG_SECONDS, PlayRequest, run_play
from agp_tui.key_names import KEYSYMS
from agp_tui.protocol.events import Finished, Note

pytestmark = pytest.mark.display

KEYS = ("left", "right")
FPS = 60
HANGS_FOR = 0.6


class HangingPolicy(ScriptedPolicy):
    """Always presses right; hangs on demand."""

    hang = False
    hung_at = 0.0

    def probabilities(self) -> NDArray[np.float32]:
        if self.hang:
            self.hang, self.hung_at = False, time.monotonic()
            time.sleep(HANGS_FOR)
        return super().probabilities()


def test_hung_model_releases_its_key(
    x_server: XServer,
    arena: Arena,
    bright_model: BrightModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the policy is a fake; everything else is the code of `agp play`."""
    trials = trial_count(5, 50)
    game_settings = GameSettings(
        display=x_server.name, center=arena.center, size=arena.size, keys=KEYS, fps=FPS
    )
    event_log, results = EventLog(), list[Finished]()
    job, policy = Job(event_log), HangingPolicy(KEYS, [[0.0, 1.0]], fps=FPS)
    monkeypatch.setattr("agp_tui.jobs.play.load_within_budget", lambda *_words, **_more: policy)
    request = PlayRequest(
        model=str(bright_model.folder), game=None, place=game_settings, settings=PlaySettings(takeover=False),
        models=tmp_path, recordings=tmp_path,
    )  # fmt: skip
    release_seconds = []
    with observe(x_server.name) as server:
        right = server.keycode(KEYSYMS["right"])

        def wait_until_right_is(down: bool) -> None:
            deadline = time.monotonic() + 5
            while (right in server.down()) != down:
                assert time.monotonic() < deadline
                time.sleep(0.001)

        player = threading.Thread(target=lambda: results.append(run_play(request, job)))
        player.start()
        try:
            for _ in range(trials):
                wait_until_right_is(down=True)
                time.sleep(0.05)
                policy.hang = True
                wait_until_right_is(down=False)
                release_seconds.append(time.monotonic() - policy.hung_at)
        finally:
            job.stop()
            player.join(5)
    (result,) = results
    assert result.report.hangs >= trials
    hang_notes = [
        event for event in event_log.events if isinstance(event, Note) and "No decision" in event.text
    ]
    assert len(hang_notes) == 1, "noted once, not at every hang"
    late = sum(one > 2 * HANG_SECONDS for one in release_seconds)
    log_faults("a model that hangs while it holds a key", trials=trials, losses=late,
         worst=f"released after {1000 * max(release_seconds):.0f} ms")  # fmt: skip
    assert sorted(release_seconds)[trials // 2] < 2 * HANG_SECONDS and max(release_seconds) < HANGS_FOR
