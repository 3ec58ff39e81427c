"""Tests of takeovers without a screen: key gate, intervention and its recordings."""

import threading
from pathlib import Path

import numpy as np
import pytest
from support.fakes import EventLog, FakeGame
from support.recordings import frame_at, frame_time_ns, recording_meta

from agp_tui.engine.job import Job
from agp_tui.keys.state import KeyEdge
from agp_tui.play.intervention import ControlChange, Intervention, InterventionRecorder
from agp_tui.play.key_gate import GateState, InjectedKeys, KeyGate
from agp_tui.protocol.events import Note
from agp_tui.recording.store import Recording

UP, LEFT = frozenset({"up"}), frozenset({"left"})


def edge(key: str, down: bool, seconds: float = 0.0, who: str = "human") -> KeyEdge:
    return KeyEdge(round(seconds * 1e9), key, down, who)  # type: ignore[arg-type]


def test_each_injected_edge_is_consumed_once_and_no_other() -> None:
    injected = InjectedKeys()
    injected.expect(frozenset(), UP)
    injected.expect(UP, LEFT)
    edges = [edge("up", True), edge("up", True), edge("up", False), edge("left", True), edge("left", False)]
    assert [injected.consume(one) for one in edges] == [True, False, True, True, False]


class Takeover:
    """A policy that holds `up`, and a person who may take over."""

    def __init__(self, hand_back_key: str | None = None, forward_human_keys: bool = False) -> None:
        self.game = FakeGame()
        self.gate = KeyGate(self.game, forward_human_keys=forward_human_keys)
        self.intervention = Intervention(self.gate, self.game.keys, 1.0, hand_back_key)
        self.gate.press(UP)

    def human_edges(self, *edges: KeyEdge, at: float = 0.0) -> None:
        self.intervention.process(list(edges), round(at * 1e9))


def test_takeover_releases_policy_keys_and_ends_after_idle_time() -> None:
    takeover = Takeover()
    takeover.human_edges(edge("left", True, 5.0), at=5.01)
    assert takeover.game.held == frozenset() and takeover.gate.state is GateState.HUMAN
    takeover.gate.press(UP)
    assert takeover.game.held == frozenset(), "the model's next decision is ignored"
    takeover.human_edges(at=9.0)
    assert takeover.intervention.driver == "human", "a held key counts as activity"
    takeover.human_edges(edge("left", False, 9.0), at=9.01)
    takeover.human_edges(at=9.99)
    assert takeover.intervention.driver == "human"
    takeover.human_edges(at=10.0)
    assert takeover.intervention.driver == "agent" and takeover.gate.state is GateState.OPEN
    edges, changes = takeover.intervention.drain()
    assert [(one.key, one.down) for one in edges] == [("left", True), ("left", False)]
    assert changes == [ControlChange(5_000_000_000, "human"), ControlChange(10_000_000_000, "agent")]
    assert takeover.intervention.drain() == ([], [])


def test_key_held_by_both_is_released_with_the_persons() -> None:
    takeover = Takeover()
    takeover.human_edges(edge("up", True))
    assert takeover.game.held == UP
    takeover.human_edges(edge("left", True), edge("up", False))
    assert takeover.game.held == frozenset()


def test_human_keys_are_forwarded_to_a_game_without_a_keyboard() -> None:
    takeover = Takeover(hand_back_key="enter", forward_human_keys=True)
    takeover.human_edges(edge("left", True))
    assert takeover.game.held == LEFT
    assert takeover.gate.held == frozenset(), "they are not the policy's keys"
    takeover.gate.press(UP)
    takeover.human_edges(edge("up", True), edge("left", False))
    assert takeover.game.held == UP
    # Control is returned with a key still down: the game must not receive that key from the person.
    takeover.human_edges(edge("enter", True))
    assert takeover.intervention.driver == "agent" and takeover.game.held == frozenset()
    takeover.gate.press(UP)
    assert takeover.game.held == UP
    takeover.human_edges(edge("left", True))
    takeover.gate.pause()
    assert takeover.game.held == frozenset()


def test_injected_keys_do_not_start_a_takeover() -> None:
    takeover = Takeover()
    takeover.human_edges(edge("up", True, who="agent"))
    assert takeover.intervention.driver == "agent"
    takeover.human_edges(edge("up", True, who="agent"))
    assert takeover.intervention.driver == "human", "a second press of the virtual keyboard was not injected"


def test_keys_that_the_game_lacks_are_ignored() -> None:
    takeover = Takeover()
    takeover.human_edges(edge("q", True))
    assert takeover.intervention.driver == "agent" and takeover.intervention.drain() == ([], [])


