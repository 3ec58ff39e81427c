"""Tests of delete: confirmation in a terminal, `--yes` elsewhere."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.recordings import write_recording

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment


def run_with_answer(home: Path, answer: bytes, *words: str) -> "tuple[int, str]":
    """Exit code and output of a command after `answer` is typed at its prompt."""
    keyboard, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "agp_tui", *words], cwd=home, stdin=terminal, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=module_environment(XDG_CONFIG_HOME=str(home)), text=True,
        )  # fmt: skip
        os.write(keyboard, answer)
        output, _ = process.communicate(timeout=30)
        return process.returncode, output
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 130), (b"no\n", 130), (b"\x04", 130)])
def test_delete_requires_the_answer_yes(tmp_path: Path, answer: bytes, code: int) -> None:
    path = write_recording(tmp_path / "recordings", 2)
    run = Run.create(tmp_path / "runs", "train", {})
    for folder, words in ((path, ("recordings", path.name)), (run.path, ("runs", run.id))):
        exit_code, output = run_with_answer(tmp_path, answer, words[0], "delete", words[1])
        assert (exit_code, "Traceback" in output) == (code, False), output
        assert f"Delete {folder}?" in output
        assert folder.exists() == (code != 0)
    assert [one.name for one in (tmp_path / "runs").iterdir()] == ([] if code == 0 else [run.id])


def test_delete_with_json_output_requires_yes_flag(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recordings", 2)
    code, output = run_with_answer(tmp_path, b"y\n", "recordings", "delete", path.name, "--json")
    assert code == 2 and "Add --yes" in output
    assert path.exists()
