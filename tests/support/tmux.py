"""A person at a real terminal: keys go in, the screen is read, the terminal may be taken away."""

import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from agp_tui.engine.runs import process_start
from agp_tui.engine.subprocesses import module_environment
from support.requirements import skip_or_fail


def need_tmux() -> None:
    """Skip without tmux; fail where CI says that nothing may be skipped."""
    if shutil.which("tmux") is None:
        skip_or_fail("needs tmux (apt install tmux)")


class Terminal:
    """A tmux server of its own with one window in which `agp` runs."""

    def __init__(self, folder: Path, size: tuple[int, int], *words: str) -> None:
        """Start `agp WORDS` in `folder`, on `size` (columns, lines)."""
        self._name = f"agp-{uuid.uuid4().hex[:8]}"
        command = shlex.join([sys.executable, "-P", "-m", "agp_tui", *words])
        environment = {**module_environment(TERM="xterm-256color"), "XDG_CONFIG_HOME": str(folder / "none")}
        for name in ("TMUX", "DISPLAY", "SSH_CONNECTION", "NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self._environment = environment
        at = ("-x", str(size[0]), "-y", str(size[1]), "-c", str(folder))
        # What an app that ended had to say stays on the screen, for the test that fails by it.
        self._tmux("new-session", "-d", *at, command, ";", "set-option", "remain-on-exit", "on")
        self.pid = int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def keys(self, *keys: str) -> None:
        """Type these, as `tmux send-keys` names them."""
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        """What is on the screen."""
        return self._tmux("capture-pane", "-p")

    def wait(self, pattern: str, seconds: float = 60.0) -> str:
        """The screen once it shows `pattern`. Fails with the screen where it does not."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, screen := self.text()):
            if time.monotonic() > deadline:
                told = self._tmux("capture-pane", "-p", "-S", "-")
                pytest.fail(f"{pattern!r} did not come in {seconds:.0f} s; the screen:\n{told}")
            time.sleep(0.1)
        return screen

    def alive(self) -> bool:
        """Whether the app still runs: tmux may leave it unburied for a while."""
        return process_start(self.pid) != ""

    def kill(self) -> None:
        """Take the terminal away, as a lost connection does: the app hears SIGHUP."""
        subprocess.run(self._command("kill-server"), check=False, capture_output=True)

    def _command(self, *words: str) -> list[str]:
        return ["tmux", "-L", self._name, "-f", "/dev/null", *words]

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            self._command(*words), capture_output=True, text=True, check=True, env=self._environment
        )
        return done.stdout
