"""Videos of whole games: what is in them, how fast they are, and that no half one is ever seen."""

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
"""Random play loses its five balls within a quarter of a minute."""
SHORT = "ALE/Assault-v5"
"""A game that is over within eleven seconds where nothing is pressed."""
SEED = 7
ACTIONS = ("NOOP", "FIRE", "RIGHT", "LEFT")


@pytest.fixture(scope="module")
def agent() -> AgentCheckpoint:
    return untrained_agent(GAME)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def filmed(agent: AgentCheckpoint, folder: Path) -> EpisodeVideo:
    made = record_episode(agent, folder, name="first", seed=SEED, epsilon=1.0)
    assert made is not None
    return made


def played(agent: AgentCheckpoint) -> Iterator[tuple[NDArray[np.uint8], AgentDriver, AtariGame]]:
    """The same game once more: each frame, who plays and the game."""
    source = SimulatedTime()
    place = GameSettings(keys=("left", "right", "space"), fps=60, sticky=0.25, seed=SEED)
    with closing(AtariGame(GAME, place, source)) as game:
        driver = AgentDriver(
            Agent(agent.network()), agent.obs_spec, agent.actions, game, epsilon=1.0, seed=SEED
        )
        number = 0
        while True:
            source.sleep_until(round(number * NS / 60))
            frame = game.grab()
            if game.status().episode:
                return
            game.hold(driver.decide(frame))
            yield frame.pixels, driver, game
            number += 1


def decoded(path: Path) -> Iterator[NDArray[Any]]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


def test_any_player_shows_it_at_the_speed_of_the_console(filmed: EpisodeVideo) -> None:
    with av.open(str(filmed.path)) as container:
        stream = container.streams.video[0]
        assert container.format.name.startswith("mov,mp4")
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 60 and stream.frames == filmed.frames + FINAL_FRAMES
        stamps = sorted(packet.pts * stream.time_base for packet in container.demux(stream) if packet.size)
    assert stamps == [Fraction(number, 60) for number in range(len(stamps))]


