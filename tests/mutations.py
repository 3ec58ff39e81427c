"""Mutation tests: break the code once for each promise of docs/reliability.md; a test must fail each time.

    make mutations            all of them, some minutes
    python tests/mutations.py NAME...

Works in a clone of the last commit; the working tree is not changed. Exit code 1 if a break is not detected.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Break:
    """One deliberate fault in the code."""

    file: str
    code: str
    replacement: str
    tests: tuple[str, ...]
    """Test files that must detect it."""


BREAKS = {
    "packets are not flushed": Break(
        "agp_tui/recording/video.py",
        '"flush_packets": "1"',
        '"flush_packets": "0"',
        ("tests/screen/faults/test_killed_writer.py",),
    ),
    "a partial line remains on a full disk": Break(
        "agp_tui/files.py", "os.ftruncate(self._file, size)", "pass", ("tests/unit/test_files.py",)
    ),
    "files are overwritten in place": Break(
        "agp_tui/files.py",
        'temporary = path.with_name(f".{path.name}.{os.getpid()}.part")',
        "temporary = path",
        ("tests/unit/test_files.py",),
    ),
    "an interrupted repair is not completed": Break(
        "agp_tui/recording/repair.py",
        "(copy if copy.exists() else damaged).rename(path)",
        "pass",
        ("tests/unit/recording/test_damage.py",),
    ),
    "a cut is written where recordings are found": Break(
        "agp_tui/recording/cutting.py",
        'PREFIX, SUFFIX = ".cut-", ".part"',
        'PREFIX, SUFFIX = "cut-", ".part"',
        ("tests/process/faults/test_killed_cut.py", "tests/unit/recording/test_cutting.py"),
    ),
    "the guard ends without releasing keys": Break(
        "agp_tui/keys/guard_process.py",
        "                held_keys.hold(NO_KEYS)",
        "                pass",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "the guard does not watch its owner process": Break(
        "agp_tui/keys/guard_process.py",
        "return [os.pidfd_open(owner)]",
        "return []",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "a stopped player does not release its keys": Break(
        "agp_tui/keys/guard_process.py",
        "NO_KEYS if _stopped(owner) else wanted",
        "wanted",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "a hung model does not release its keys": Break(
        "agp_tui/play/watchdog.py",
        "if self._hang_seconds is None or not self._gate.release_if_stale(self._hang_seconds):",
        "if True:",
        ("tests/timed/faults/test_hung_model.py",),
    ),
    "keys are sent without focus of the game": Break(
        "agp_tui/play/watchdog.py",
        "elif self._gate.focus_lost():",
        "elif False:",
        ("tests/timed/play/test_focus.py",),
    ),
    "a nudge goes on without the focus": Break(
        "agp_tui/recording/nudges.py",
        "nudged = self._nudges.update(time.monotonic_ns(), person, allowed=focused)",
        "nudged = self._nudges.update(time.monotonic_ns(), person)",
        ("tests/screen/recording/test_nudges.py",),
    ),
    "the end of a nudge releases the person's key": Break(
        "agp_tui/recording/nudges.py",
        "self._hold(nudged | kept)",
        "self._hold(nudged)",
        ("tests/screen/recording/test_nudges.py",),
    ),
    "a killed guard is only detected at the next key change": Break(
        "agp_tui/games/screen.py",
        "            self._guard.check()",
        "            pass",
        ("tests/screen/faults/test_kill.py",),
    ),
    "a gap is not reported": Break(
        "agp_tui/recording/recorder.py",
        "if seconds > GAP_SECONDS:",
        "if False:",
        ("tests/unit/recording/test_recorder.py",),
    ),
    "a recording is not completed after a lost display": Break(
        "agp_tui/recording/recorder.py",
        "                self.writer.close(held)",
        "                pass",
        ("tests/screen/faults/test_lost_display.py",),
    ),
    "the panic key waits for the model": Break(
        "agp_tui/play/watchdog.py",
        'self._panic(f"{self._panic_key} was pressed")',
        "self._job.stop()",
        ("tests/timed/play/test_player.py", "tests/screen/play/test_player.py"),
    ),
    "invalid stdin input ends the command reader": Break(
        "agp_tui/protocol/untrusted_json.py",
        "except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:",
        "except msgspec.MsgspecError as error:",
        ("tests/unit/protocol/test_untrusted_json.py",),
    ),
    "code in a checkpoint is executed": Break(
        "agp_tui/tensor_files.py",
        "weights_only=True)",
        "weights_only=False)",
        ("tests/unit/imitation/test_checkpoint.py", "tests/process/atari/test_checkpoint.py"),
    ),
    "a killed training restarts instead of resuming": Break(
        "agp_tui/imitation/train.py",
        "resumed = load_checkpoint(folder / LAST) if (folder / LAST).is_file() else None",
        "resumed = None",
        ("tests/process/faults/test_killed_training.py",),
    ),
    "a reused process ID is mistaken for the worker": Break(
        "agp_tui/engine/runs.py",
        'process_start(worker.pid) == worker.began != ""',
        'process_start(worker.pid) != ""',
        ("tests/process/engine/test_runs.py",),
    ),
    "a stalled reader blocks the job": Break(
        "agp_tui/engine/sinks.py",
        "self._queue.put_nowait(event)",
        "self._queue.put(event)",
        ("tests/process/engine/test_job.py",),
    ),
    "the end of stdin does not stop the job": Break(
        "agp_tui/engine/job.py",
        "            # Also after an error: no further command can be received.\n            self.stop()",
        "            pass",
        ("tests/process/engine/test_job.py",),
    ),
    "recordings are readable by other users": Break(
        "agp_tui/recording/store.py",
        "path.mkdir(mode=0o700)",
        "path.mkdir(mode=0o755)",
        ("tests/unit/recording/test_store.py",),
    ),
}


def main(names: list[str]) -> int:
    """Apply each break, run its tests, print the result; returns the exit code."""
    unknown = sorted(set(names) - set(BREAKS))
    if unknown:
        print(f"Expected some of {', '.join(BREAKS)}; found {', '.join(unknown)}.", file=sys.stderr)
        return 2
    undetected = []
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        subprocess.run(["git", "clone", "--quiet", ROOT, copy], check=True)
        titles = names or list(BREAKS)
        if not passes(copy, tuple(sorted({test for title in titles for test in BREAKS[title].tests}))):
            print("Expected the tests to pass without a break; they fail.", file=sys.stderr)
            return 1
        for title in titles:
            began = time.monotonic()
            detected = is_detected(copy, BREAKS[title])
            print(
                f"{'detected' if detected else 'MISSED  '} {time.monotonic() - began:5.1f} s  {title}",
                flush=True,
            )
            if not detected:
                undetected.append(title)
    print(f"{len(titles) - len(undetected)} of {len(titles)} breaks were detected.")
    return 1 if undetected else 0


def is_detected(copy: Path, fault: Break) -> bool:
    """Whether a test fails with the break. Exits if its code does not occur exactly once."""
    file = copy / fault.file
    original = file.read_text()
    if original.count(fault.code) != 1:
        sys.exit(
            f"Expected {fault.code!r} once in {fault.file}, found it {original.count(fault.code)} times."
        )
    file.write_text(original.replace(fault.code, fault.replacement))
    try:
        return not passes(copy, fault.tests)
    finally:
        file.write_text(original)


def passes(copy: Path, tests: tuple[str, ...]) -> bool:
    """Whether all tests pass in `copy`. Exits if they cannot be run."""
    done = subprocess.run(
        # Includes nightly tests: some breaks fail only there.
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-m",
            "not root and not soak and not debian_game",
            *tests,
        ],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), "AGP_REQUIRE_DISPLAY": "1"},
        capture_output=True,
        check=False,
    )
    # 1: a test failed. Other codes are errors of pytest.
    if done.returncode not in (0, 1):
        sys.exit(f"pytest ended with {done.returncode}: {done.stdout.decode()[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
