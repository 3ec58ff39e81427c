"""Tests of the agreement between a person and a model that runs beside them."""

from pathlib import Path

import pytest
from support.drawn_game import (
    KEYS,
    DrawnGame,
    PatternPolicy,
    ScriptedKeyboard,
    frame_time_ns,
    open_recording,
    record_drawn_game,
)
from support.fakes import EventLog
from support.recordings import key_edge, write_recording

from agp_tui.engine.job import Job
from agp_tui.errors import RecordingError
from agp_tui.keys.state import NO_KEYS, KeyEdge
from agp_tui.protocol.events import Live
from agp_tui.protocol.results import Moment
from agp_tui.recording.agreement import Agreement, Disagreement, compare_players, disagreement_table
from agp_tui.recording.store import Recording

UP = frozenset({"up"})


def test_frames_without_keys_are_not_counted() -> None:
    agreement = Agreement()
    frames = [(UP, UP), (UP, NO_KEYS), (NO_KEYS, UP), (UP, UP), *[(NO_KEYS, NO_KEYS)] * 9]
    for one, other in frames:
        agreement.count(one, other)
    assert agreement.shares() == {"up": 0.5}


def test_disagreements_are_sorted_by_size(tmp_path: Path) -> None:
    """The model presses `up` three frames late, and alone `left` and `space` for four frames."""
    edges = [
        key_edge(9.5, "up", True),
        key_edge(12.5, "up", True, "agent"),
        key_edge(29.5, "up", False),
        key_edge(29.5, "up", False, "agent"),
        key_edge(39.5, "left", True, "agent"),
        key_edge(40.5, "space", True, "agent"),
        key_edge(43.5, "left", False, "agent"),
        key_edge(43.5, "space", False, "agent"),
    ]
    found = compare_players(Recording.open(write_recording(tmp_path, 60, edges)))
    assert found.disagreements == (
        Disagreement(40, 44, 7, ("left", "space")),
        Disagreement(10, 13, 3, ("up",)),
    )
    assert found.agreement == {"up": 0.85, "left": 0.0, "space": 0.0}
    assert found.report(1).moments == (Moment(start=40, stop=44, size=7, keys=("left", "space")),)
    table = disagreement_table(found, "one", 9)
    assert table.rows == [[40, 1.33, 0.13, "left space"], [10, 0.33, 0.1, "up"]]
    assert "human and agent agree on up 85 %" in table.title


def test_short_gaps_are_merged(tmp_path: Path) -> None:
    edges = [key_edge(at, "up", down) for at, down in [(4.5, True), (5.5, False), (7.5, True), (8.5, False)]]
    edges += [key_edge(20.5, "up", True), key_edge(21.5, "up", False), key_edge(50.5, "left", True, "agent")]
    found = compare_players(Recording.open(write_recording(tmp_path, 52, edges)))
    assert sorted((one.start, one.stop) for one in found.disagreements) == [(5, 9), (21, 22), (51, 52)]


def test_recording_of_one_player_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="two players, found 1"):
        compare_players(Recording.open(write_recording(tmp_path, 5, [key_edge(1.5, "up", True)])))


def test_shadow_keys_are_reported_and_recorded_beside_the_persons(tmp_path: Path) -> None:
    game, shadow, event_log = DrawnGame(), PatternPolicy(3, "agent"), EventLog()
    typed = [
        KeyEdge(frame_time_ns(10.5), "up", True, "human"),
        KeyEdge(frame_time_ns(40.5), "up", False, "human"),
    ]
    person = ScriptedKeyboard(game.source, typed)
    recording = open_recording(
        record_drawn_game(tmp_path, game, person, shadow=shadow, seconds=2, job=Job(event_log))
    )
    assert (recording.meta.source, recording.meta.labels) == ("human", "human")
    assert recording.key_states("agent")[1:].tolist() == shadow.rows(range(59))
    assert recording.key_states("human")[:, KEYS.index("up")].tolist() == [11 <= i <= 40 for i in range(60)]
    assert game.held == frozenset(), "a shadow presses nothing"
    last = [event for event in event_log.events if isinstance(event, Live)][-1]
    assert last.advised is not None
    assert last.frames == 60 or set(last.agreement) <= set(KEYS)
    whole = Agreement()
    for mine, its in zip(recording.key_states("human"), recording.key_states("agent"), strict=True):
        whole.count(*(frozenset(key for key, on in zip(KEYS, row, strict=True) if on) for row in (mine, its)))
    assert whole.shares() == compare_players(recording).agreement
