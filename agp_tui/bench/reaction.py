"""Reaction: from the grab of a frame to the key that a real window gets for it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agp_tui.bench.baselines import whole_screen
from agp_tui.bench.private_display import a_screen
from agp_tui.config import GameSettings
from agp_tui.engine.clock import Clock
from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import DisplayError, JobFailed, JobStopped
from agp_tui.games.screen import ScreenGame
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.keys.state import NO_KEYS, Keys
from agp_tui.keys.virtual_keyboard import XTestKeyboard
from agp_tui.models.policy import Policy
from agp_tui.protocol.events import Table
from agp_tui.protocol.percentiles import Percentiles

KEYS = ("left", "right")
RATES = (10, 30, 60)
SIDE = 256
PLACE = 64
"""Where the window is, from the left and from the top."""
PATIENCE_SECONDS = 10.0

Act = Callable[[Keys], int]
"""Look, decide, hold these keys whatever was decided; when the grab began (monotonic, ns)."""


@dataclass(frozen=True)
class Reaction:
    """At one rate. Milliseconds from before the grab until the window had the key."""

    fps: int
    ours_ms: Percentiles
    missed: int
    """Of our slots."""
    plain_ms: Percentiles
    plain_fps: float
    """That the plain way reached, of `fps`."""

    @property
    def ratio(self) -> float:
        """Medians, the plain way over ours."""
        return self.plain_ms.p50 / self.ours_ms.p50 if self.ours_ms.p50 else 0.0


def bench_reaction(
    ours: Policy, plain: Policy, job: Job, seconds: float, display: str | None
) -> list[Reaction]:
    """Both ways at each rate in turn, each decision pressing another key. Emits a `Table`.

    The plain way grabs the whole screen over a new connection, computes the whole window anew and presses
    from its own process. Raises `DisplayError` without a display, `JobFailed` where it is stopped.
    """
    found: list[Reaction] = []
    job.note("A small window takes the keyboard now, and arrow keys are pressed: leave both alone meanwhile.")
    with a_screen(display) as screen, _Echo(screen.name) as echo:
        box = ScreenRegion(PLACE, PLACE, SIDE, SIDE)
        for fps in RATES:
            if job.stopping:
                raise JobStopped("Stopped before every rate was measured.", "Start it again.")
            with _our_hands(ours, screen.name, box, fps) as act:
                ours_ms, clock = _measured(act, fps, seconds, echo)
            with _plain_hands(plain, screen.name, box) as act:
                plain_ms, slow = _measured(act, fps, seconds, echo)
            fast = Percentiles.of(ours_ms), clock.pace().missed
            found.append(Reaction(fps, *fast, Percentiles.of(plain_ms), slow.pace().fps))
    job.emit(_table(found, seconds))
    return found


def metrics(found: list[Reaction]) -> dict[str, float]:
    """The figures by name."""
    figures: dict[str, float] = {}
    for one in found:
        figures |= {
            f"reaction_{one.fps}_ms": one.ours_ms.p50,
            f"reaction_{one.fps}_p99_ms": one.ours_ms.p99,
            f"reaction_{one.fps}_ratio": round(one.ratio, 1),
        }
    return figures


@contextmanager
def _our_hands(policy: Policy, display: str, box: ScreenRegion, fps: int) -> Iterator[Act]:
    region = (box.left, box.top, box.width, box.height)
    place = GameSettings(region=region, frame_size=SIDE, keys=KEYS, fps=fps, display=display)
    game = ScreenGame("echo", place)

    def act(keys: Keys) -> int:
        frame = game.grab()
        policy.observe(frame.pixels)
        policy.probabilities()
        game.hold(keys)
        return frame.before_ns

    try:
        game.hold(NO_KEYS)
        yield act
    finally:
        game.close()


@contextmanager
def _plain_hands(policy: Policy, display: str, box: ScreenRegion) -> Iterator[Act]:
    keyboard = XTestKeyboard(display, KEYS)
    held: Keys = NO_KEYS

    def act(keys: Keys) -> int:
        nonlocal held
        began = time.monotonic_ns()
        policy.decide(whole_screen(display, box))
        for key in held - keys:
            keyboard.release(key)
        for key in keys - held:
            keyboard.press(key)
        keyboard.flush()
        held = keys
        return began

    try:
        yield act
    finally:
        for key in held:
            keyboard.release(key)
        keyboard.flush()


def _measured(act: Act, fps: int, seconds: float, echo: "_Echo") -> tuple[list[float], Clock]:
    """Milliseconds of every decision, and the clock that paced them."""
    clock = Clock(fps)
    begun: list[int] = []
    first = len(echo.times)
    for _ in clock.slots(seconds):
        begun.append(act(frozenset({KEYS[len(begun) % 2]})))
    arrived = echo.wait_for(first + len(begun))[first:]
    return [(there - grabbed) / 1e6 for grabbed, there in zip(begun, arrived, strict=True)], clock


class _Echo:
    """The window, and the times at which keys reached it."""

    def __init__(self, display: str) -> None:
        self.times: list[int] = []
        self._ready = threading.Event()
        arguments = (display, str(PLACE), str(PLACE), str(SIDE))
        self._process = subprocess.Popen(
            module_command("agp_tui.bench.echo_window", *arguments),
            env=module_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "_Echo":
        if not self._ready.wait(PATIENCE_SECONDS):
            self.__exit__()
            raise DisplayError("Expected a window to get the keyboard's focus, found that it did not.")
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait_for(self, count: int) -> list[int]:
        """The times so far, once there are so many. Raises `JobFailed` where keys do not arrive."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.times) < count:
            if time.monotonic() > deadline:
                raise JobFailed(
                    f"Expected {count} keys in the window, found {len(self.times)}.",
                    "Another window has the focus: leave keyboard and mouse alone meanwhile.",
                )
            time.sleep(0.01)
        return self.times

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == "ready":
                self._ready.set()
            else:
                self.times.append(int(line))


def _table(found: list[Reaction], seconds: float) -> Table:
    rows: list[list[str | float | int | None]] = []
    for one in found:
        ours, plain = one.ours_ms, one.plain_ms
        rows.append([one.fps, "ours", ours.p50, ours.p95, ours.p99, one.fps - one.missed / seconds, 1.0])
        rows.append([one.fps, "plain", plain.p50, plain.p95, plain.p99, one.plain_fps, round(one.ratio, 1)])
    columns = ["target fps", "method", "p50 ms", "p95 ms", "p99 ms", "reached fps", "times ours"]
    return Table(title="From the grab to the key in the game's window", columns=columns, rows=rows)
