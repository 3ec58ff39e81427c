"""The app in a real terminal (tmux): send keys, read the screen, kill the terminal."""

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
    """Skip without tmux (see `skip_or_fail`)."""
    if shutil.which("tmux") is None:
        skip_or_fail("needs tmux (apt install tmux)")


class Terminal:
    """A tmux server with one window that runs `agp`."""

    def __init__(self, folder: Path, size: tuple[int, int], *arguments: str) -> None:
        """Start `agp ARGUMENTS` in `folder` with `size` (columns, lines)."""
        self._name = f"agp-{uuid.uuid4().hex[:8]}"
        command = shlex.join([sys.executable, "-P", "-m", "agp_tui", *arguments])
        environment = {**module_environment(TERM="xterm-256color"), "XDG_CONFIG_HOME": str(folder / "none")}
        for name in ("TMUX", "DISPLAY", "SSH_CONNECTION", "NO_COLOR", "COLUMNS", "LINES"):
            environment.pop(name, None)
        self._environment = environment
        at = ("-x", str(size[0]), "-y", str(size[1]), "-c", str(folder))
        # Keep the last output of an ended app for failure messages.
        self._tmux("new-session", "-d", *at, command, ";", "set-option", "remain-on-exit", "on")
        self.pid = int(self._tmux("list-panes", "-F", "#{pane_pid}"))

    def keys(self, *keys: str) -> None:
        """Type keys, named as in `tmux send-keys`."""
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        """The text on the screen."""
        return self._tmux("capture-pane", "-p")

    def wait(self, pattern: str, seconds: float = 60.0) -> str:
        """Wait until the screen matches `pattern` and return it; fails with the screen text."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, screen := self.text()):
            if time.monotonic() > deadline:
                history = self._tmux("capture-pane", "-p", "-S", "-")
                pytest.fail(f"{pattern!r} did not appear in {seconds:.0f} s; the screen:\n{history}")
            time.sleep(0.1)
        return screen

    def alive(self) -> bool:
        """Whether the app still runs; a zombie does not count."""
        return process_start(self.pid) != ""

    def kill(self) -> None:
        """Kill the terminal like a lost connection: the app receives SIGHUP."""
        subprocess.run(self._command("kill-server"), check=False, capture_output=True)

    def _command(self, *arguments: str) -> list[str]:
        return ["tmux", "-L", self._name, "-f", "/dev/null", *arguments]

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments), capture_output=True, text=True, check=True, env=self._environment
        )
        return done.stdout
