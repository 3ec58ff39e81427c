"""Several processes that train one network: each plays and learns, their gradients are averaged.

Every process has consoles of its own and the same weights. Averaged gradients and the same optimizer
keep the weights equal, so nothing else has to be exchanged. A lone process is a team of one.
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

PATIENCE = timedelta(minutes=3)
"""How long the others are waited for; then one of them is gone."""
LOOPBACK = {"linux": "lo", "darwin": "lo0"}


class ProcessLost(JobFailed):
    """Another process of the group ended or does not answer."""


class Team(Protocol):
    """What a process of a team can do together with the others; all must call the same."""

    rank: int
    """0 is the one that tells and keeps what comes of it."""
    size: int

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Put the mean over the team in place of each gradient."""
        ...

    def same(self, value: T) -> T:
        """The value of rank 0, plain data."""
        ...

    def gather(self, value: T) -> list[T]:
        """Every process's value at rank 0, in the order of ranks; elsewhere nothing."""
        ...

    def close(self) -> None: ...


class Alone:
    """A team of one."""

    rank, size = 0, 1

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Its own gradients are the mean."""

    def same(self, value: T) -> T:
        return value

    def gather(self, value: T) -> list[T]:
        return [value]

    def close(self) -> None:
        """Nothing is held."""


class Together:
    """One of several processes on this machine, joined through a file that none of them had before."""

    def __init__(self, rank: int, size: int, meeting: Path) -> None:
        import torch.distributed as group

        self.rank, self.size = rank, size
        if interface := LOOPBACK.get(sys.platform):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
        self._group = group
        with self._connected():
            group.init_process_group(
                "gloo", init_method=f"file://{meeting}", rank=rank, world_size=size, timeout=PATIENCE
            )

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Raises `ProcessLost` for what torch raises when another process of the group is gone."""
        try:
            yield
        except RuntimeError as error:
            raise ProcessLost("A process of the training was lost.") from error

    def average(self, gradients: Iterable[Tensor]) -> None:
        """Put the mean over the team in place of each gradient."""
        parts = list(gradients)
        flat = torch.cat([part.reshape(-1) for part in parts])
        with self._connected():
            self._group.all_reduce(flat)
        flat /= self.size
        at = 0
        for part in parts:
            part.copy_(flat[at : at + part.numel()].view_as(part))
            at += part.numel()

    def same(self, value: T) -> T:
        """The value of rank 0, plain data."""
        box: list[Any] = [value]
        with self._connected():
            self._group.broadcast_object_list(box)
        found: T = box[0]
        return found

    def gather(self, value: T) -> list[T]:
        """Every process's value at rank 0, in the order of ranks; elsewhere nothing."""
        boxes: list[Any] | None = [None] * self.size if self.rank == 0 else None
        with self._connected():
            self._group.gather_object(value, boxes)
        return boxes or []

    def close(self) -> None:
        """Leave the team."""
        self._group.destroy_process_group()
