"""Tests of training killed with SIGKILL at random times: training resumes from a complete checkpoint."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from support.dot_dataset import SIZE, dot_settings, record_dot
from support.fault_counts import log_faults, trial_count

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment
from agp_tui.imitation.checkpoint import BEST, LAST, load_checkpoint
from agp_tui.protocol.events import Progress
from agp_tui.protocol.requests import TrainingRequest, as_request
from agp_tui.recording.store import Recording

WORKER_SCRIPT = """
import sys
from pathlib import Path
from agp_tui.imitation import train
from agp_tui.worker import main
train.SAVE_SECONDS = 0.0
sys.exit(main(Path(sys.argv[1])))
"""
"""Saves a checkpoint after every epoch, so that many kills interrupt a save."""


def test_killed_training_resumes_from_a_complete_checkpoint(tmp_path: Path) -> None:
    trials = trial_count(4, 60)
    recordings = tuple(record_dot(tmp_path / "recordings", 200, seed) for seed in range(2))
    request = TrainingRequest(
        game="dots",
        settings=dot_settings(epochs=100_000, patience=100_000, threads=1),
        recordings=recordings,
        frame_size=SIZE,
        models=tmp_path / "models",
    )
    run = Run.create(tmp_path / "runs", "train", as_request(request))
    pause = random.Random(3)
    epochs, lost = 0, 0.0
    for _ in range(trials):
        events_before = len(list(run.events()))
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER_SCRIPT, str(run.path)], env=module_environment()
        )
        try:
            wait_for_progress(run, events_before, worker)
            time.sleep(pause.random())
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        assert run.state() == "died"
        last, best = (load_checkpoint(run.checkpoints / name) for name in (LAST, BEST))
        assert best.spec == last.spec and best.network() is not None
        counters = last.training["counters"]
        # Training resumed from the checkpoint of the previous process.
        assert counters["epoch"] > epochs
        epochs = counters["epoch"]
        reported = max(event.done for event in run.events() if isinstance(event, Progress))
        lost = max(lost, (reported - counters["positions"]) / (counters["positions"] / epochs))
        for path in recordings:
            assert sum(1 for _ in Recording.open(path).frames()) == 200
    assert lost <= 2, "the current epoch, and one whose checkpoint was being written"
    log_faults("kill -9 of a training", trials=trials, worst=f"{max(lost, 0):.1f} epochs lost")


def wait_for_progress(run: Run, events_before: int, worker: "subprocess.Popen[bytes]") -> None:
    """Wait for three progress events after the first `events_before` events."""
    deadline = time.monotonic() + 60
    while sum(isinstance(event, Progress) for event in list(run.events())[events_before:]) < 3:
        assert worker.poll() is None, (run.path / "narration.log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
