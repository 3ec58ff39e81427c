"""Starting modules of this package as subprocesses, and worker pools that end with their parent."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import agp_tui

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package, not importing from the working directory."""
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment(**variables: str) -> dict[str, str]:
    """This environment with `variables`, in which this package is importable even if it is not installed."""
    root = str(Path(agp_tui.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, **variables}


def limit_resources(memory: int, cpu_seconds: int | None = None) -> None:
    """Limit the address space (bytes) and CPU time of this process, without core dumps; not on Windows."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limits = {resource.RLIMIT_AS: memory} | ({resource.RLIMIT_CPU: cpu_seconds} if cpu_seconds else {})
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def exit_text(done: subprocess.CompletedProcess[bytes]) -> str:
    """How a subprocess that failed ended, for an error message: `died by SIGSEGV`."""
    if done.returncode < 0:
        try:
            return f"died by {signal.Signals(-done.returncode).name}"
        except ValueError:
            return f"died by signal {-done.returncode}"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"failed with exit code {done.returncode}" + (f" ({lines[-1]})" if lines else "")


def worker_pool(
    workers: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> "ProcessPoolExecutor":
    """A pool of processes that end with this one, however it ends; `prepare(*arguments)` runs in each.

    Spawned, not forked: a fork would copy a process that has threads of torch and LiteRT.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, _initialize, (prepare, arguments))


def terminate_pool(pool: "ProcessPoolExecutor") -> None:
    """Terminate the processes of a pool immediately."""
    workers = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


def _initialize(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_exit_with_parent, daemon=True, name="parent").start()
    if prepare is not None:
        prepare(*arguments)


def _exit_with_parent() -> None:
    """A worker that waits for its next call does not notice by itself that its parent has gone."""
    import multiprocessing.connection

    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)
