"""Holding keys through a guard process, which lets go of them whatever happens to this one."""

import contextlib
import os
import select
import subprocess
import threading
import time

from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import AgpError, DisplayError, JobFailed, SettingError
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.keys.virtual_keyboard import open_virtual_keyboard

START_SECONDS = 20.0
ANSWER_SECONDS = 2.0
END_SECONDS = 2.0


class KeyGuard:
    """Holds keys on the keyboard of `display`, and only those in `keys`.

    The keys are released when this object is closed, when its process ends for any reason, and when
    the guard process itself is killed, at the next call of anything here: by this process then.
    """

    def __init__(self, display: str | None, keys: tuple[str, ...]) -> None:
        """Start the guard process. Raises `DisplayError` where its keyboard cannot be had."""
        self._display = display
        self._keys = keys
        self._allowed = frozenset(keys)
        self._held = NO_KEYS
        self._lock = threading.Lock()
        self._closed = False
        self._process = self._start()
        problem = self._answer(START_SECONDS)
        if problem is not None:
            self._process.kill()
            self._process.wait()
            raise DisplayError(problem or "Expected the key guard to start, found no answer from it.")

    @property
    def held(self) -> Keys:
        """The keys held now."""
        return self._held

    @property
    def pid(self) -> int:
        """The guard process."""
        return self._process.pid

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys from now on; comes back when the system has taken them.

        Raises `SettingError` for a key that the guard was not started for, and `JobFailed`, with
        every key released, if the guard or its keyboard is gone.
        """
        if not keys <= self._allowed:
            extra = ", ".join(sorted(keys - self._allowed))
            raise SettingError(
                f"Expected only the keys {', '.join(self._keys)} to be pressed, found {extra}."
            )
        with self._lock:
            if self._closed:
                raise JobFailed("Expected the key guard to be there, found it closed.", "Start this again.")
            if self._process.poll() is not None:
                self._lose("")
            if keys == self._held:
                return
            # Before the guard hears of it: whatever it may have pressed is to be released.
            before, self._held = self._held, self._held | keys
            problem = self._ask(keys)
            if problem is not None:
                self._held = before | keys
                self._lose(problem)
            self._held = keys

    def check(self) -> None:
        """Raises `JobFailed`, with every key released, where the guard is gone."""
        with self._lock:
            if not self._closed and self._process.poll() is not None:
                self._lose("")

    def close(self) -> None:
        """Release every key and end the guard. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end()

    def _ask(self, keys: Keys) -> str | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(" ".join(sorted(keys)).encode() + b"\n")
        except OSError:
            return ""
        return self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> str | None:
        """None once the guard answered well, else its sentence, empty where it has none."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline = time.monotonic() + seconds
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 4096) if ready else b""
            if not chunk:
                return ""
            line += chunk
        word, _, sentence = line.decode().strip().partition(" ")
        return None if word == "ok" else sentence

    def _lose(self, sentence: str) -> None:
        self._closed = True
        self._end()
        raise JobFailed(
            sentence or "Expected the key guard to be there until the end, found it gone.",
            "Every key it held was released. Start this again.",
        )

    def _end(self) -> None:
        """Let the guard end by itself; where it does not or did not, release the keys from here."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
            clean = self._process.wait(END_SECONDS) in (0, 1)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
            clean = False
        self._process.stdout.close()
        if not clean and self._held:
            # A keyboard that is gone holds nothing any more.
            with contextlib.suppress(Exception):
                self._release()
        self._held = NO_KEYS

    def _release(self) -> None:
        keyboard = open_virtual_keyboard(self._display, self._keys)
        for key in sorted(self._held):
            keyboard.release(key)
        keyboard.flush()

    def _start(self) -> "subprocess.Popen[bytes]":
        command = module_command("agp_tui.keys.guard_process", "--owner", str(os.getpid()))
        if self._display:
            command += ["--display", self._display]
        try:
            # A session of its own: Ctrl-C in the terminal is for the player, not for the guard.
            return subprocess.Popen(
                [*command, *self._keys],
                env=module_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as problem:
            raise AgpError(f"Expected to start the key guard, found: {problem}.") from problem
