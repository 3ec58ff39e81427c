"""The key guard process: holds keys for a player and releases them when the player ends, however it ends.

    python -m agp_tui.keys.guard_process [--display D] [--owner PID] KEY...

Each line on stdin names the keys to hold from then on; the answer on stdout is `ok`, or `error` and a
message. Only the keys of the command line can be pressed. At the end of stdin, the death of the owner, or a
signal, it releases all keys and exits. While the owner is stopped (Ctrl-Z), no key is held.
"""

import argparse
import contextlib
import os
import select
import signal
import sys
from pathlib import Path

from agp_tui.errors import AgpError
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.keys.virtual_keyboard import VirtualKeyboard, open_virtual_keyboard

WATCH_SECONDS = 0.1
"""Interval at which a guard that holds keys checks whether its owner is stopped."""


class HeldKeys:
    """The keys that a guard holds. `held` includes every key that is down, even after an error mid-change."""

    def __init__(self, keyboard: VirtualKeyboard) -> None:
        self._keyboard = keyboard
        self.held: set[str] = set()

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys: releases first, then presses."""
        if keys == self.held:
            return
        for key in sorted(self.held - keys):
            self._keyboard.release(key)
            self.held.discard(key)
        for key in sorted(keys - self.held):
            self.held.add(key)
            self._keyboard.press(key)
        self._keyboard.flush()


def main() -> int:
    """Hold keys until the owner has ended. Returns the exit code: 0, or 1 after an error."""
    parser = argparse.ArgumentParser(prog="python -m agp_tui.keys.guard_process")
    parser.add_argument("--display")
    parser.add_argument("--owner", type=int, default=0)
    parser.add_argument("keys", nargs="+")
    arguments = parser.parse_args()
    signals = _catch_signals()
    held_keys = None
    try:
        keyboard = open_virtual_keyboard(arguments.display, tuple(arguments.keys))
        held_keys = HeldKeys(keyboard)
        _answer("ok")
        _serve(held_keys, frozenset(arguments.keys), arguments.owner, signals)
    except Exception as error:
        message = str(error) if isinstance(error, AgpError) else f"Keys cannot be pressed: {error!r}"
        _answer(f"error {message}")
        return 1
    finally:
        if held_keys is not None:
            with contextlib.suppress(Exception):
                held_keys.hold(NO_KEYS)
    return 0


def _catch_signals() -> int:
    """A descriptor that becomes readable on SIGINT, SIGTERM or SIGHUP.

    An exception from a signal handler could interrupt the keyboard connection mid-request.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return read_end


def _serve(held_keys: HeldKeys, allowed: Keys, owner: int, signals: int) -> None:
    """Follow the lines on stdin until it ends, the owner has ended, or a signal arrives."""
    descriptor = sys.stdin.fileno()
    watched = [descriptor, signals, *_exit_descriptor(owner)]
    wanted = NO_KEYS
    buffered = b""
    while True:
        ready, _, _ = select.select(watched, [], [], WATCH_SECONDS if wanted else None)
        if not ready:
            held_keys.hold(NO_KEYS if _stopped(owner) else wanted)
            continue
        chunk = os.read(descriptor, 4096) if ready == [descriptor] else b""
        if not chunk:
            return
        *lines, buffered = (buffered + chunk).split(b"\n")
        for line in lines:
            wanted = frozenset(line.decode().split())
            if not wanted <= allowed:
                raise AgpError(f"Expected only {' '.join(sorted(allowed))} to hold, found {line.decode()!r}.")
            held_keys.hold(wanted)
            _answer("ok")


def _exit_descriptor(owner: int) -> list[int]:
    """A descriptor that becomes readable when the owner ends.

    The pipe alone is not enough: a process forked by the owner keeps it open.
    """
    if not owner or not hasattr(os, "pidfd_open"):
        return []
    try:
        return [os.pidfd_open(owner)]
    except ProcessLookupError:
        raise AgpError("The process that started the key guard has ended.") from None
    except OSError:
        return []


def _stopped(owner: int) -> bool:
    try:
        return Path(f"/proc/{owner}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def _answer(text: str) -> None:
    """Send one line to the owner, which may have ended."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
