"""Where `agp demo` shows itself: in the app where there is a terminal, in lines where there is none."""

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
    """A real terminal of 100 by 30 cells with a command of ours in it."""

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

    def shows(self, *words: str, seconds: float = 40.0) -> None:
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

    def ended(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def stopped(runs: Path) -> Run:
    """The only run there, stopped now if it is not over yet."""
    (run,) = Run.all(runs)
    try:
        run.stop()
    except RunError:
        return run
    deadline = time.monotonic() + 30
    while run.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    return run


def test_in_a_terminal_the_app_opens_on_the_demo_and_leaving_it_does_not_end_the_demo(
    tmp_path: Path,
) -> None:
    terminal = Terminal(tmp_path, "demo", *FLAGS)
    try:
        terminal.shows("Runs", "an expert plays ALE/Pong-v5")
        terminal.type(b"\x11")
        assert terminal.ended() == 0
        (run,) = Run.all(tmp_path / "runs")
        assert run.alive() and run.request["settings"]["minutes"] == 0.4
        assert run.request["settings"]["fast"] is True
    except BaseException:
        os.kill(terminal.pid, signal.SIGKILL)
        raise
    finally:
        stopped(tmp_path / "runs")


def test_detached_it_names_its_run_at_once(tmp_path: Path) -> None:
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
    run = stopped(tmp_path / "runs")
    assert run.id in done.stdout


@pytest.mark.parametrize("settings", [{}, {"fast": True, "minutes": 0.5, "game": "ALE/Breakout-v5"}])
def test_its_settings_pass_as_flags(settings: dict[str, Any]) -> None:
    from cyclopts import App

    from agp_tui.cli.flags import DemoFlags

    app = App()
    heard: list[DemoSettings] = []

    def listen(*, settings: DemoFlags = DemoSettings()) -> None:
        heard.append(settings)

    app.default(listen)
    given = DemoSettings(**settings)
    app(list(as_flags(given)), result_action="return_value")
    assert heard == [given]
