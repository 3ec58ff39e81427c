"""`kill -9` of a real writer at random moments: at most 2 frames are lost and the rest is right."""

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

WRITER = """
import sys, time
from pathlib import Path
from support.recordings import frame_at, edge, meta_of
from agp_tui.recording.store import RecordingWriter
size = (int(sys.argv[2]), int(sys.argv[3]))
writer = RecordingWriter.create(Path(sys.argv[1]), meta_of(size=size))
for number in range(100_000):
    writer.frame(frame_at(number, size=size))
    writer.edge(edge(number + 0.5, "up", number % 2 == 0))
    print(number, flush=True)
"""


@pytest.mark.parametrize("size", [(48, 64), (256, 256), (540, 560)])
def test_at_most_two_frames_are_lost(tmp_path: Path, size: tuple[int, int]) -> None:
    pause = random.Random(size[0])
    tries = trial_count(3, 100) if size[0] < 512 else trial_count(2, 30)
    for trial in range(tries):
        root = tmp_path / str(trial)
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(root), str(size[0]), str(size[1])],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""},
        )
        assert writer.stdout is not None
        for _ in range(pause.randint(3, 40 if size[0] < 512 else 12)):
            writer.stdout.readline()
        (path,) = find_recordings(root)
        assert library.summary(path).state == "recording"
        time.sleep(pause.random() * 0.05)
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
        whole = Recording.open(path)
        assert (whole.meta.state, len(whole)) == ("recovered", len(recording))
    log_faults(f"kill -9 while frames of {size[1]}x{size[0]} are written", trials=tries)


def test_a_recording_that_runs_is_neither_deleted_nor_repaired(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), "48", "64"],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "PATH": ""},
    )
    assert writer.stdout is not None
    for _ in range(5):
        writer.stdout.readline()
    (path,) = find_recordings(tmp_path)
    try:
        assert len(Recording.open(path)) >= 3
        for act in (library.delete, repair.repair):
            with pytest.raises(library.RecordingError, match="is being written"):
                act(path)
    finally:
        writer.kill()
        writer.wait()
    assert msgspec.json.decode((path / "meta.json").read_bytes())["state"] == "recording"
    library.delete(path)
    assert not path.parent.exists()
