"""What the tests through the command line share: terminals to be in."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.day_in_terminal import SETTINGS
from support.terminal import Terminal, need_tmux

from agp_tui.engine.runs import Run


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens terminals in a folder with settings; all are gone afterwards, and so are the runs."""
    need_tmux()
    (tmp_path / "config.toml").write_text(SETTINGS)
    opened: list[Terminal] = []

    def start(size: tuple[int, int], *words: str) -> Terminal:
        opened.append(Terminal(tmp_path, size, *words))
        return opened[-1]

    yield start
    for one in opened:
        one.kill()
    for run in Run.all(tmp_path / "runs"):
        if run.alive():
            run.stop()
