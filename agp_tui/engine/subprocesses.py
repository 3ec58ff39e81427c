"""How this program starts parts of itself as processes of their own."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import agp_tui

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs one of our modules. Files where the user happens to be are not imported."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment(**variables: str) -> dict[str, str]:
    """This environment with `variables`, in which our modules are found even where they are not installed."""
    root = str(Path(agp_tui.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **variables}


def worker_pool(
    workers: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> "ProcessPoolExecutor":
    """Processes that take calls and end with this one, however it ends; `prepare(*arguments)` runs in each.

    Spawned, not forked: a fork would copy a process with the threads of torch and LiteRT in it.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _begin, (prepare, arguments))


def abandon(pool: "ProcessPoolExecutor") -> None:
    """End a pool's processes now, whatever they do."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def _begin(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
    if prepare is not None:
        prepare(*arguments)


def _end_with_parent() -> None:
    """A pool's worker that waits for its next call does not notice by itself that nobody is left to call."""
    import multiprocessing.connection

    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
