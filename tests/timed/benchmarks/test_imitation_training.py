from support.fakes import EventLog

from agp_tui.engine.job import Job
from agp_tui.protocol.events import Table
from benchmarks.imitation_training import bench_train


def test_chunks_are_faster_than_separate_windows(job: Job, event_log: EventLog) -> None:
    found = bench_train(job, frame_size=64, segment=20, rounds=3, seconds=0.5, threads=1)
    assert found.ratio > 8 and found.shared > found.separate > 0
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    assert table.rows[1][1:] == [found.shared, found.ratio]
    # The trainer uses chunks as well; with separate windows it could not reach this rate.
    assert found.trainer > 3 * found.separate and table.rows[2][1] == found.trainer
