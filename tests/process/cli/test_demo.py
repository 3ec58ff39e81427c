"""Tests of `agp demo`: opens the app in a terminal, prints lines elsewhere, passes its settings."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pyte
import pytest

from agp_tui.cli.demo import as_flags
from agp_tui.config import DemoSettings
from agp_tui.engine.runs import Run, RunError
from agp_tui.engine.subprocesses import module_environment

FLAGS = ("--minutes", "0.4", "--games", "1", "--demonstration", "0.1", "--fast", "--live-seconds", "1")


class Terminal:
    """A real terminal of 100x30 cells that runs an `agp` command."""

    def __init__(self, home: Path, *words: str) -> None:
        self.screen = pyte.Screen(100, 30)
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(home)
            environment = module_environment(XDG_CONFIG_HOME=str(home), TERM="xterm-256color")
            os.execve(sys.executable, [sys.executable, "-P", "-m", "agp_tui", *words], environment)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                return
            with self._lock:
                self._stream.feed(data)

    def wait_for_text(self, *words: str, seconds: float = 40.0) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                text = "\n".join(self.screen.display)
            if all(word in text for word in words):
                return
            time.sleep(0.1)
        pytest.fail(f"Expected {words} on the terminal, found:\n{text}")

    def type(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def wait_for_exit(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def stop_run(runs: Path) -> Run:
    """Stop the only run in `runs` if it is still running, and return it."""
    (run,) = Run.all(runs)
    try:
        run.stop()
    except RunError:
        return run
    deadline = time.monotonic() + 30
    while run.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    return run


def test_demo_in_a_terminal_opens_the_app_and_continues_after_quit(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path, "demo", *FLAGS)
    try:
        terminal.wait_for_text("Runs", "an expert plays ALE/Pong-v5")
        terminal.type(b"\x11")
        assert terminal.wait_for_exit() == 0
        (run,) = Run.all(tmp_path / "runs")
        assert run.alive() and run.request["settings"]["minutes"] == 0.4
        assert run.request["settings"]["fast"] is True
    except BaseException:
        os.kill(terminal.pid, signal.SIGKILL)
        raise
    finally:
        stop_run(tmp_path / "runs")


def test_detached_demo_prints_its_run_id(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agp_tui", "demo", *FLAGS, "--detach"],
        cwd=tmp_path,
        env=module_environment(XDG_CONFIG_HOME=str(tmp_path)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    run = stop_run(tmp_path / "runs")
    assert run.id in done.stdout


@pytest.mark.parametrize("settings", [{}, {"fast": True, "minutes": 0.5, "game": "ALE/Breakout-v5"}])
def test_demo_settings_round_trip_as_flags(settings: dict[str, Any]) -> None:
    from cyclopts import App

    from agp_tui.cli.flags import DemoFlags

    app = App()
    parsed: list[DemoSettings] = []

    def parse(*, settings: DemoFlags = DemoSettings()) -> None:
        parsed.append(settings)

    app.default(parse)
    given = DemoSettings(**settings)
    app(list(as_flags(given)), result_action="return_value")
    assert parsed == [given]
