"""Reaction time: from the capture of a frame to the key press that a window receives for it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agp_tui.bench.baselines import capture_whole_screen
from agp_tui.bench.private_display import open_display
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
POSITION = 64
"""Distance of the window from the left and the top of the screen."""
TIMEOUT_SECONDS = 10.0

Step = Callable[[Keys], int]
"""Captures a frame, infers, and holds the given keys; returns the start of the capture (monotonic, ns)."""


@dataclass(frozen=True)
class Reaction:
    """Results at one rate: milliseconds from before the capture until the window has received the key."""

    fps: int
    agp_ms: Percentiles
    missed: int
    """Slots that agp-tui missed."""
    baseline_ms: Percentiles
    baseline_fps: float
    """Frames per second that the baseline reached."""

    @property
    def ratio(self) -> float:
        """Median of the baseline over that of agp-tui."""
        return self.baseline_ms.p50 / self.agp_ms.p50 if self.agp_ms.p50 else 0.0


def bench_reaction(
    streaming: Policy, whole_window: Policy, job: Job, seconds: float, display: str | None
) -> list[Reaction]:
    """Measure agp-tui and the baseline at each rate; each decision changes the key. Emits a `Table`.

    The baseline captures the whole screen over a new connection, infers on the whole window and presses keys
    from its own process. Raises `DisplayError` without a display, `JobStopped` if stopped.
    """
    found: list[Reaction] = []
    job.note(
        "A small window now takes the keyboard focus and receives arrow keys. Do not use keyboard or mouse."
    )
    with open_display(display) as screen, _Echo(screen.name) as echo:
        box = ScreenRegion(POSITION, POSITION, SIDE, SIDE)
        for fps in RATES:
            if job.stopping:
                raise JobStopped("Stopped before every rate was measured.", "Run agp bench play again.")
            with _agp_step(streaming, screen.name, box, fps) as step:
                agp_ms, clock = _measure(step, fps, seconds, echo)
            with _baseline_step(whole_window, screen.name, box) as step:
                baseline_ms, baseline_clock = _measure(step, fps, seconds, echo)
            found.append(
                Reaction(
                    fps,
                    Percentiles.of(agp_ms),
                    clock.pace().missed,
                    Percentiles.of(baseline_ms),
                    baseline_clock.pace().fps,
                )
            )
    job.emit(_table(found, seconds))
    return found


def reaction_metrics(found: list[Reaction]) -> dict[str, float]:
    """Metrics by name."""
    figures: dict[str, float] = {}
    for one in found:
        figures |= {
            f"reaction_{one.fps}_ms": one.agp_ms.p50,
            f"reaction_{one.fps}_p99_ms": one.agp_ms.p99,
            f"reaction_{one.fps}_ratio": round(one.ratio, 1),
        }
    return figures


@contextmanager
def _agp_step(policy: Policy, display: str, box: ScreenRegion, fps: int) -> Iterator[Step]:
    region = (box.left, box.top, box.width, box.height)
    settings = GameSettings(region=region, frame_size=SIDE, keys=KEYS, fps=fps, display=display)
    game = ScreenGame("echo", settings)

    def step(keys: Keys) -> int:
        frame = game.grab()
        policy.observe(frame.pixels)
        policy.probabilities()
        game.hold(keys)
        return frame.before_ns

    try:
        game.hold(NO_KEYS)
        yield step
    finally:
        game.close()


@contextmanager
def _baseline_step(policy: Policy, display: str, box: ScreenRegion) -> Iterator[Step]:
    keyboard = XTestKeyboard(display, KEYS)
    held: Keys = NO_KEYS

    def step(keys: Keys) -> int:
        nonlocal held
        start_ns = time.monotonic_ns()
        policy.decide(capture_whole_screen(display, box))
        for key in held - keys:
            keyboard.release(key)
        for key in keys - held:
            keyboard.press(key)
        keyboard.flush()
        held = keys
        return start_ns

    try:
        yield step
    finally:
        for key in held:
            keyboard.release(key)
        keyboard.flush()


def _measure(step: Step, fps: int, seconds: float, echo: "_Echo") -> tuple[list[float], Clock]:
    """Milliseconds of each decision, and the clock that paced them."""
    clock = Clock(fps)
    starts: list[int] = []
    first = len(echo.times)
    for _ in clock.slots(seconds):
        starts.append(step(frozenset({KEYS[len(starts) % 2]})))
    received = echo.wait_for(first + len(starts))[first:]
    return [
        (received_ns - start_ns) / 1e6 for start_ns, received_ns in zip(starts, received, strict=True)
    ], clock


class _Echo:
    """The window process, and the times at which keys reached the window."""

    def __init__(self, display: str) -> None:
        self.times: list[int] = []
        self._ready = threading.Event()
        arguments = (display, str(POSITION), str(POSITION), str(SIDE))
        self._process = subprocess.Popen(
            module_command("agp_tui.bench.echo_window", *arguments),
            env=module_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "_Echo":
        if not self._ready.wait(TIMEOUT_SECONDS):
            self.__exit__()
            raise DisplayError("Expected the window to get the keyboard focus, found that it did not.")
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait_for(self, count: int) -> list[int]:
        """Wait for `count` keys; returns their times. Raises `JobFailed` if keys do not arrive."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while len(self.times) < count:
            if time.monotonic() > deadline:
                raise JobFailed(
                    f"Expected {count} keys in the window, found {len(self.times)}.",
                    "Another window has the focus. Do not use keyboard or mouse during the measurement.",
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
        agp, baseline = one.agp_ms, one.baseline_ms
        rows.append([one.fps, "agp", agp.p50, agp.p95, agp.p99, one.fps - one.missed / seconds, 1.0])
        rows.append(
            [
                one.fps,
                "baseline",
                baseline.p50,
                baseline.p95,
                baseline.p99,
                one.baseline_fps,
                round(one.ratio, 1),
            ]
        )
    columns = ["target fps", "method", "p50 ms", "p95 ms", "p99 ms", "reached fps", "ratio"]
    return Table(title="From capture to the key in the window", columns=columns, rows=rows)
