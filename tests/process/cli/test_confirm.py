"""Deleting asks a person at a terminal first; whoever cannot be asked has to say --yes."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from support.recordings import write_recording

from agp_tui.engine.runs import Run
from agp_tui.engine.subprocesses import module_environment


def answered(home: Path, answer: bytes, *words: str) -> "tuple[int, str]":
    """Exit code and words of a command at whose question somebody types `answer`."""
    keyboard, terminal = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "agp_tui", *words], cwd=home, stdin=terminal, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=module_environment(XDG_CONFIG_HOME=str(home)), text=True,
        )  # fmt: skip
        os.write(keyboard, answer)
        said, _ = process.communicate(timeout=30)
        return process.returncode, said
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 130), (b"no\n", 130), (b"\x04", 130)])
def test_only_a_yes_deletes(tmp_path: Path, answer: bytes, code: int) -> None:
    path = write_recording(tmp_path / "recordings", 2)
    run = Run.create(tmp_path / "runs", "train", {})
    for thing, words in ((path, ("recordings", path.name)), (run.path, ("runs", run.id))):
        found, said = answered(tmp_path, answer, words[0], "delete", words[1])
        assert (found, "Traceback" in said) == (code, False), said
        assert f"Delete {thing}?" in said
        assert thing.exists() == (code != 0)
    assert [one.name for one in (tmp_path / "runs").iterdir()] == ([] if code == 0 else [run.id])


def test_a_program_at_a_terminal_is_not_asked(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "recordings", 2)
    code, said = answered(tmp_path, b"y\n", "recordings", "delete", path.name, "--json")
    assert code == 2 and "Add --yes" in said
    assert path.exists()
