"""Stored results of long benchmarks, as JSON lines, and the runner of the entries without one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import terminate_pool, worker_pool
from agp_tui.errors import AgpError
from agp_tui.files import LineFile
from agp_tui.protocol.untrusted_json import JsonError, decode_json

POLL_SECONDS = 0.2

T = TypeVar("T")
E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class ResultOf(Protocol, Generic[E_co]):
    """The result of an entry; the entry is a part of it."""

    @property
    def entry(self) -> E_co: ...


R = TypeVar("R", bound=ResultOf[object])


def run_missing(
    entries: Sequence[E],
    path: Path,
    kind: type[R],
    run: Callable[[E], R | None],
    describe: Callable[[R], str],
    job: Job,
    executor: Executor | None = None,
) -> list[R]:
    """Run the entries without a stored result; returns all results, in the order of the entries.

    Each new result is appended to `path` and described in a note. `run` returns None if it was stopped; it
    is called in this thread, or by `executor`. Raises `AgpError` for an invalid file, and what `run` raises.
    """
    results = {result.entry: result for result in read_results(path, kind)}
    missing = [entry for entry in entries if entry not in results]
    for result in _completed(missing, run, job, executor):
        if result is not None:
            results[result.entry] = result
            append_result(path, result)
            job.note(describe(result))
    return [results[entry] for entry in entries if entry in results]


def _completed(
    entries: list[E], run: Callable[[E], R | None], job: Job, executor: Executor | None
) -> Iterator[R | None]:
    if executor is None:
        for entry in entries:
            if job.stopping:
                return
            yield run(entry)
        return
    pending = {executor.submit(run, entry) for entry in entries}
    while pending and not job.stopping:
        completed, pending = wait(pending, POLL_SECONDS, FIRST_COMPLETED)
        for future in completed:
            yield future.result()


@contextmanager
def single_thread_processes(count: int) -> Iterator[Executor]:
    """An executor with `count` processes that use one torch thread each; they are terminated at the end."""
    pool = worker_pool(count, _use_one_thread)
    try:
        yield pool
    finally:
        terminate_pool(pool)


def _use_one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def read_results(path: Path, kind: type[T]) -> list[T]:
    """Read the results in a file; none if there is no file. Raises `AgpError` for an invalid line."""
    if not path.exists():
        return []
    results: list[T] = []
    decoder = msgspec.json.Decoder(kind)
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise AgpError(
            f"Expected to read results from {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error
    for number, line in enumerate(lines, start=1):
        try:
            results.append(decode_json(line, decoder))
        except JsonError as error:
            raise AgpError(
                f"Expected line {number} of {path} to be a result of this benchmark: {error}.",
                "Remove the line, or give --kept another file.",
            ) from error
    return results


def append_result(path: Path, result: object) -> None:
    """Append one result. Raises `AgpError` if the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = LineFile(path)
        try:
            file.write(msgspec.json.encode(result) + b"\n")
        finally:
            file.close()
    except OSError as error:
        raise AgpError(
            f"Expected to append a result to {path}, found: {error.strerror}.", "Give --kept another file."
        ) from error
