"""The benchmark of streaming against whole-window inference."""

from pathlib import Path

import pytest
from support.fakes import EventLog
from support.small_models import SmallModels

from agp_tui.bench.play import bench_play
from agp_tui.engine.job import Job
from agp_tui.errors import ModelError
from agp_tui.protocol.events import Table


def test_streaming_is_equal_to_the_whole_window_and_faster(small_models: SmallModels) -> None:
    event_log = EventLog()
    result = bench_play(small_models.folder, small_models.whole_window, Job(event_log), decisions=40, turn=7)
    assert result.decisions == 40
    assert result.max_difference <= 1e-5
    assert result.ratio > 1.0
    assert result.ratio == pytest.approx(result.whole_ms.p50 / result.streaming_ms.p50, abs=0.1)
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    assert [row[0] for row in table.rows] == [
        "whole window",
        "streaming",
        "streaming, newest frame only",
    ]
    assert 0 < result.observe_ms.p50 <= result.streaming_ms.p50


def test_model_with_another_window_is_rejected(small_models: SmallModels, foreign_models: Path) -> None:
    with pytest.raises(ModelError, match="window of 5 frames"):
        bench_play(small_models.folder, foreign_models / "keras_open_batch.tflite", Job())