def test_it_shows_each_frame_of_the_game_enlarged(agent: AgentCheckpoint, filmed: EpisodeVideo) -> None:
    shown = decoded(filmed.path)
    games = 0
    for (pixels, _, game), picture in zip(played(agent), shown, strict=False):
        games += 1
        height, width = pixels.shape[0] * SCALE, pixels.shape[1] * SCALE
        place = picture[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        # The middle of each enlarged pixel; half of the colours' places are not kept.
        found = place[1::SCALE, 1::SCALE].astype(int)
        brightness = np.abs(found.mean(2) - pixels.mean(2))
        assert brightness.mean() < 3 and (brightness > 60).mean() < 0.002, games
        score = game.status().score
    assert games == filmed.frames > 300 and not filmed.truncated
    last = list(shown)
    assert len(last) == FINAL_FRAMES and filmed.score >= score
    assert filmed.path.name == f"first_score_{filmed.score:g}.mp4"


def test_the_panel_tells_what_the_agent_makes_of_it(agent: AgentCheckpoint, filmed: EpisodeVideo) -> None:
    """The bar of the action that is done is in its colour, as long as the preference, at every look."""
    looked = 0
    for (_, driver, _), picture in zip(played(agent), decoded(filmed.path), strict=False):
        panel = picture[:, -WIDTH:].astype(int)
        lit = np.abs(panel[:, BARS_LEFT + 2 : -70] - ACCENT).max(2) < 40
        rows = np.flatnonzero(lit.any(1))
        share = list(driver.preferences.values())[driver.action]
        if share < 0.05:
            continue
        looked += 1
        middle = rows[len(rows) // 2]
        length = int(lit[middle].sum())
        assert abs(length - share * (WIDTH - MARGIN - 44 - BARS_LEFT)) <= 5
        assert 350 < middle < 350 + 28 * 4 and (middle - 358) // 28 == driver.action
        if looked > 200:
            break
    assert looked > 100


def test_a_panel_holds_all_actions_and_a_long_title() -> None:
    ways = ("", "UP", "RIGHT", "LEFT", "DOWN", "UPRIGHT", "UPLEFT", "DOWNRIGHT", "DOWNLEFT")
    actions = (*(way or "NOOP" for way in ways), *(f"{way}FIRE" for way in ways))
    panel = Panel(
        210 * SCALE + 2 * MARGIN,
        "A Title As Long As No Other One " * 2,
        "x" * 90,
        dict.fromkeys(actions, "down right fire"),
    )
    panel.add_value(-1234.5)
    facts = PanelState(123_456_789.0, 3, 1_799, dict.fromkeys(actions, 1 / 18), "DOWNLEFTFIRE")
    picture = panel.draw(facts)
    assert picture.shape == (678, WIDTH, 3) and picture.dtype == np.uint8
    for edge in (picture[:, -MARGIN + 2 :], picture[-8:]):
        assert (edge == BACKGROUND).all()
    bars = (picture[:, BARS_LEFT] == BAR).all(1) | (picture[:, BARS_LEFT] == ACCENT).all(1)
    assert (np.diff(bars.astype(int)) == 1).sum() == 18
    panel.add_value(0.0)
    other = panel.draw(facts)
    assert (other != picture).any() and (other[340:] == picture[340:]).all()


def test_actions_are_told_in_words() -> None:
    names = ("NOOP", "FIRE", "UPRIGHTFIRE", "DOWNLEFT")
    told = [action_text(name, "boxing") for name in names]
    assert told == ["rest", "fire", "up right fire", "left down"]
    assert [action_text(name, "pong") for name in ("RIGHT", "LEFTFIRE")] == ["up", "down fire"]


def test_nothing_half_is_seen_and_a_stop_leaves_nothing(agent: AgentCheckpoint, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def told(frames: int) -> bool:
        seen.append([file.name for file in tmp_path.iterdir()])
        return frames < 40

    assert record_episode(agent, tmp_path, name="half", seed=1, on_progress=told) is None
    assert len(seen) == 41 and all(name.startswith(".") for names in seen for name in names)
    assert seen[-1] and list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_is_a_sentence_and_leaves_nothing(
    agent: AgentCheckpoint, tmp_path: Path
) -> None:
    with file_size_limit(30_000), pytest.raises(JobFailed, match="Expected to write a video"):
        record_episode(agent, tmp_path, name="full", seed=1, epsilon=1.0)
    assert list(tmp_path.iterdir()) == []


def test_without_room_nothing_is_begun(
    agent: AgentCheckpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "MIN_FREE_MB", 1 << 40)
    checkpoint = write_agent(tmp_path / "a.pt", agent)
    word = record_episodes(checkpoint, tmp_path / "videos", 2, 0)
    assert word.level == "warning" and "MB free" in word.text and "12288 steps" in word.text
    assert not (tmp_path / "videos").exists()


def test_what_dead_processes_left_goes(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    gone, own = tmp_path / f".a.{dead.pid}.part", tmp_path / f".b.{os.getpid()}.part"
    for path in (gone, own, tmp_path / "c.mp4"):
        path.touch()
    remove_partial_videos(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([own.name, "c.mp4"])


@pytest.mark.nightly
def test_a_judge_records_what_it_judged_without_holding_its_figures_back(tmp_path: Path) -> None:
    checkpoint = write_agent(tmp_path / "a.pt", untrained_agent(SHORT, always=0))
    judge = Evaluator(1, 0, episodes=1, videos=tmp_path / "videos")
    try:
        judge.submit(checkpoint)
        assert judge.busy and judge.take_notes() == []
        while (judged := judge.poll()) is None:
            assert judge.evaluating
            time.sleep(0.05)
        assert judged.evaluation.scores
        assert judge.busy and judge.recording
        while judge.recording:
            time.sleep(0.05)
        (word,) = judge.take_notes()
        assert not judge.busy and judge.take_notes() == []
    finally:
        judge.close()
    (made,) = (tmp_path / "videos").iterdir()
    assert made.name.startswith("step_0000012288_try_1_score_") and made.name in word.text
    with av.open(str(made)) as container:
        assert container.streams.video[0].frames > FINAL_FRAMES + 100


def test_the_command_says_what_it_recorded(agent: AgentCheckpoint, tmp_path: Path) -> None:
    write_agent(tmp_path / "models/breaker.agent.pt", agent)
    action_text = ("breaker", "--target", "films", "--epsilon", "1", "--seed", "3")
    result = agp("atari", "video", *action_text, home=tmp_path)
    (made,) = (tmp_path / "films").iterdir()
    (told,) = result.finished["report"]["videos"]
    assert told["path"] == f"films/{made.name}" and made.name == f"breaker_seed_3_score_{told['score']:g}.mp4"
    assert result.finished["scores"] == [told["score"]]
    assert told["seconds"] == pytest.approx(result.finished["frames"] / 60, abs=0.01) and not told["cut"]


def test_a_run_keeps_its_own_videos(tmp_path: Path) -> None:
    run = tmp_path / "runs/20260101-000000-atari-0000"
    assert default_video_folder(run / "checkpoints/best.pt") == run / "videos"
    assert default_video_folder(tmp_path / "models/a.agent.pt") == Path("videos")
