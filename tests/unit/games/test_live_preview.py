"""Tests of the live preview: thumbnail size and aspect ratio, rate limit, and the live event."""

import time

import numpy as np
import pytest

from agp_tui.config import PreviewSettings
from agp_tui.engine.clock import Clock, SimulatedTime
from agp_tui.games.base import GameStatus
from agp_tui.games.live_preview import Preview, Thumbnail, downscale, live_event


@pytest.mark.parametrize(
    ("size", "cells", "shown"),
    [
        ((256, 256), (80, 40), (80, 80)),
        ((210, 160), (80, 40), (80, 61)),
        ((100, 200), (80, 40), (40, 80)),
        ((1080, 1920), (48, 24), (27, 48)),
        ((1, 4000), (80, 40), (1, 80)),
        ((30, 20), (80, 40), (30, 20)),  # never enlarged
    ],
)
def test_thumbnail_fits_the_cells(
    size: tuple[int, int], cells: tuple[int, int], shown: tuple[int, int]
) -> None:
    pixels = np.full((*size, 3), 90, np.uint8)
    pixels[: size[0] // 2] = (200, 10, 30)
    picture = Preview(PreviewSettings(size=cells)).thumbnail(pixels)
    assert picture.size == shown
    small = np.frombuffer(picture.rgb, np.uint8).reshape(*shown, 3)
    if shown[0] > 1:
        assert small[0, 0].tolist() == [200, 10, 30] and small[-1, -1].tolist() == [90, 90, 90]


def test_no_thumbnail_without_colors() -> None:
    preview = Preview(PreviewSettings(colors="off"))
    assert preview.thumbnail(np.zeros((9, 9, 3), np.uint8)).rgb == b""
    assert preview.thumbnail(np.zeros((9, 9, 3), np.uint8)).size is None


def test_preview_is_smaller_over_ssh_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    assert PreviewSettings().cells == (80, 40)
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5000 10.0.0.2 22")
    assert PreviewSettings().cells == (48, 24)
    assert PreviewSettings(size=(100, 50)).cells == (100, 50)


def test_rate_limit_is_reached_but_not_exceeded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Polled 30 times a second for 10 s, not a multiple of the rate; then after a pause."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    preview = Preview(PreviewSettings(fps=7))
    due = 0
    for _ in range(300):
        due += preview.due()
        now += 1 / 30
    assert 69 <= due <= 71
    now += 60
    assert [preview.due() for _ in range(5)] == [True, False, False, False, False]


def test_any_number_of_channels_is_downscaled() -> None:
    assert downscale(np.zeros((400, 200, 4), np.uint8), (50, 50)).shape == (50, 25, 4)


def test_live_event_has_pace_and_status() -> None:
    clock = Clock(10, SimulatedTime())
    for _ in clock.slots(1):
        with clock.stage("grab"):
            pass
    pace = clock.pace()
    event = live_event(
        Preview().thumbnail(np.zeros((4, 6, 3), np.uint8)),
        seconds=1.0,
        pace=pace,
        status=GameStatus(score=3.0, lives=2, episode=0, finished_scores=()),
        keys=("up", "left", "down"),
        held=frozenset({"down", "up", "shift"}),
        fps_asked=10,
        frames=7,
    )
    assert (event.fps, event.missed, event.jitter_ms) == (pace.fps, 0, pace.jitter_ms)
    assert set(event.latency_ms) == {"grab"}
    assert event.frames == 7, "an explicit field overrides the pace"
    assert event.held == ["up", "down"], "in the order of the keys, and no others"
    assert (event.score, event.lives) == (3.0, 2)
    assert event.thumbnail_size == (4, 6) and len(event.thumbnail) == 4 * 6 * 3
    bare = live_event(Thumbnail(), seconds=0.0, fps=5.0, fps_asked=5.0, frames=1, missed=0)
    assert (bare.held, bare.score, bare.thumbnail_size) == ([], None, None)
