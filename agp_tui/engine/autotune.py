"""Choose the fastest candidate by measurement: number of threads, precision."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

from agp_tui.engine.cpu import available_cpus

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
Precision = Literal["float32", "bfloat16"]

ROUNDS = 3
MIN_THREAD_SPEEDUP = 1 / 0.95
"""More threads take cores from whatever else runs here."""
MIN_PRECISION_SPEEDUP = 1 / 0.9
"""bfloat16 must make up for its rounding."""
HOPELESS = 3.0
"""On processors without bfloat16 units it is so much slower that one pass decides."""


def fastest(
    candidates: Sequence[T],
    seconds: Callable[[T], float],
    *,
    min_speedup: float,
    rounds: int = 1,
    warm_up: bool = False,
    give_up: float = float("inf"),
) -> T:
    """The fastest candidate, by the best of `rounds` runs each.

    `seconds(candidate)` does the work once and returns the time it took, in any unit. The first candidate is
    the default: another one must be more than `min_speedup` times as fast. Candidates run in turns, so that
    background load affects all of them. With `warm_up` each runs once before; those that take `give_up` times
    as long as the default are then dropped.
    """
    default, remaining = candidates[0], list(candidates)
    if warm_up:
        first = {one: seconds(one) for one in candidates}
        remaining = [one for one in candidates if first[one] <= give_up * first[default]]
    times = [{one: seconds(one) for one in remaining} for _ in range(rounds)]
    best = {one: min(turn[one] for turn in times) for one in remaining}
    winner = min(remaining, key=best.__getitem__)
    return winner if best[winner] * min_speedup < best[default] else default


def fastest_thread_count(work: Callable[[], object]) -> int:
    """1 or the number of available CPUs, whichever does `work` faster; torch is left at that number."""
    import torch

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    cpus, chosen = available_cpus(), 1
    if cpus > 1:
        chosen = fastest((1, cpus), seconds, min_speedup=MIN_THREAD_SPEEDUP, rounds=ROUNDS, warm_up=True)
    torch.set_num_threads(chosen)
    return chosen


def fastest_precision(loss: "Callable[[], Tensor]", device: str) -> Precision:
    """float32 or bfloat16 (autocast), whichever does forward and backward pass of `loss` faster."""
    import torch

    def now() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def seconds(precision: Precision) -> float:
        started = now()
        with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
            value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return now() - started

    candidates: tuple[Precision, ...] = ("float32", "bfloat16")
    give_up = HOPELESS if device == "cpu" else float("inf")
    return fastest(
        candidates, seconds, min_speedup=MIN_PRECISION_SPEEDUP, rounds=ROUNDS, warm_up=True, give_up=give_up
    )
