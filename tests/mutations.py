"""Breaks the code on purpose, once for each promise of docs/reliability.md: a test must fail each time.

    make mutations            all of them, some minutes
    python tests/mutations.py NAME...

Works in a copy of the last commit; the working tree is not touched. Exit code 1 where a break went unnoticed.
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
    instead: str
    tests: tuple[str, ...]
    """Where it must be noticed."""


BREAKS = {
    "frames reach the system late": Break(
        "agp_tui/recording/video.py",
        '"flush_packets": "1"',
        '"flush_packets": "0"',
        ("tests/screen/faults/test_killed_writer.py",),
    ),
    "half a line stays on a full disk": Break(
        "agp_tui/files.py", "os.ftruncate(self._file, size)", "pass", ("tests/unit/test_files.py",)
    ),
    "files are overwritten in place": Break(
        "agp_tui/files.py",
        'temporary = path.with_name(f".{path.name}.{os.getpid()}.part")',
        "temporary = path",
        ("tests/unit/test_files.py",),
    ),
    "a cut repair is not brought to its end": Break(
        "agp_tui/recording/repair.py",
        "(copy if copy.exists() else damaged).rename(path)",
        "pass",
        ("tests/unit/recording/test_damage.py",),
    ),
    "the guard ends without letting go": Break(
        "agp_tui/keys/guard_process.py",
        "                held_keys.hold(NO_KEYS)",
        "                pass",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "the guard trusts its pipe alone": Break(
        "agp_tui/keys/guard_process.py",
        "return [os.pidfd_open(owner)]",
        "return []",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "a stopped player keeps its keys": Break(
        "agp_tui/keys/guard_process.py",
        "NO_KEYS if _stopped(owner) else wanted",
        "wanted",
        ("tests/timed/keys/test_pressing.py",),
    ),
    "a hung model keeps its keys": Break(
        "agp_tui/play/watchdog.py",
        "if self._hang_seconds is None or not self._gate.release_if_stale(self._hang_seconds):",
        "if True:",
        ("tests/timed/faults/test_hung_model.py",),
    ),
    "keys go to whatever has the focus": Break(
        "agp_tui/play/watchdog.py",
        "elif self._gate.focus_lost():",
        "elif False:",
        ("tests/timed/play/test_focus.py",),
    ),
    "a killed guard is noticed at the next change of keys": Break(
        "agp_tui/games/screen.py",
        "            self._guard.check()",
        "            pass",
        ("tests/screen/faults/test_kill.py",),
    ),
    "a gap is not told": Break(
        "agp_tui/recording/recorder.py",
        "if seconds > GAP_SECONDS:",
        "if False:",
        ("tests/unit/recording/test_recorder.py",),
    ),
    "a display that dies takes the recording with it": Break(
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
    "junk on its stdin deafens a job": Break(
        "agp_tui/protocol/untrusted_json.py",
        "except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:",
        "except msgspec.MsgspecError as error:",
        ("tests/process/faults/test_fuzz.py",),
    ),
    "code in a checkpoint runs": Break(
        "agp_tui/tensor_files.py",
        "weights_only=True)",
        "weights_only=False)",
        ("tests/unit/imitation/test_checkpoint.py", "tests/process/atari/test_checkpoint.py"),
    ),
    "a training begins anew after a kill": Break(
        "agp_tui/imitation/train.py",
        "resumed = load_checkpoint(folder / LAST) if (folder / LAST).is_file() else None",
        "resumed = None",
        ("tests/process/faults/test_killed_training.py",),
    ),
    "another process with its number is taken for the worker": Break(
        "agp_tui/engine/runs.py",
        'process_start(worker.pid) == worker.began != ""',
        'process_start(worker.pid) != ""',
        ("tests/process/engine/test_runs.py",),
    ),
    "a reader who stops reading stops the job": Break(
        "agp_tui/engine/sinks.py",
        "self._queue.put_nowait(event)",
        "self._queue.put(event)",
        ("tests/process/engine/test_job.py",),
    ),
    "the end of its owner is no stop": Break(
        "agp_tui/engine/job.py",
        "            # Also after an error: no further command can be received.\n            self.stop()",
        "            pass",
        ("tests/process/engine/test_job.py",),
    ),
    "everybody may read a recording": Break(
        "agp_tui/recording/store.py",
        "path.mkdir(mode=0o700)",
        "path.mkdir(mode=0o755)",
        ("tests/unit/recording/test_store.py",),
    ),
}


def main(names: list[str]) -> int:
    """Break, test, tell; the exit code."""
    wrong = sorted(set(names) - set(BREAKS))
    if wrong:
        print(f"Expected some of {', '.join(BREAKS)}; found {', '.join(wrong)}.", file=sys.stderr)
        return 2
    unnoticed = []
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        subprocess.run(["git", "clone", "--quiet", ROOT, copy], check=True)
        asked = names or list(BREAKS)
        if not passes(copy, tuple(sorted({test for title in asked for test in BREAKS[title].tests}))):
            print("Expected the tests to pass with nothing broken; found that they fail.", file=sys.stderr)
            return 1
        for title in asked:
            began = time.monotonic()
            noticed = is_noticed(copy, BREAKS[title])
            print(
                f"{'noticed  ' if noticed else 'UNNOTICED'} {time.monotonic() - began:5.1f} s  {title}",
                flush=True,
            )
            if not noticed:
                unnoticed.append(title)
    print(f"{len(asked) - len(unnoticed)} of {len(asked)} breaks were noticed.")
    return 1 if unnoticed else 0


def is_noticed(copy: Path, fault: Break) -> bool:
    """Whether one of its tests fails with it. Exits where its code is not there any more."""
    file = copy / fault.file
    sound = file.read_text()
    if sound.count(fault.code) != 1:
        sys.exit(f"Expected {fault.code!r} once in {fault.file}, found it {sound.count(fault.code)} times.")
    file.write_text(sound.replace(fault.code, fault.instead))
    try:
        return not passes(copy, fault.tests)
    finally:
        file.write_text(sound)


def passes(copy: Path, tests: tuple[str, ...]) -> bool:
    """Whether all of these tests pass there. Exits where they cannot be run."""
    done = subprocess.run(
        # Long tests too: some breaks show only there.
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
    # 1: a test failed. Anything else says nothing about the tests.
    if done.returncode not in (0, 1):
        sys.exit(f"pytest ended with {done.returncode}: {done.stdout.decode()[-2000:]}")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
