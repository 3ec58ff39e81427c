"""Free disk space: required before a recording, watched during it."""

import shutil
import time
from pathlib import Path

from agp_tui.errors import RecordingError
from agp_tui.files import existing_ancestor

MEGABYTE = 1 << 20
CHECK_SECONDS = 1.0


class DiskSpace:
    """The free space of the disk of `folder`, which need not exist yet."""

    def __init__(self, folder: Path, min_free_mb: int) -> None:
        self._folder = folder
        self._min_free_mb = min_free_mb
        self._next = 0.0

    def free_mb(self) -> int:
        """Free megabytes."""
        return shutil.disk_usage(existing_ancestor(self._folder)).free // MEGABYTE

    def require(self) -> None:
        """Raises `RecordingError` if less than the minimum is free."""
        free = self.free_mb()
        if free < self._min_free_mb:
            raise RecordingError(
                f"Expected at least {self._min_free_mb} MB free on the disk of {self._folder}, found {free}.",
                "Make room, choose another folder, or lower --min-free-mb.",
            )

    def is_low(self) -> bool:
        """Whether less than the minimum is free; checked once a second at most."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + CHECK_SECONDS
        return self.free_mb() < self._min_free_mb
