"""Long runs, several at once, each in a process of its own with one thread, kept as they end."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from benchmarks.result_file import keep, read_kept

POLL_SECONDS = 0.2

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class ResultOf(Protocol, Generic[E_co]):
    """What came of an entry."""

    @property
    def entry(self) -> E_co: ...


R = TypeVar("R", bound=ResultOf[object])


def run_side_by_side(
    entries: Sequence[E],
    kept: Path,
    kind: type[R],
    run: Callable[[E], R],
    words: Callable[[R], str],
    job: Job,
    *,
    at_once: int,
) -> list[R]:
    """Run all that `kept` (JSON lines, appended to) has no result of; all results, in the entries' order.

    `run` is called in the other processes, `words` tell a new result. Raises what `run` does.
    """
    done = {result.entry: result for result in read_kept(kept, kind)}
    pool = worker_pool(at_once, _one_thread)
    try:
        waiting: set[Future[R]] = {pool.submit(run, entry) for entry in entries if entry not in done}
        while waiting and not job.stopping:
            for future in wait(waiting, POLL_SECONDS, FIRST_COMPLETED).done:
                waiting.remove(future)
                result = future.result()
                done[result.entry] = result
                keep(kept, result)
                job.note(words(result))
    finally:
        terminate_pool(pool)
    return [done[entry] for entry in entries if entry in done]


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
