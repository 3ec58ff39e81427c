"""Tests of nudges: when they come, what the game receives, and what a recording holds of them."""

import json
import random
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.drawn_game import DrawnGame, PatternPolicy, ScriptedKeyboard, keys_in_frame, open_recording
from support.recordings import frame_time_ns, key_edge, recording_meta, write_recording

from agp_tui.config import RecordSettings
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError, SettingError
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys
from agp_tui.recording.agreement import compare_players
from agp_tui.recording.inputs import HumanViaTerminal, PlayerInput, PolicyInput
from agp_tui.recording.nudges import NudgeConfig, Nudges
from agp_tui.recording.quality_stats import recording_stats
from agp_tui.recording.recorder import record
from agp_tui.recording.repair import repair
from agp_tui.recording.store import Recording
from agp_tui.recording.timeline import FILE_NAME, EdgeLine

CONFIG = NudgeConfig(("up", "left"), every=1.0, seconds=0.2)
MS = 1_000_000


def nudges(config: NudgeConfig = CONFIG, seed: int = 0) -> Nudges:
    return Nudges(config, random.Random(seed))


def test_nudges_come_at_random_and_hold_a_key_that_the_player_does_not_hold() -> None:
    schedule, lengths, starts = nudges(), [], []
    before: Keys = NO_KEYS
    for ms in range(0, 600_000, 10):
        player = frozenset({"up"}) if ms % 1000 < 500 else frozenset({"left"})
        held = schedule.update(ms * MS, player)
        if held and not before:
            starts.append(ms)
            assert len(held) == 1 and not held & player
        elif before and not held:
            lengths.append(ms - starts[-1])
        before = held
    gaps = np.diff(starts) - 200
    assert set(lengths) == {200}
    assert gaps.mean() == pytest.approx(1000, rel=0.2)
    assert gaps.std() == pytest.approx(1000, rel=0.3), "exponentially distributed"


def test_nudge_ends_and_none_begins_unless_allowed() -> None:
    schedule = nudges()
    now = next(ms for ms in range(0, 60_000, 10) if schedule.update(ms * MS, NO_KEYS))
    assert schedule.update((now + 10) * MS, NO_KEYS, allowed=False) == NO_KEYS
    assert not any(schedule.update(ms * MS, NO_KEYS, allowed=False) for ms in range(now + 10, now + 9000, 10))
    first = next(ms for ms in range(now + 9000, now + 90_000, 10) if schedule.update(ms * MS, NO_KEYS))
    assert first > now + 9000, "none is due at the very moment of the focus"


def test_nudge_keys_are_the_arrows_unless_named() -> None:
    assert NudgeConfig.of(RecordSettings(), ("up", "space", "right")).keys == ("up", "right")
    assert NudgeConfig.of(RecordSettings(), ("a", "d")).keys == ("a", "d")
    assert NudgeConfig.of(RecordSettings(nudge_keys=("Space",)), ("up", "space")).keys == ("space",)
    with pytest.raises(SettingError, match=r"up, space.*found x"):
        NudgeConfig.of(RecordSettings(nudge_keys=("x",)), ("up", "space"))


def recorded(root: Path, player: PlayerInput) -> Recording:
    return open_recording(record(player, RecordSettings(min_free_mb=0), Job(), root=root, seconds=20))


def test_nudge_replaces_the_keys_of_a_policy_but_not_its_labels(tmp_path: Path) -> None:
    game, policy = DrawnGame(), PatternPolicy(1, "expert")
    recording = recorded(tmp_path, PolicyInput(game, Clock(30, game.source), policy, nudges=nudges()))
    assert recording.labels(1).tolist() == policy.rows(range(600))
    nudged, own = recording.key_states("nudge"), recording.key_states("expert")
    executed = np.where(nudged.any(axis=1, keepdims=True), nudged, own)
    assert [keys_in_frame(pixels) for pixels in recording.frames()] == executed.tolist()
    assert 0.05 < nudged.any(axis=1).mean() < 0.4
    assert recording.timeline.players == ("expert",)
    stats = recording_stats(recording)
    assert stats.nudges == (np.diff(nudged.any(axis=1).astype(int), prepend=0) > 0).sum() > 5
    assert stats.nudge_seconds == pytest.approx(nudged.any(axis=1).sum() / 30, abs=0.35 * stats.nudges)


def test_nudge_replaces_the_keys_of_a_person_at_a_terminal(tmp_path: Path) -> None:
    game = DrawnGame()
    began = game.source.now_ns()
    edges = [KeyEdge(began + half * NS // 2, "space", half % 2 == 1, "human") for half in range(1, 39)]
    keyboard = ScriptedKeyboard(game.source, edges)
    person = HumanViaTerminal(game, Clock(30, game.source), keyboard, nudges=nudges())
    recording = recorded(tmp_path, person)
    nudged, own = recording.key_states("nudge"), recording.key_states("human")
    assert [(edge.key, edge.down) for edge in recording.timeline.edges if edge.who == "human"] == [
        (edge.key, edge.down) for edge in edges
    ]
    during = nudged.any(axis=1, keepdims=True)
    executed = np.where(during, nudged, own)
    # Every edge is at the time of a frame, so its key state is that of the next one.
    shown = [keys_in_frame(pixels) for pixels in recording.frames()]
    assert shown[:-1] == executed[1:].tolist()
    assert (during[:, 0] & own.any(axis=1)).any() and not game.held


NUDGE = [key_edge(2.5, "left", True, "nudge"), key_edge(5.5, "left", False, "nudge")]


@pytest.mark.parametrize("labels", ["human", "agent", "expert"])
def test_earlier_versions_read_a_nudge_as_another_player(tmp_path: Path, labels: str) -> None:
    """They know the players human, agent and expert only, and ignore fields that they do not know."""
    meta = recording_meta(source=labels, labels=labels)  # type: ignore[arg-type]
    path = write_recording(tmp_path, 8, NUDGE, meta=meta)
    lines = [json.loads(line) for line in (path / FILE_NAME).read_text().splitlines()]
    edges = [line for line in lines if line["kind"] == "edge"]
    assert [line["nudge"] for line in edges] == [True, True]
    assert {line["who"] for line in edges} <= {"human", "agent", "expert"} - {labels}
    assert "nudge" not in json.loads(msgspec.json.encode(EdgeLine(1, "up", True, "human")))


def test_nudges_are_no_player_and_survive_a_repair(tmp_path: Path) -> None:
    edges = [*NUDGE, key_edge(3.5, "up", True), key_edge(6.5, "up", False), key_edge(4.5, "left", True)]
    path = write_recording(tmp_path, 8, edges, end=frozenset({"left"}))
    recording = Recording.open(path)
    assert recording.timeline.players == ("human",)
    assert recording.key_states().tolist() == recording.key_states("human").tolist()
    stats = recording_stats(recording)
    # Frames 3 and 4; at frame 5 the player holds left as well.
    assert (stats.nudges, stats.nudge_seconds) == (1, pytest.approx(2 / 30, abs=0.01))
    assert "(nudge: left)" in (path / "frames.srt").read_text()
    with pytest.raises(RecordingError, match="two players"):
        compare_players(recording)
    with (path / "frames.mkv").open("r+b") as video:
        video.seek(-1, 2)
        video.truncate()
    repaired = Recording.open(repair(path).path)
    assert [edge for edge in repaired.timeline.edges if edge.who == "nudge"] == [
        KeyEdge(frame_time_ns(2.5), "left", True, "nudge"),
        KeyEdge(frame_time_ns(5.5), "left", False, "nudge"),
    ]
