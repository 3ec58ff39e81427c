"""Tests of Atari games on the real emulator: timing, keys and scores."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, Clock, SimulatedTime
from agp_tui.errors import MissingPart, SettingError
from agp_tui.games.atari import AtariGame, atari_ids, default_keys
from agp_tui.games.base import Pixels
from agp_tui.games.experts import RandomDriver
from agp_tui.games.ids import is_atari
from agp_tui.keys.state import NO_KEYS

PONG, BREAKOUT = "ALE/Pong-v5", "ALE/Breakout-v5"
PONG_PADDLE = 51
BREAKOUT_PADDLE = 72
PADDLE_GREEN = (92, 186, 92)
ARROWS = GameSettings(keys=("up", "left", "right", "down", "space"), fps=60)
FRAME = NS // 60


def _game(name: str = PONG, settings: GameSettings = ARROWS) -> tuple[AtariGame, SimulatedTime]:
    time = SimulatedTime(1_000)
    return AtariGame(name, settings, time), time


def _advance(time: SimulatedTime, ns: int) -> None:
    time.sleep_until(time.now_ns() + ns)


def _hold_for(game: AtariGame, time: SimulatedTime, keys: set[str], frames: int) -> None:
    """Hold the keys for `frames` frames."""
    game.hold(frozenset(keys))
    for _ in range(frames):
        _advance(time, FRAME + 1)
        game.grab()


def _paddle_bottom(pixels: Pixels) -> int:
    """The lowest row of the right paddle, at the columns where only the paddle is green."""
    rows = np.flatnonzero((pixels[34:194, 140:144] == PADDLE_GREEN).all(-1).any(-1))
    return int(rows[-1]) + 34


def test_up_moves_the_pong_paddle_up() -> None:
    game, time = _game()
    _hold_for(game, time, set(), 90)
    memory, row = int(game.ram_pair()[1][PONG_PADDLE]), _paddle_bottom(game.grab().pixels)
    _hold_for(game, time, {"up"}, 10)
    higher, higher_row = int(game.ram_pair()[1][PONG_PADDLE]), _paddle_bottom(game.grab().pixels)
    assert higher < memory - 20
    assert higher_row < row - 20
    _hold_for(game, time, {"down"}, 20)
    assert int(game.ram_pair()[1][PONG_PADDLE]) > higher + 20
    assert _paddle_bottom(game.grab().pixels) > higher_row + 20


def test_right_moves_the_breakout_paddle_right() -> None:
    game, time = _game(BREAKOUT)
    start = int(game.ram_pair()[1][BREAKOUT_PADDLE])
    _hold_for(game, time, {"left"}, 10)
    left = int(game.ram_pair()[1][BREAKOUT_PADDLE])
    _hold_for(game, time, {"right"}, 20)
    assert left < start - 20
    assert int(game.ram_pair()[1][BREAKOUT_PADDLE]) > left + 40


@pytest.mark.parametrize("keys", [{"up", "down"}, {"up", "down", "left", "right"}])
def test_opposite_arrows_cancel(keys: set[str]) -> None:
    game, time = _game()
    start = int(game.ram_pair()[1][PONG_PADDLE])
    _hold_for(game, time, keys, 30)
    assert int(game.ram_pair()[1][PONG_PADDLE]) == start


def test_keys_unknown_to_the_game_are_ignored() -> None:
    game, time = _game(settings=replace(ARROWS, keys=("down",)))
    start = int(game.ram_pair()[1][PONG_PADDLE])
    _hold_for(game, time, {"up", "a"}, 30)
    assert int(game.ram_pair()[1][PONG_PADDLE]) == start


@pytest.mark.parametrize("fps", [60, 30, 25, 20, 15, 7, 1])
def test_one_second_is_sixty_frames_at_any_fps(fps: int) -> None:
    game, time = _game(settings=replace(ARROWS, fps=fps))
    clock = Clock(fps, time)
    counts = []
    for _ in clock.slots(seconds=20):
        game.grab()
        counts.append(game.emulated_frames)
    clock.wait()
    game.grab()
    assert game.emulated_frames == 20 * 60
    if 60 % fps == 0:
        assert set(np.diff(counts)) == {60 // fps}, (
            "every picture is the same number of frames after the last"
        )
    else:
        assert max(np.diff(counts)) - min(np.diff(counts)) <= 1


def test_no_drift_in_one_hour() -> None:
    """Single frames at irregular times, far from the time origin: no error accumulates."""
    game, time = _game("ALE/Skiing-v5", replace(ARROWS, fps=60))
    game.grab()
    start = time.now_ns()
    for tick in range(1, 3_001):
        time.sleep_until(start + tick * 7_654_321)
        game.grab()
        assert game.emulated_frames == round(tick * 7_654_321 * 60 / NS)


def test_jitter_does_not_change_frames_per_grab() -> None:
    game, time = _game(settings=replace(ARROWS, fps=30))
    counts = []
    for slot, late_ms in enumerate([3, 0, 5, 1, 0, 6, 2, 0, 4, 0]):
        time.sleep_until(1_000 + slot * NS // 30 + late_ms * 1_000_000)
        game.grab()
        counts.append(game.emulated_frames)
    assert set(np.diff(counts)) == {2}


def test_keys_between_grabs_apply_from_their_own_frame() -> None:
    """Four frames without a key and six with it equal frame-by-frame input."""
    late, time = _game()
    late.grab()
    _advance(time, 4 * FRAME + 10)
    late.hold(frozenset({"up"}))
    _advance(time, 6 * FRAME + 10)
    late.grab()

    exact, time = _game()
    exact.grab()
    _hold_for(exact, time, set(), 4)
    _hold_for(exact, time, {"up"}, 6)
    exact.grab()

    early, time = _game()
    early.grab()
    _hold_for(early, time, set(), 3)
    _hold_for(early, time, {"up"}, 7)
    early.grab()

    assert late.emulated_frames == exact.emulated_frames == early.emulated_frames == 10
    assert np.array_equal(late.ram_pair()[1], exact.ram_pair()[1])
    assert not np.array_equal(late.ram_pair()[1], early.ram_pair()[1])


def test_paused_game_resumes_without_a_burst() -> None:
    game, time = _game(settings=replace(ARROWS, fps=30))
    game.grab()
    _advance(time, NS // 30)
    before = game.grab().pixels
    _advance(time, 5 * NS)
    assert np.array_equal(game.grab().pixels, before)
    assert game.emulated_frames == 2
    _advance(time, NS // 30)
    game.grab()
    assert game.emulated_frames == 4


def test_grab_returns_native_rgb_copies() -> None:
    game, time = _game()
    _hold_for(game, time, set(), 30)
    first = game.grab()
    copy = first.pixels.copy()
    assert first.pixels.shape == (210, 160, 3) == (*game.frame_shape, 3)
    assert first.pixels.dtype == np.uint8
    assert tuple(first.pixels[120, 80]) == (144, 72, 17), "Pong's brown field, red first"
    assert first.before_ns <= first.after_ns
    _hold_for(game, time, {"up"}, 100)
    assert np.array_equal(first.pixels, copy)


def test_score_and_finished_games_are_counted() -> None:
    game, time = _game()
    scores = []
    while game.status().episode < 2:
        _advance(time, NS // 4)
        game.grab()
        scores.append(game.status().score)
    status = game.status()
    assert status.finished_scores == (-21.0, -21.0), "nobody played: every point was lost"
    assert status.score > -21
    assert set(range(-20, 1)) <= set(scores)


def test_status_has_lives() -> None:
    game, time = _game(BREAKOUT)
    assert game.status().lives == 5
    _hold_for(game, time, {"space", "left"}, 400)
    assert game.status().lives < 5


def test_restart_counts_the_unfinished_game() -> None:
    game, time = _game()
    for _ in range(60):
        _advance(time, NS // 4)
        game.grab()
    score = game.status().score
    assert score < 0
    game.restart()
    status = game.status()
    assert status.finished_scores == (score,)
    assert (status.score, status.episode) == (0.0, 1)


def _play(seed: int, sticky: float, seconds: int = 8) -> list[bytes]:
    game, time = _game(settings=replace(ARROWS, seed=seed, sticky=sticky))
    driver = RandomDriver(game.keys, seed=1)
    states = []
    for _ in Clock(30, time).slots(seconds=seconds):
        frame = game.grab()
        game.hold(driver.decide(frame))
        states.append(frame.pixels.tobytes())
    return states


@pytest.mark.parametrize("sticky", [0.0, 0.25])
def test_game_depends_on_the_seed_only(sticky: float) -> None:
    first = _play(3, sticky)
    assert first == _play(3, sticky)
    assert first != _play(4, sticky)


def test_sticky_setting_reaches_the_emulator() -> None:
    assert _play(3, 0.0) != _play(3, 0.9)


def test_consecutive_games_start_differently() -> None:
    """In one emulator, and in several with consecutive seeds."""
    game, time = _game("ALE/SpaceInvaders-v5")
    beginnings = [game.ram_pair()[1].tobytes()]
    for _ in range(8):
        game.restart()
        beginnings.append(game.ram_pair()[1].tobytes())
    assert len(set(beginnings)) == 9
    assert time.now_ns() == 1_000
    assert len({b"".join(_play(seed, 0.0, seconds=4)) for seed in range(6)}) == 6


@pytest.mark.parametrize("name", ["ALE/Pog-v5", "ALE/Pong-v4", "pong", "ALE/Combat-v5", "ALE/", "rally"])
def test_unknown_id_is_refused_with_a_hint(name: str) -> None:
    with pytest.raises(SettingError) as caught:
        AtariGame(name, ARROWS, SimulatedTime())
    assert repr(name) in caught.value.message
    assert caught.value.hint
    if "po" in name.lower():
        assert PONG in caught.value.hint


def test_game_id_is_case_insensitive() -> None:
    assert _game("ale/pong-v5")[0].name == PONG
    assert is_atari("ale/pong-v5")
    assert is_atari("ALE/Unknown-v5")
    assert not is_atari("pong")


def test_key_without_joystick_input_is_refused() -> None:
    with pytest.raises(SettingError, match="'w'"):
        _game(settings=replace(ARROWS, keys=("up", "w")))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        (PONG, ("up", "down")),
        (BREAKOUT, ("left", "right", "space")),
        ("ALE/Freeway-v5", ("up", "down")),
        ("ALE/MsPacman-v5", ("up", "left", "right", "down")),
        ("ALE/Boxing-v5", ("up", "left", "right", "down", "space")),
        ("ALE/Casino-v5", ("up", "down", "space")),
    ],
)
def test_default_keys_have_an_effect(name: str, keys: tuple[str, ...]) -> None:
    assert default_keys(name) == keys


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in (PONG, BREAKOUT) else pytest.mark.nightly)
        for name in atari_ids()
    ],
)
def test_every_game_starts_and_grabs_a_frame(name: str) -> None:
    game, time = _game(name)
    _hold_for(game, time, set(game.keys), 3)
    frame = game.grab()
    assert game.emulated_frames == 3
    assert frame.pixels.shape == (*game.frame_shape, 3)
    assert frame.pixels.shape[1] == 160
    game.close()
    game.close()


def test_over_a_hundred_games_are_available() -> None:
    assert len(atari_ids()) > 100
    assert {PONG, BREAKOUT, "ALE/MsPacman-v5"} <= set(atari_ids())


def test_missing_emulator_is_reported_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ale_py", None)
    with pytest.raises(MissingPart, match="pip install"):
        AtariGame(PONG, ARROWS, SimulatedTime())


def test_emulator_is_imported_lazily_and_prints_nothing() -> None:
    """stdout is reserved for events; with a ROM folder set, ale-py prints the folder that it searches."""
    code = (
        "import sys, agp_tui.games.atari as a\n"
        "assert 'ale_py' not in sys.modules\n"
        "from agp_tui.config import GameSettings\n"
        "from agp_tui.engine.clock import SimulatedTime\n"
        "import os, ale_py.roms\n"
        "os.environ['ALE_ROMS_DIR'] = os.path.dirname(ale_py.roms.__file__)\n"
        "a.AtariGame('ALE/Pong-v5', GameSettings(keys=('up', 'down')), SimulatedTime()).grab()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_close_releases_all_keys() -> None:
    game, time = _game()
    game.hold(frozenset({"up"}))
    game.close()
    start = int(game.ram_pair()[1][PONG_PADDLE])
    for _ in range(10):
        _advance(time, FRAME)
        game.grab()
    assert int(game.ram_pair()[1][PONG_PADDLE]) == start
    assert game.status().finished_scores == ()
    game.hold(NO_KEYS)
