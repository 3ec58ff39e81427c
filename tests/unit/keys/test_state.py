"""Tests of key states: device presses and releases become key edges."""

from hypothesis import given
from hypothesis import strategies as st

from agp_tui.keys.state import KeyEdge, KeyTracker, Who


def test_auto_repeat_is_not_an_edge() -> None:
    tracker = KeyTracker()
    for time_ns in (1, 2, 3):
        tracker.press(7, 38, ("a",), time_ns, "human")
    tracker.release(7, 38, 4)
    tracker.release(7, 38, 5)
    assert tracker.drain() == [KeyEdge(1, "a", True, "human"), KeyEdge(4, "a", False, "human")]


def test_key_is_down_while_any_device_holds_it() -> None:
    tracker = KeyTracker()
    tracker.press(7, 38, ("a",), 1, "human")
    tracker.press(8, 38, ("a",), 2, "human")
    tracker.release(7, 38, 3)
    assert [edge.down for edge in tracker.drain()] == [True]
    tracker.release(8, 38, 4)
    assert tracker.drain() == [KeyEdge(4, "a", False, "human")]


def test_sources_are_tracked_separately() -> None:
    tracker = KeyTracker()
    tracker.press(5, 38, ("a",), 1, "agent")
    tracker.press(7, 38, ("a",), 2, "human")
    tracker.release(5, 38, 3)
    tracker.release(7, 38, 4)
    assert [(edge.who, edge.down) for edge in tracker.drain()] == [
        ("agent", True),
        ("human", True),
        ("agent", False),
        ("human", False),
    ]


def test_initially_held_key_is_released_once() -> None:
    tracker = KeyTracker()
    tracker.start({38: ("a",)})
    assert tracker.held() == {"a"}
    tracker.release(7, 38, 1)
    tracker.release(7, 38, 2)
    assert tracker.drain() == [KeyEdge(1, "a", False, "human")]
    assert tracker.held() == frozenset()


def test_edge_times_are_monotonic() -> None:
    tracker = KeyTracker()
    tracker.press(7, 38, ("a",), 10, "human")
    tracker.release(7, 38, 9)
    assert [edge.time_ns for edge in tracker.drain()] == [10, 10]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3), st.integers(1, 4))))
def test_edges_alternate_and_yield_the_held_keys(events: list[tuple[bool, int, int]]) -> None:
    tracker = KeyTracker()
    down: set[tuple[int, int]] = set()
    who: Who = "human"
    for time_ns, (press, device, code) in enumerate(events):
        if press:
            tracker.press(device, code, (f"k{code}",), time_ns, who)
            down.add((device, code))
        else:
            tracker.release(device, code, time_ns)
            down.discard((device, code))
    state: dict[str, bool] = {}
    for edge in tracker.drain():
        assert state.get(edge.key, False) != edge.down
        state[edge.key] = edge.down
    assert {key for key, is_down in state.items() if is_down} == {f"k{code}" for _, code in down}
    assert tracker.held() == {key for key, is_down in state.items() if is_down}
