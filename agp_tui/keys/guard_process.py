"""The key guard: a process of its own that holds keys for a player and outlives it just to let go.

    python -m agp_tui.keys.guard_process [--display D] [--owner PID] KEY...

It reads lines on stdin, each the keys to hold from now on, and answers each on stdout: `ok`, or
`error` and a sentence. It presses no key but those it was started with. When stdin ends, its owner
is gone or it is told to end, it releases everything and ends. While its owner is stopped (Ctrl-Z),
nothing is held.
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
"""How often a guard that holds keys looks whether its owner was stopped."""


class HeldKeys:
    """What a guard holds. Whatever happens while it changes, `held` covers every key that is down."""

    def __init__(self, keyboard: VirtualKeyboard) -> None:
        self._keyboard = keyboard
        self.held: set[str] = set()

    def hold(self, keys: Keys) -> None:
        """Hold exactly these: releases first, then presses."""
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
    """Hold keys until the owner is gone. Exit code 0, or 1 after an error was answered."""
    parser = argparse.ArgumentParser(prog="python -m agp_tui.keys.guard_process")
    parser.add_argument("--display")
    parser.add_argument("--owner", type=int, default=0)
    parser.add_argument("keys", nargs="+")
    asked = parser.parse_args()
    told_to_end = _catch_signals()
    hands = None
    try:
        keyboard = open_virtual_keyboard(asked.display, tuple(asked.keys))
        hands = HeldKeys(keyboard)
        _answer("ok")
        _serve(hands, frozenset(asked.keys), asked.owner, told_to_end)
    except Exception as problem:
        sentence = str(problem) if isinstance(problem, AgpError) else f"Keys cannot be pressed: {problem!r}"
        _answer(f"error {sentence}")
        return 1
    finally:
        if hands is not None:
            with contextlib.suppress(Exception):
                hands.hold(NO_KEYS)
    return 0


def _catch_signals() -> int:
    """A descriptor that can be read once this process was told to end.

    An exception out of a signal handler could leave the connection to the keyboard half-way.
    """
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    return read_end


def _serve(hands: HeldKeys, allowed: Keys, owner: int, told_to_end: int) -> None:
    """Obey the lines on stdin until it ends, the owner is gone or this process is told to end."""
    descriptor = sys.stdin.fileno()
    watched = [descriptor, told_to_end, *_gone_signal(owner)]
    wanted = NO_KEYS
    buffered = b""
    while True:
        ready, _, _ = select.select(watched, [], [], WATCH_SECONDS if wanted else None)
        if not ready:
            hands.hold(NO_KEYS if _stopped(owner) else wanted)
            continue
        chunk = os.read(descriptor, 4096) if ready == [descriptor] else b""
        if not chunk:
            return
        *lines, buffered = (buffered + chunk).split(b"\n")
        for line in lines:
            wanted = frozenset(line.decode().split())
            if not wanted <= allowed:
                raise AgpError(f"Expected only {' '.join(sorted(allowed))} to hold, found {line.decode()!r}.")
            hands.hold(wanted)
            _answer("ok")


def _gone_signal(owner: int) -> list[int]:
    """A descriptor that can be read once the owner has ended.

    The pipe alone does not tell: a process that the owner forked keeps it open.
    """
    if not owner or not hasattr(os, "pidfd_open"):
        return []
    try:
        return [os.pidfd_open(owner)]
    except ProcessLookupError:
        raise AgpError("Expected the player that keys are held for, found it gone.") from None
    except OSError:
        return []


def _stopped(owner: int) -> bool:
    try:
        return Path(f"/proc/{owner}/stat").read_text().rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def _answer(text: str) -> None:
    """One line to the owner; nobody may be there any more."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), f"{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
