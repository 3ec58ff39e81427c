"""Keys that a person types at a terminal, heard as keys that are held.

A terminal with the Kitty keyboard protocol tells when a key goes up; then a key is held as on a keyboard.
Elsewhere a terminal sends a key once, and after a while again and again, and never says that it was let
go: what is held then is a guess, made in a way that the person chooses.
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
"""Lets go of everything where the last direction is held on."""

STUCK_SECONDS = 1.0
"""A key that repeated and was the last one pressed was let go of unnoticed, if it is silent for so long."""
MAX_DOUBLE_PRESSES = 3
"""So many presses of keys that are down already, and never a release: this terminal tells of none."""


@dataclass(frozen=True, slots=True)
class _Down:
    """A key that is down: until when it is held without another stroke of it (ns), and if it repeated."""

    until_ns: int | None
    repeated: bool = False


class TerminalKeyListener:
    """A keyboard's listener for strokes at a terminal. Strokes come on one thread, edges go out on another.

    - `releases`: a key is held from its press to its release. One that is pressed twice in a row was let go
      of in between, one that stops repeating was let go of too; where no release ever comes although keys
      are pressed twice in a row, the terminal tells of none, and `timeout` is taken instead.
    - `timeout`: a key is held for `hold_seconds` after each of its strokes, so repeats keep it down.
    - `latched`: the last direction is held until another one is pressed, or enter; other keys as above.
    """

    def __init__(
        self,
        keys: tuple[str, ...],
        holding: HoldMode,
        hold_seconds: float,
        tell: Callable[[str], None],
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`keys` are those to hear; strokes of others only tell that a person still types.

        `tell` is told what went wrong with the keys, and how it was mended.
        """
        self._keys = frozenset(keys)
        self._hold_ns = round(hold_seconds * 1e9)
        self._tell = tell
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._holding = holding
        self._down: dict[str, _Down] = {}
        self._newest = ""
        """The key that was pressed last: the one that a keyboard repeats."""
        self._newest_ns = 0
        self._edges: list[KeyEdge] = []
        self._waiting = threading.Event()
        """Whether there are edges."""
        self._handed_out: Keys = NO_KEYS
        self._last_ns = 0
        self._doubles = 0
        self._released = False

    @property
    def holding(self) -> HoldMode:
        """How strokes become held keys now."""
        return self._holding

    def choose(self, holding: HoldMode, time_ns: int) -> None:
        """Hold in another way from now on; everything is let go of first."""
        with self._lock:
            self._let_go(time_ns)
            self._holding = holding
            self._doubles, self._released = 0, False

    def hear(self, key: str, stroke: KeyAction, time_ns: int) -> None:
        """A key was typed at this time (monotonic clock)."""
        with self._lock:
            self._expire(time_ns)
            if stroke == "release":
                self._released = True
                self._up(key, time_ns)
            elif self._holding == "latched" and key == RELEASE_ALL_KEY and key not in self._keys:
                self._let_go(time_ns)
            else:
                self._pressed(key, stroke == "repeat", time_ns)

    def let_go(self, time_ns: int) -> None:
        """Every key is up: the terminal lost the focus, or the person left."""
        with self._lock:
            self._let_go(time_ns)

    def held(self) -> Keys:
        """The keys down as far as `edges` told."""
        with self._lock:
            return self._handed_out

    def edges(self) -> list[KeyEdge]:
        """The edges since the last call, in order of time."""
        with self._lock:
            self._expire(self._now_ns())
            edges, self._edges = self._edges, []
            self._waiting.clear()
            self._handed_out = apply_edges(self._handed_out, edges)
            return edges

    def wait(self, seconds: float) -> None:
        """Sleep until a key was typed, or so long."""
        self._waiting.wait(seconds)

    def close(self) -> None:
        """Hear nothing more."""
        with self._lock:
            self._keys = frozenset()

    def _pressed(self, key: str, repeat: bool, time_ns: int) -> None:
        self._newest, self._newest_ns = key, time_ns
        if key not in self._keys:
            return
        if self._holding == "latched" and key in DIRECTIONS:
            for other in sorted(self._down.keys() & DIRECTIONS - {key}):
                self._up(other, time_ns)
        elif self._holding == "releases" and not repeat and key in self._down:
            self._twice(key, time_ns)
        if key not in self._down:
            self._edge(key, True, time_ns)
        self._down[key] = _Down(self._until(key, time_ns), repeat)

    def _until(self, key: str, time_ns: int) -> int | None:
        latched = self._holding == "latched" and key in DIRECTIONS
        return None if latched or self._holding == "releases" else time_ns + self._hold_ns

    def _twice(self, key: str, time_ns: int) -> None:
        """Pressed while it was down: its release went missing, or this terminal has none."""
        self._up(key, time_ns)
        self._doubles += 1
        if self._doubles < MAX_DOUBLE_PRESSES or self._released:
            return
        self._let_go(time_ns)
        self._holding = "timeout"
        self._tell(
            "This terminal does not tell when a key is let go of, although it says so: keys are now held "
            f"for {self._hold_ns / 1e9:g} s after each stroke."
        )

    def _expire(self, now_ns: int) -> None:
        over = [(down.until_ns, key) for key, down in self._down.items() if down.until_ns is not None]
        for until_ns, key in sorted(over):
            if until_ns <= now_ns:
                self._up(key, until_ns)
        newest = self._down.get(self._newest)
        silent = now_ns - self._newest_ns >= STUCK_SECONDS * 1e9
        if self._holding == "releases" and newest is not None and newest.repeated and silent:
            self._up(self._newest, now_ns)
            self._tell(f"The {self._newest} key was stuck and is released: its release never came.")

    def _let_go(self, time_ns: int) -> None:
        for key in sorted(self._down):
            self._up(key, time_ns)

    def _up(self, key: str, time_ns: int) -> None:
        if self._down.pop(key, None) is not None:
            self._edge(key, False, time_ns)

    def _edge(self, key: str, down: bool, time_ns: int) -> None:
        self._last_ns = max(self._last_ns, time_ns)
        self._edges.append(KeyEdge(self._last_ns, key, down, "human"))
        self._waiting.set()


def terminal_key_listener(job: Job, keys: tuple[str, ...], settings: TerminalSettings) -> TerminalKeyListener:
    """Listens for `keys` in the job's commands `KeyInput`, `ReleaseAllKeys` and `SetHoldMode`."""
    holding = "releases" if settings.holding == "auto" else settings.holding
    keyboard = TerminalKeyListener(
        keys, holding, settings.hold_seconds, lambda text: job.note(text, level="warning")
    )

    def hear(key: KeyInput) -> None:
        keyboard.hear(key.key, key.stroke, _moment(key.time_ns))

    def let_go(command: ReleaseAllKeys) -> None:
        keyboard.let_go(_moment(command.time_ns))

    def hold(command: SetHoldMode) -> None:
        keyboard.choose(command.way, time.monotonic_ns())

    job.on_command(KeyInput, hear)
    job.on_command(ReleaseAllKeys, let_go)
    job.on_command(SetHoldMode, hold)
    return keyboard


def _moment(time_ns: int | None) -> int:
    """When a stroke was: never in the future, whatever a program says."""
    now_ns = time.monotonic_ns()
    return now_ns if time_ns is None else min(time_ns, now_ns)
