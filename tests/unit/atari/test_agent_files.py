"""Tests of finding an agent by file, name or run."""

from pathlib import Path

import pytest

from agp_tui.atari.agent_files import SUFFIX, find_agent
from agp_tui.errors import ModelError

RUNS = ("20261126-081201-atari-f88a", "20261126-091500-atari-0c2d", "20261126-091500-train-77aa")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"champion{SUFFIX}").write_bytes(b"named")
    for run in RUNS:
        folder = tmp_path / "runs" / run / "checkpoints"
        folder.mkdir(parents=True)
        (folder / "last.pt").write_bytes(b"last")
    (tmp_path / "runs" / RUNS[0] / "checkpoints" / "best.pt").write_bytes(b"best")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("champion", b"named"),
        (RUNS[0], b"best"),
        (RUNS[1], b"last"),
        ("f88a", b"best"),
        ("20261126-09", b"last"),
    ],
)
def test_find_by_name_run_or_suffix(home: Path, text: str, content: bytes) -> None:
    assert find_agent(text, home / "models", home / "runs").read_bytes() == content


@pytest.mark.parametrize("text", ["2026", "", "77aa", "nobody"])
def test_ambiguous_or_unknown_name_lists_the_candidates(home: Path, text: str) -> None:
    with pytest.raises(ModelError, match="0c2d"):
        find_agent(text, home / "models", home / "runs")
