"""A stalled disk: a loop-mounted file system that the kernel freezes."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from support.requirements import skip_or_fail

MEGABYTES = 64


class FrozenDisk:
    """An ext4 file system in a file, mounted at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Writes to the file system block inside this context."""
        subprocess.run(["fsfreeze", "--freeze", self.path], check=True)
        try:
            yield
        finally:
            subprocess.run(["fsfreeze", "--unfreeze", self.path], check=True)


@contextlib.contextmanager
def frozen_disk(folder: Path) -> Iterator[FrozenDisk]:
    """A mounted disk that is unmounted on exit. Skips without permission to mount (see `skip_or_fail`)."""
    image, path = folder / "disk.img", folder / "disk"
    path.mkdir()
    with image.open("wb") as file:
        file.truncate(MEGABYTES << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    mounted = subprocess.run(
        ["mount", "-o", "loop", image, path], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        skip_or_fail(f"needs to be root, with a loop device: {mounted.stderr.strip()}")
    try:
        yield FrozenDisk(path)
    finally:
        subprocess.run(["umount", path], check=True)
