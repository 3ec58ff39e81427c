"""Tests of Clock: fixed deadlines, skipped slots, stage times, percentiles."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agp_tui.engine.clock import NS, WINDOW, Clock, RealTime, SimulatedTime
from agp_tui.protocol.percentiles import Percentiles


class ManualTime:
    """A time source set by the test; `sleep_until` wakes up `late_ns` after the deadline."""

    def __init__(self, now_ns: int = 1_000, late_ns: int = 0) -> None:
        self.now = now_ns
        self.late_ns = late_ns

    def now_ns(self) -> int:
        return self.now

    def sleep_until(self, deadline_ns: int) -> None:
        self.now = max(self.now, deadline_ns + self.late_ns)


def test_slots_start_now_and_at_multiples_of_the_period() -> None:
    source = ManualTime(now_ns=5_000)
    clock = Clock(4, source)
    filled = []
    for slot in clock.slots(seconds=2):
        filled.append((slot, source.now))
    assert filled == [(i, 5_000 + i * NS // 4) for i in range(8)]


def test_work_within_a_slot_does_not_shift_the_deadlines() -> None:
    source = ManualTime(now_ns=0)
    clock = Clock(10, source)
    starts = []
    for _ in clock.slots(seconds=3):
        starts.append(source.now)
        source.now += 99_000_000
    assert starts == [i * 100_000_000 for i in range(30)]
    assert clock.pace().missed == 0


def test_fractional_period_in_nanoseconds_does_not_drift() -> None:
    source = SimulatedTime()
    clock = Clock(30, source)
    for slot in clock.slots(seconds=1_000):
        assert source.now_ns() == round(slot * NS / 30)
    assert clock.pace().slots == clock.pace().filled == 30_000


def test_late_slots_are_skipped_and_counted() -> None:
    source = ManualTime(now_ns=0)
    clock = Clock(10, source)
    filled = []
    for slot in clock.slots(seconds=2):
        filled.append((slot, source.now // 1_000_000))
        source.now += 350_000_000 if slot == 3 else 20_000_000
    # Slot 3 lasts from 300 to 650 ms: 4 and 5 are skipped, 6 starts 50 ms late, 7 is on time.
    assert [slot for slot, _ in filled] == [0, 1, 2, 3, *range(6, 20)]
    assert filled[4:6] == [(6, 650), (7, 700)]
    assert (clock.pace().slots, clock.pace().filled, clock.pace().missed) == (20, 18, 2)
    assert clock.pace().fps == 9.0


def test_slots_past_at_the_end_of_the_loop_are_missed() -> None:
    source = ManualTime(now_ns=0)
    clock = Clock(10, source)
    filled = []
    for slot in clock.slots(seconds=1):
        filled.append(slot)
        source.now += 300_000_000
    assert filled == [0, 3, 6, 9]
    assert (clock.pace().slots, clock.pace().filled, clock.pace().missed) == (10, 4, 6)


def test_slots_missed_during_the_last_slot_are_counted() -> None:
    source = ManualTime(now_ns=0)
    clock = Clock(10, source)
    for _ in clock.slots(seconds=1):
        source.now += 400_000_000
    assert (clock.pace().slots, clock.pace().filled) == (10, 3)


def test_duration_below_one_period_is_one_slot() -> None:
    assert list(Clock(1, SimulatedTime()).slots(seconds=0.1)) == [0]


@given(
    fps=st.integers(1, 60),
    work=st.lists(st.floats(0.0, 4.0), min_size=1, max_size=60),
)
def test_each_slot_starts_once_within_its_period(fps: int, work: list[float]) -> None:
    source = ManualTime(now_ns=7)
    clock = Clock(fps, source)
    last = -1
    for periods in work:
        slot = clock.wait()
        assert slot > last
        start_ns = 7 + round(slot * NS / fps)
        assert start_ns <= source.now < start_ns + NS / fps + 1
        last = slot
        source.now += int(periods * NS / fps)
    pace = clock.pace()
    assert pace.slots == last + 1
    assert pace.filled == len(work)


def test_jitter_is_the_delay_of_the_slot_start() -> None:
    source = ManualTime(now_ns=0, late_ns=2_500_000)
    clock = Clock(100, source)
    list(clock.slots(seconds=1))
    # The first slot is due immediately, without a sleep.
    jitter = clock.pace().jitter_ms
    assert (jitter.p50, jitter.p95, jitter.p99) == (2.5, 2.5, 2.5)


def test_simulated_time_never_decreases() -> None:
    source = SimulatedTime(start_ns=50)
    source.sleep_until(80)
    source.sleep_until(60)
    assert source.now_ns() == 80


def test_simulated_time_is_exact_and_does_not_sleep() -> None:
    began = time.perf_counter()
    clock = Clock(60, SimulatedTime())
    slots = list(clock.slots(seconds=60))
    assert slots == list(range(3_600))
    assert clock.pace().missed == 0
    assert clock.pace().jitter_ms == Percentiles(0.0, 0.0, 0.0)
    assert time.perf_counter() - began < 10


def test_real_time_counts_every_slot() -> None:
    """No drift: the last of 100 slots starts after 99 periods, independent of the work in the loop."""
    clock = Clock(50)
    began = time.monotonic_ns()
    last = -1
    for slot in clock.slots(seconds=2):
        time.sleep(0.005)
        assert (time.monotonic_ns() - began) // clock.period_ns >= slot
        last = slot
    pace = clock.pace()
    assert pace.slots == 100
    assert pace.filled + pace.missed == 100
    assert last >= 80
    assert time.monotonic_ns() - began >= 99 * clock.period_ns


def test_overrunning_loop_skips_slots_in_real_time() -> None:
    """Each iteration takes 2.5 periods, so consecutive slots differ by at least 2."""
    clock = Clock(50)
    filled = []
    for slot in clock.slots(seconds=1):
        filled.append(slot)
        end = time.perf_counter() + 0.050
        while time.perf_counter() < end:
            pass
    steps = [after - before for before, after in itertools.pairwise(filled)]
    assert min(steps) >= 2
    assert clock.pace().slots == 50
    assert clock.pace().missed == 50 - len(filled)


def test_real_time_never_wakes_early() -> None:
    source = RealTime()
    for _ in range(20):
        deadline = source.now_ns() + 1_000_000
        source.sleep_until(deadline)
        assert source.now_ns() >= deadline


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (0.0, 0.0, 0.0)),
        ([7.0], (7.0, 7.0, 7.0)),
        ([2.0, 1.0], (1.0, 2.0, 2.0)),
        ([4.0, 1.0, 3.0, 2.0], (2.0, 4.0, 4.0)),
        ([float(i) for i in range(1, 21)], (10.0, 19.0, 20.0)),
        ([float(i) for i in range(100, 0, -1)], (50.0, 95.0, 99.0)),
        ([float(i) for i in range(1, 1001)], (500.0, 950.0, 990.0)),
        ([1.23456], (1.235, 1.235, 1.235)),
    ],
)
def test_percentiles_of_known_values(values: list[float], expected: tuple[float, float, float]) -> None:
    percentiles = Percentiles.of(values)
    assert (percentiles.p50, percentiles.p95, percentiles.p99) == expected


def test_stages_are_timed_in_real_time_on_a_simulated_clock() -> None:
    clock = Clock(30, SimulatedTime())
    with clock.stage("grab"):
        time.sleep(0.02)
    clock.note("encode", 3.0)
    clock.note("encode", 5.0)
    stages = clock.pace().stages_ms
    assert set(stages) == {"grab", "encode"}
    assert stages["grab"].p50 >= 20
    assert stages["encode"] == Percentiles(3.0, 5.0, 5.0)


def test_failing_stage_is_timed() -> None:
    clock = Clock(30)
    with pytest.raises(ValueError), clock.stage("grab"):
        raise ValueError
    assert "grab" in clock.pace().stages_ms


def test_percentiles_use_only_the_latest_values() -> None:
    clock = Clock(30)
    for _ in range(WINDOW):
        clock.note("grab", 100.0)
    for _ in range(WINDOW):
        clock.note("grab", 1.0)
    assert clock.pace().stages_ms["grab"].p99 == 1.0


def test_pace_before_the_first_slot_is_zero() -> None:
    pace = Clock(30).pace()
    assert (pace.slots, pace.filled, pace.missed, pace.fps) == (0, 0, 0, 0.0)
