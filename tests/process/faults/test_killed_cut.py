"""Tests of cutting killed with SIGKILL at random times: the source stays whole, nothing half appears."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from support.fault_counts import log_faults, trial_count
from support.paths import ROOT
from support.recordings import frame_pixels, key_edge, write_recording

from agp_tui.recording import library
from agp_tui.recording.store import Recording, find_recordings

FRAMES = 90
PIECES = (range(30), range(30, FRAMES), range(FRAMES))

SCRIPT = """
import sys
from pathlib import Path
from agp_tui.recording import cutting, library
from agp_tui.recording.store import Recording
root, source = Path(sys.argv[1]), Path(sys.argv[2])

def progress(done, total):
    print(done, flush=True)

while True:
    pieces = cutting.split(
        Recording.open(source), [1.0], root=root, window=5, progress=progress
    )
    merged = cutting.merge(
        [Recording.open(path) for path in pieces], root=root, progress=progress
    )
    for path in (*pieces, merged):
        library.delete(path)
"""


def test_kill_while_cutting_leaves_the_source_whole_and_no_half_recording(tmp_path: Path) -> None:
    trials = trial_count(3, 60)
    rng = random.Random(5)
    source = write_recording(tmp_path, FRAMES, [key_edge(9.5, "up", True), key_edge(50.5, "up", False)])
    before = {file.name: file.read_bytes() for file in source.iterdir()}
    for _ in range(trials):
        cutter = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path), str(source)],
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
        )
        assert cutter.stdout is not None
        # Between the first frame of a cut and the deletion of its results.
        for _ in range(rng.randint(2, 5 * FRAMES)):
            cutter.stdout.readline()
        time.sleep(rng.random() * 0.01)
        cutter.kill()
        cutter.wait()
        assert {file.name: file.read_bytes() for file in source.iterdir()} == before
        for path in find_recordings(tmp_path):
            recording = Recording.open(path)
            (numbers,) = (piece for piece in PIECES if len(piece) == len(recording))
            assert recording.meta.state == "complete"
            for number, pixels in zip(numbers, recording.frames(), strict=True):
                np.testing.assert_array_equal(pixels, frame_pixels(number))
            assert recording.key_states()[:, 0].tolist() == [10 <= number <= 50 for number in numbers]
            if path != source:
                library.delete(path)
        assert [one.path for one in library.list_recordings(tmp_path)] == [str(source)]
        assert not list(tmp_path.glob("*/.cut-*")), "the rest is cleaned up"
    log_faults("kill -9 while a recording is cut or joined", trials=trials)
