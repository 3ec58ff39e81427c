"""Tests of a recording writer killed at random times: at most 2 frames are lost."""

import random
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.fault_counts import log_faults, trial_count
from support.paths import ROOT
from support.recordings import frame_pixels

from agp_tui.recording import integrity, library, repair
from agp_tui.recording.store import Recording, find_recordings

WRITER_SCRIPT = """
import sys, time
from pathlib import Path
from support.recordings import frame_at, key_edge, recording_meta
from agp_tui.recording.store import RecordingWriter
size = (int(sys.argv[2]), int(sys.argv[3]))
writer = RecordingWriter.create(Path(sys.argv[1]), recording_meta(size=size))
for number in range(100_000):
    writer.frame(frame_at(number, size=size))
    writer.edge(key_edge(number + 0.5, "up", number % 2 == 0))
    print(number, flush=True)
"""


@pytest.mark.parametrize("size", [(48, 64), (256, 256), (540, 560)])
def test_killed_writer_loses_at_most_two_frames(tmp_path: Path, size: tuple[int, int]) -> None:
    rng = random.Random(size[0])
    trials = trial_count(3, 100) if size[0] < 512 else trial_count(2, 30)
    for trial in range(trials):
        root = tmp_path / str(trial)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER_SCRIPT, str(root), str(size[0]), str(size[1])],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""},
        )
        assert writer.stdout is not None
        for _ in range(rng.randint(3, 40 if size[0] < 512 else 12)):
            writer.stdout.readline()
        (path,) = find_recordings(root)
        assert library.summary(path).state == "recording"
        time.sleep(rng.random() * 0.05)
        writer.kill()
        written = int(([*writer.stdout.read().split()] or [b"0"])[-1])
        writer.wait()
        recording = Recording.open(path)
        lines = sum(b'"frame"' in line for line in (path / "timeline.jsonl").read_bytes().splitlines())
        assert len(recording) >= max(lines, written + 1) - 2
        for number, pixels in enumerate(recording.frames()):
            np.testing.assert_array_equal(pixels, frame_pixels(number, size))
        states = recording.key_states()[:, 0]
        assert states.tolist() == [number % 2 == 1 for number in range(len(recording))]
        assert recording.labels(1).shape == (len(recording), 3)
        assert library.summary(path).state == "broken off"
        assert any("broken off" in problem for problem in integrity.check(path))
        assert repair.repair(path).frames == len(recording)
        repaired = Recording.open(path)
        assert (repaired.meta.state, len(repaired)) == ("recovered", len(recording))
    log_faults(f"kill -9 while frames of {size[1]}x{size[0]} are written", trials=trials)


def test_recording_in_progress_is_neither_deleted_nor_repaired(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER_SCRIPT, str(tmp_path), "48", "64"],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""},
    )
    assert writer.stdout is not None
    for _ in range(5):
        writer.stdout.readline()
    (path,) = find_recordings(tmp_path)
    try:
        assert len(Recording.open(path)) >= 3
        for operation in (library.delete, repair.repair):
            with pytest.raises(library.RecordingError, match="is being written"):
                operation(path)
    finally:
        writer.kill()
        writer.wait()
    assert msgspec.json.decode((path / "meta.json").read_bytes())["state"] == "recording"
    library.delete(path)
    assert not path.parent.exists()
