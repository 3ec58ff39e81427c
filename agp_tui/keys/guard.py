"""Holding keys through the guard process, which releases them whatever happens to this process."""

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

    The keys are released when this object is closed and when its process ends for any reason. If the guard
    process is killed, this process releases them at the next call of any method.
    """

    def __init__(self, display: str | None, keys: tuple[str, ...]) -> None:
        """Start the guard process. Raises `DisplayError` if it cannot open a virtual keyboard."""
        self._display = display
        self._keys = keys
        self._allowed = frozenset(keys)
        self._held = NO_KEYS
        self._lock = threading.Lock()
        self._closed = False
        self._process = self._start()
        error = self._answer(START_SECONDS)
        if error is not None:
            self._process.kill()
            self._process.wait()
            raise DisplayError(error or "The key guard did not answer after its start.")

    @property
    def held(self) -> Keys:
        """The keys held now."""
        return self._held

    @property
    def pid(self) -> int:
        """The process id of the guard."""
        return self._process.pid

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys; returns when the system has processed them.

        Raises `SettingError` for a key that the guard was not started with, and `JobFailed`, with all
        keys released, if the guard or its keyboard is gone.
        """
        if not keys <= self._allowed:
            extra = ", ".join(sorted(keys - self._allowed))
            raise SettingError(
                f"Expected only the keys {', '.join(self._keys)} to be pressed, found {extra}."
            )
        with self._lock:
            if self._closed:
                raise JobFailed("The key guard is closed.", "Start this again.")
            if self._process.poll() is not None:
                self._fail("")
            if keys == self._held:
                return
            # Before the request: on failure, any of these keys may be down.
            before, self._held = self._held, self._held | keys
            error = self._request(keys)
            if error is not None:
                self._held = before | keys
                self._fail(error)
            self._held = keys

    def check(self) -> None:
        """Raises `JobFailed`, with all keys released, if the guard is gone."""
        with self._lock:
            if not self._closed and self._process.poll() is not None:
                self._fail("")

    def close(self) -> None:
        """Release all keys and end the guard. May be called twice."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._end()

    def _request(self, keys: Keys) -> str | None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(" ".join(sorted(keys)).encode() + b"\n")
        except OSError:
            return ""
        return self._answer(ANSWER_SECONDS)

    def _answer(self, seconds: float) -> str | None:
        """None after `ok`, else the guard's error message, empty if there is none."""
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
        word, _, message = line.decode().strip().partition(" ")
        return None if word == "ok" else message

    def _fail(self, message: str) -> None:
        self._closed = True
        self._end()
        raise JobFailed(
            message or "The key guard process has ended unexpectedly.",
            "All keys it held were released. Start this again.",
        )

    def _end(self) -> None:
        """End the guard; if it did not end cleanly, release the keys from here."""
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
            # In a new session: Ctrl-C in the terminal must reach the player only.
            return subprocess.Popen(
                [*command, *self._keys],
                env=module_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise AgpError(f"The key guard could not be started: {error}.") from error
