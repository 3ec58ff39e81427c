"""Process groups: data-parallel training of one network in several processes on this machine.

Each process has its own environments and equal weights: averaged gradients and equal optimizers keep the
weights equal, so nothing else is exchanged. All processes of a group must make the same calls.
"""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from agp_tui.errors import JobFailed

T = TypeVar("T")

TIMEOUT = timedelta(minutes=3)
"""A process that does not answer for this long is lost."""
LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class ProcessLost(JobFailed):
    """Another process of the group ended or does not answer."""


class ProcessGroup(Protocol):
    """Collective operations of the processes of a training."""

    rank: int
    """Rank 0 reports and writes files."""
    size: int

    def average_gradients(self, gradients: Iterable[Tensor]) -> None:
        """Replace each gradient by its mean over the group, in place."""
        ...

    def broadcast(self, value: T) -> T:
        """The value of rank 0, plain data."""
        ...

    def gather(self, value: T) -> list[T]:
        """The values of all ranks at rank 0; an empty list elsewhere."""
        ...

    def close(self) -> None: ...


class SingleProcess:
    """A group of one."""

    rank, size = 0, 1

    def average_gradients(self, gradients: Iterable[Tensor]) -> None:
        """No other process: they are their mean."""

    def broadcast(self, value: T) -> T:
        return value

    def gather(self, value: T) -> list[T]:
        return [value]

    def close(self) -> None:
        """Nothing to close."""


class GlooGroup:
    """A `torch.distributed` group with the gloo backend; the `rendezvous` file must not exist before."""

    def __init__(self, rank: int, size: int, rendezvous: Path) -> None:
        import torch.distributed as dist

        self.rank, self.size = rank, size
        if interface := LOOPBACK.get(sys.platform):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
        self._dist = dist
        with self._connected():
            dist.init_process_group(
                "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=size, timeout=TIMEOUT
            )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Raises `ProcessLost` for what torch raises when another process of the group is gone."""
        try:
            yield
        except RuntimeError as error:
            raise ProcessLost("A process of the training was lost.") from error

    def average_gradients(self, gradients: Iterable[Tensor]) -> None:
        tensors = list(gradients)
        flat = torch.cat([one.reshape(-1) for one in tensors])
        with self._connected():
            self._dist.all_reduce(flat)
        flat /= self.size
        at = 0
        for one in tensors:
            one.copy_(flat[at : at + one.numel()].view_as(one))
            at += one.numel()

    def broadcast(self, value: T) -> T:
        values: list[Any] = [value]
        with self._connected():
            self._dist.broadcast_object_list(values)
        received: T = values[0]
        return received

    def gather(self, value: T) -> list[T]:
        values: list[Any] | None = [None] * self.size if self.rank == 0 else None
        with self._connected():
            self._dist.gather_object(value, values)
        return values or []

    def close(self) -> None:
        """Leave the group."""
        self._dist.destroy_process_group()
