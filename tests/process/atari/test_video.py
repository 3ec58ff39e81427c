"""Tests of episode videos: content, frame rate, and no partial files."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from support.commands import agp
from support.full_disk import file_size_limit
from support.untrained_agents import untrained_agent, write_agent

from agp_tui.atari import video
from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import AgentCheckpoint
from agp_tui.atari.driver import AgentDriver
from agp_tui.atari.evaluate import Evaluator, record_episodes
from agp_tui.atari.video import (
    ACCENT,
    BACKGROUND,
    BAR,
    BARS_LEFT,
    FINAL_FRAMES,
    MARGIN,
    SCALE,
    WIDTH,
    EpisodeVideo,
    Panel,
    PanelState,
    action_text,
    record_episode,
    remove_partial_videos,
)
from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.errors import JobFailed
from agp_tui.games.atari import AtariGame
from agp_tui.jobs.video import default_video_folder

GAME = "ALE/Breakout-v5"
"""Random actions lose all five balls within 15 s."""
SHORT = "ALE/Assault-v5"
"""An episode without input ends within 11 s."""
SEED = 7
ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT")


@pytest.fixture(scope="module")
def agent() -> AgentCheckpoint:
    return untrained_agent(GAME)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def recorded_video(agent: AgentCheckpoint, folder: Path) -> EpisodeVideo:
    made = record_episode(agent, folder, name="first", seed=SEED, epsilon=1.0)
    assert made is not None
    return made


def replay(agent: AgentCheckpoint) -> Iterator[tuple[NDArray[np.uint8], AgentDriver, AtariGame]]:
    """Replay the recorded episode: (pixels, driver, game) for each frame."""
    simulated_time = SimulatedTime()
    settings = GameSettings(keys=("left", "right", "space"), fps=60, sticky=0.25, seed=SEED)
    with closing(AtariGame(GAME, settings, simulated_time)) as game:
        driver = AgentDriver(
            Agent(agent.network()), agent.obs_spec, agent.actions, game, epsilon=1.0, seed=SEED
        )
        number = 0
        while True:
            simulated_time.sleep_until(round(number * NS / 60))
            frame = game.grab()
            if game.status().episode:
                return
            game.hold(driver.decide(frame))
            yield frame.pixels, driver, game
            number += 1


def decode(path: Path) -> Iterator[NDArray[Any]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def test_video_is_h264_at_60_frames_per_second(recorded_video: EpisodeVideo) -> None:
    with av.open(str(recorded_video.path)) as container:
        stream = container.streams.video[0]
        assert container.format.name.startswith("mov,mp4")
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 60 and stream.frames == recorded_video.frames + FINAL_FRAMES
        stamps = sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.size)
    assert stamps == [Fraction(number, 60) for number in range(len(stamps))]


@pytest.mark.nightly
def test_video_contains_every_game_frame_enlarged(
    agent: AgentCheckpoint, recorded_video: EpisodeVideo
) -> None:
    shown = decode(recorded_video.path)
    frames = 0
    for (pixels, _, game), picture in zip(replay(agent), shown, strict=False):
        frames += 1
        height, width = pixels.shape[0] * SCALE, pixels.shape[1] * SCALE
        screen = picture[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        # The centre of each enlarged pixel; 4:2:0 chroma subsampling loses colour at the edges.
        found = screen[1::SCALE, 1::SCALE].astype(int)
        brightness = np.abs(found.mean(2) - pixels.mean(2))
        assert brightness.mean() < 3 and (brightness > 60).mean() < 0.002, frames
        score = game.status().score
    assert frames == recorded_video.frames > 300 and not recorded_video.truncated
    last = list(shown)
    assert len(last) == FINAL_FRAMES and recorded_video.score >= score
    assert recorded_video.path.name == f"first_score_{recorded_video.score:g}.mp4"


def test_panel_shows_the_preference_of_the_chosen_action(
    agent: AgentCheckpoint, recorded_video: EpisodeVideo
) -> None:
    """The bar of the chosen action is highlighted, and its length is the preference, in each frame."""
    checked = 0
    for (_, driver, _), picture in zip(replay(agent), decode(recorded_video.path), strict=False):
        panel = picture[:, -WIDTH:].astype(int)
        lit = np.abs(panel[:, BARS_LEFT + 2 : -70] - ACCENT).max(2) < 40
        rows = np.flatnonzero(lit.any(1))
        preference = list(driver.preferences.values())[driver.action]
        if preference < 0.05:
            continue
        checked += 1
        middle = rows[len(rows) // 2]
        length = int(lit[middle].sum())
        assert abs(length - preference * (WIDTH - MARGIN - 44 - BARS_LEFT)) <= 5
        assert 350 < middle < 350 + 28 * 4 and (middle - 358) // 28 == driver.action
        if checked > 200:
            break
    assert checked > 100


def test_panel_fits_all_actions_and_a_long_title() -> None:
    directions = ("", "UP", "RIGHT", "LEFT", "DOWN", "UPRIGHT", "UPLEFT", "DOWNRIGHT", "DOWNLEFT")
    actions = (
        *(direction or "NOOP" for direction in directions),
        *(f"{direction}FIRE" for direction in directions),
    )
    panel = Panel(
        210 * SCALE + 2 * MARGIN,
        "A Title As Long As No Other One " * 2,
        "x" * 90,
        dict.fromkeys(actions, "down right fire"),
    )
    panel.add_value(-1234.5)
    state = PanelState(123_456_789.0, 3, 1_799, dict.fromkeys(actions, 1 / 18), "DOWNLEFTFIRE")
    picture = panel.draw(state)
    assert picture.shape == (678, WIDTH, 3) and picture.dtype == np.uint8
    for edge in (picture[:, -MARGIN + 2 :], picture[-8:]):
        assert (edge == BACKGROUND).all()
    bars = (picture[:, BARS_LEFT] == BAR).all(1) | (picture[:, BARS_LEFT] == ACCENT).all(1)
    assert (np.diff(bars.astype(int)) == 1).sum() == 18
    panel.add_value(0.0)
    other = panel.draw(state)
    assert (other != picture).any() and (other[340:] == picture[340:]).all()


def test_action_text() -> None:
    names = ("NOOP", "FIRE", "UPRIGHTFIRE", "DOWNLEFT")
    assert [action_text(name, "boxing") for name in names] == ["rest", "fire", "up right fire", "left down"]
    assert [action_text(name, "pong") for name in ("RIGHT", "LEFTFIRE")] == ["up", "down fire"]


def test_partial_video_is_hidden_and_removed_after_a_stop(agent: AgentCheckpoint, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def stop_after_40(frames: int) -> bool:
        seen.append([file.name for file in tmp_path.iterdir()])
        return frames < 40

    assert record_episode(agent, tmp_path, name="partial", seed=1, on_progress=stop_after_40) is None
    assert len(seen) == 41 and all(name.startswith(".") for names in seen for name in names)
    assert seen[-1] and list(tmp_path.iterdir()) == []


def test_full_disk_raises_an_error_and_leaves_no_file(agent: AgentCheckpoint, tmp_path: Path) -> None:
    with file_size_limit(30_000), pytest.raises(JobFailed, match="Expected to write a video"):
        record_episode(agent, tmp_path, name="full", seed=1, epsilon=1.0)
    assert list(tmp_path.iterdir()) == []


def test_no_recording_starts_without_free_disk_space(
    agent: AgentCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "MIN_FREE_MB", 1 << 40)
    checkpoint = write_agent(tmp_path / "a.pt", agent)
    note = record_episodes(checkpoint, tmp_path / "videos", 2, 0)
    assert note.level == "warning" and "MB free" in note.text and "12288 steps" in note.text
    assert not (tmp_path / "videos").exists()


def test_partial_videos_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    stale, own = tmp_path / f".a.{dead.pid}.part", tmp_path / f".b.{os.getpid()}.part"
    for path in (stale, own, tmp_path / "c.mp4"):
        path.touch()
    remove_partial_videos(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([own.name, "c.mp4"])


@pytest.mark.nightly
def test_evaluator_reports_scores_before_its_video_is_recorded(tmp_path: Path) -> None:
    checkpoint = write_agent(tmp_path / "a.pt", untrained_agent(SHORT, always=0))
    evaluator = Evaluator(1, 0, episodes=1, videos=tmp_path / "videos")
    try:
        evaluator.submit(checkpoint)
        assert evaluator.busy and evaluator.take_notes() == []
        while (outcome := evaluator.poll()) is None:
            assert evaluator.evaluating
            time.sleep(0.05)
        assert outcome.evaluation.scores
        assert evaluator.busy and evaluator.recording
        while evaluator.recording:
            time.sleep(0.05)
        (note,) = evaluator.take_notes()
        assert not evaluator.busy and evaluator.take_notes() == []
    finally:
        evaluator.close()
    (made,) = (tmp_path / "videos").iterdir()
    assert made.name.startswith("step_0000012288_try_1_score_") and made.name in note.text
    with av.open(str(made)) as container:
        assert container.streams.video[0].frames > FINAL_FRAMES + 100


@pytest.mark.nightly
def test_command_reports_the_recorded_video(agent: AgentCheckpoint, tmp_path: Path) -> None:
    write_agent(tmp_path / "models/breaker.agent.pt", agent)
    arguments = ("breaker", "--target", "films", "--epsilon", "1", "--seed", "3")
    result = agp("atari", "video", *arguments, home=tmp_path)
    (made,) = (tmp_path / "films").iterdir()
    (reported,) = result.finished["report"]["videos"]
    assert (
        reported["path"] == f"films/{made.name}"
        and made.name == f"breaker_seed_3_score_{reported['score']:g}.mp4"
    )
    assert result.finished["scores"] == [reported["score"]]
    assert (
        reported["seconds"] == pytest.approx(result.finished["frames"] / 60, abs=0.01) and not reported["cut"]
    )


def test_default_video_folder_of_a_run_is_inside_the_run(tmp_path: Path) -> None:
    run = tmp_path / "runs/20260101-000000-atari-0000"
    assert default_video_folder(run / "checkpoints/best.pt") == run / "videos"
    assert default_video_folder(tmp_path / "models/a.agent.pt") == Path("videos")
