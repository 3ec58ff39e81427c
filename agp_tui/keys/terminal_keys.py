"""Key events of a terminal as held keys: a key listener for games played in the terminal.

A terminal with the Kitty keyboard protocol reports releases. Other terminals repeat a key while it is down
and never report its release, so the held keys are inferred in the mode that the user chooses.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from agp_tui.config import TerminalSettings
from agp_tui.config.types import HoldMode, KeyAction
from agp_tui.engine.job import Job
from agp_tui.keys.state import NO_KEYS, KeyEdge, Keys, apply_edges
from agp_tui.protocol.commands import KeyInput, ReleaseAllKeys, SetHoldMode

DIRECTIONS = frozenset({"up", "left", "right", "down"})
RELEASE_ALL_KEY = "enter"
"""Releases all keys in the `latched` mode."""

STUCK_SECONDS = 1.0
"""Silence after which the newest key, if it repeated before, counts as released."""
MAX_DOUBLE_PRESSES = 3
"""Presses of keys that are down, without any release, after which the terminal reports no releases."""


@dataclass(frozen=True, slots=True)
class _Down:
    """A key that is down: its release timeout (ns), and whether it repeated."""

    until_ns: int | None
    repeated: bool = False


class TerminalKeyListener:
    """A `KeyListener` of terminal key events, which arrive on one thread; edges are read on another.

    Modes:
    - `releases`: a key is held from its press to its release. A second press implies a missed release, as
      does a repeating key that falls silent. If only double presses and no releases arrive, the listener
      switches to `timeout`.
    - `timeout`: a key is held for `hold_seconds` after each press or repeat.
    - `latched`: the last direction is held until another one or enter; other keys as in `timeout`.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        hold_mode: HoldMode,
        hold_seconds: float,
        warn: Callable[[str], None],
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`keys` are reported; other keys only show that the user still types. `warn` receives warnings."""
        self._keys = frozenset(keys)
        self._hold_ns = round(hold_seconds * 1e9)
        self._warn = warn
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._hold_mode = hold_mode
        self._down: dict[str, _Down] = {}
        self._newest = ""
        """The key pressed last: the only one that a keyboard repeats."""
        self._newest_ns = 0
        self._edges: list[KeyEdge] = []
        self._available = threading.Event()
        self._held: Keys = NO_KEYS
        self._last_ns = 0
        self._doubles = 0
        self._released = False

    @property
    def hold_mode(self) -> HoldMode:
        """The mode in use."""
        return self._hold_mode

    def set_hold_mode(self, hold_mode: HoldMode, time_ns: int) -> None:
        """Release all keys and change the mode."""
        with self._lock:
            self._release_all(time_ns)
            self._hold_mode = hold_mode
            self._doubles, self._released = 0, False

    def on_key(self, key: str, action: KeyAction, time_ns: int) -> None:
        """Handle a key event; `time_ns` is on the monotonic clock."""
        with self._lock:
            self._expire(time_ns)
            if action == "release":
                self._released = True
                self._release(key, time_ns)
            elif self._hold_mode == "latched" and key == RELEASE_ALL_KEY and key not in self._keys:
                self._release_all(time_ns)
            else:
                self._press(key, action == "repeat", time_ns)

    def release_all(self, time_ns: int) -> None:
        """Release all keys: the terminal lost the focus."""
        with self._lock:
            self._release_all(time_ns)

    def held(self) -> Keys:
        """The keys held after the edges read so far."""
        with self._lock:
            return self._held

    def edges(self) -> list[KeyEdge]:
        """The edges since the last call, in order of time."""
        with self._lock:
            self._expire(self._now_ns())
            edges, self._edges = self._edges, []
            self._available.clear()
            self._held = apply_edges(self._held, edges)
            return edges

    def wait(self, seconds: float) -> None:
        """Wait for an edge, for at most `seconds`."""
        self._available.wait(seconds)

    def close(self) -> None:
        """Ignore all further events."""
        with self._lock:
            self._keys = frozenset()

    def _press(self, key: str, repeat: bool, time_ns: int) -> None:
        self._newest, self._newest_ns = key, time_ns
        if key not in self._keys:
            return
        if self._hold_mode == "latched" and key in DIRECTIONS:
            for other in sorted(self._down.keys() & DIRECTIONS - {key}):
                self._release(other, time_ns)
        elif self._hold_mode == "releases" and not repeat and key in self._down:
            self._double_press(key, time_ns)
        if key not in self._down:
            self._edge(key, True, time_ns)
        self._down[key] = _Down(self._release_time(key, time_ns), repeat)

    def _release_time(self, key: str, time_ns: int) -> int | None:
        latched = self._hold_mode == "latched" and key in DIRECTIONS
        return None if latched or self._hold_mode == "releases" else time_ns + self._hold_ns

    def _double_press(self, key: str, time_ns: int) -> None:
        """Pressed while down: its release was lost, or the terminal reports none."""
        self._release(key, time_ns)
        self._doubles += 1
        if self._doubles < MAX_DOUBLE_PRESSES or self._released:
            return
        self._release_all(time_ns)
        self._hold_mode = "timeout"
        self._warn(
            "This terminal claims to report key releases but does not: keys are now held for "
            f"{self._hold_ns / 1e9:g} s after each press."
        )

    def _expire(self, now_ns: int) -> None:
        timed = [(down.until_ns, key) for key, down in self._down.items() if down.until_ns is not None]
        for until_ns, key in sorted(timed):
            if until_ns <= now_ns:
                self._release(key, until_ns)
        newest = self._down.get(self._newest)
        silent = now_ns - self._newest_ns >= STUCK_SECONDS * 1e9
        if self._hold_mode == "releases" and newest is not None and newest.repeated and silent:
            self._release(self._newest, now_ns)
            self._warn(
                f"The {self._newest} key was stuck and has been released: the terminal reported no release."
            )

    def _release_all(self, time_ns: int) -> None:
        for key in sorted(self._down):
            self._release(key, time_ns)

    def _release(self, key: str, time_ns: int) -> None:
        if self._down.pop(key, None) is not None:
            self._edge(key, False, time_ns)

    def _edge(self, key: str, down: bool, time_ns: int) -> None:
        self._last_ns = max(self._last_ns, time_ns)
        self._edges.append(KeyEdge(self._last_ns, key, down, "human"))
        self._available.set()


def terminal_key_listener(job: Job, keys: tuple[str, ...], settings: TerminalSettings) -> TerminalKeyListener:
    """Listens for `keys` in the job's commands `KeyInput`, `ReleaseAllKeys` and `SetHoldMode`."""
    mode: HoldMode = "releases" if settings.holding == "auto" else settings.holding
    listener = TerminalKeyListener(
        keys, mode, settings.hold_seconds, lambda text: job.note(text, level="warning")
    )

    def on_key(command: KeyInput) -> None:
        listener.on_key(command.key, command.stroke, _event_time(command.time_ns))

    def on_release_all(command: ReleaseAllKeys) -> None:
        listener.release_all(_event_time(command.time_ns))

    def on_hold_mode(command: SetHoldMode) -> None:
        listener.set_hold_mode(command.way, time.monotonic_ns())

    job.on_command(KeyInput, on_key)
    job.on_command(ReleaseAllKeys, on_release_all)
    job.on_command(SetHoldMode, on_hold_mode)
    return listener


def _event_time(time_ns: int | None) -> int:
    """The time of a key event, clamped to the present."""
    now_ns = time.monotonic_ns()
    return now_ns if time_ns is None else min(time_ns, now_ns)
