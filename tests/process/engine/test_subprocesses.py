"""Tests of module subprocesses: independent of the working directory, extra environment variables."""

import subprocess
from pathlib import Path

import pytest

from agp_tui.engine.subprocesses import module_command, module_environment


def test_module_command_ignores_files_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        module_command("agp_tui.games.display_probe", ":987"),
        env=module_environment(AGP_TEST="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "no X server listens there" in done.stdout


def test_module_environment_adds_variables() -> None:
    assert module_environment(XAUTHORITY="/key")["XAUTHORITY"] == "/key"