@pytest.mark.parametrize("how", ["back key", "pause", "leave"])
def test_ways_to_end_a_takeover(how: str) -> None:
    takeover = Takeover(hand_back_key="f9")
    takeover.human_edges(edge("left", True))
    if how == "back key":
        takeover.human_edges(edge("f9", True))
        assert takeover.gate.state is GateState.OPEN
    else:
        (takeover.gate.pause if how == "pause" else takeover.gate.close)()
        takeover.human_edges()
        assert takeover.gate.state is (GateState.PAUSED if how == "pause" else GateState.CLOSED)
    assert takeover.intervention.driver == "agent" and takeover.game.held == frozenset()


def test_no_takeover_while_paused() -> None:
    takeover = Takeover()
    takeover.gate.pause()
    takeover.human_edges(edge("left", True))
    assert takeover.intervention.driver == "agent" and takeover.gate.state is GateState.PAUSED


def make_recorder(root: Path, job: Job, **settings: object) -> InterventionRecorder:
    arguments: dict[str, object] = {"before_seconds": 0.2, "min_free_mb": 0, **settings}
    meta = recording_meta(source="agent", labels="human")
    return InterventionRecorder(root, lambda _began_ns: meta, job, **arguments)  # type: ignore[arg-type]


def at(number: float, key: str, down: bool, who: str = "human") -> KeyEdge:
    return KeyEdge(frame_time_ns(number), key, down, who)  # type: ignore[arg-type]


def test_each_takeover_is_recorded_with_frames_before_it(tmp_path: Path) -> None:
    """The policy holds `up` from frame 2 on, long before the buffer; the person takes over at 30 and 90."""
    recorder = make_recorder(tmp_path, Job())
    for number in range(120):
        edges, changes = [], []
        if number == 2:
            edges = [at(1.5, "up", True, "agent")]
        if number in (30, 90):
            edges = [at(number - 0.5, "up", False, "agent"), at(number - 0.5, "left", True)]
            changes = [ControlChange(frame_time_ns(number - 0.5), "human")]
        if number == 40:
            edges, changes = [at(39.5, "left", False)], [ControlChange(frame_time_ns(39.5), "agent")]
        recorder.add_frame(frame_at(number), edges, changes)
    recorder.close()
    first, second = map(Recording.open, recorder.recordings)
    assert len(first) == 6 + 11, "a fifth of a second before, ten frames of the person, one after"
    assert np.flatnonzero(first.labelled()).tolist() == list(range(6, 16))
    left, up = first.meta.keys.index("left"), first.meta.keys.index("up")
    assert first.labels(0)[:, left].tolist() == [False] * 6 + [True] * 10 + [False]
    assert first.timeline.key_states(first.meta.keys, "agent")[:, up].tolist() == [True] * 6 + [False] * 12
    assert len(second) == 6 + 30, "the play ended while the person drove"
    assert all(recording.meta.state == "complete" for recording in (first, second))


def test_a_full_disk_warns_and_does_not_stop_play(tmp_path: Path) -> None:
    event_log = EventLog()
    recorder = make_recorder(tmp_path, Job(event_log), min_free_mb=1 << 40)
    recorder.add_frame(frame_at(0), [], [ControlChange(frame_time_ns(0), "human")])
    recorder.add_frame(frame_at(1), [], [])
    recorder.close()
    assert recorder.recordings == [] and list(tmp_path.iterdir()) == []
    assert [one.level for one in event_log.events if isinstance(one, Note)] == ["warning"]


def test_an_unwritable_folder_warns_and_does_not_stop_play(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    event_log = EventLog()
    recorder = make_recorder(tmp_path / "file", Job(event_log))
    recorder.add_frame(frame_at(0), [], [ControlChange(frame_time_ns(0), "human")])
    for number in range(1, 1000):
        recorder.add_frame(frame_at(number), [], [])
    recorder.close()
    assert recorder.recordings == []
    assert "incomplete" in next(one.text for one in event_log.events if isinstance(one, Note))


def test_close_waits_until_everything_is_written(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    recorder = make_recorder(tmp_path, Job())
    recorder.add_frame(frame_at(0), [], [ControlChange(frame_time_ns(0), "human")])
    for number in range(1, 300):
        recorder.add_frame(frame_at(number), [], [])
    recorder.close()
    (path,) = recorder.recordings
    assert len(Recording.open(path)) == 300
    assert set(threading.enumerate()) <= before, "its thread is still running"
