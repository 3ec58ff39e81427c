"""Disks that fill up: a bound on a file's size for this process, and a real small disk for another one."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agp_tui.engine.subprocesses import module_environment
from support.requirements import skip_or_fail


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file grows past so many bytes: the write that would takes what fits, the next one is refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run_on_small_disk(
    folder: Path, megabytes: int, program: str, *words: str | Path
) -> "subprocess.CompletedProcess[str]":
    """Run a Python program while a disk of that size, which only it sees, is at `folder`.

    Skips, or fails where CI says that nothing may be skipped, without namespaces of one's own.
    """
    if shutil.which("unshare") is None:
        skip_or_fail("needs unshare to have a small disk of its own")
    mount = f'mount -t tmpfs -o size={megabytes}m none "$0" || exit 77; exec "$@"'
    ran = subprocess.run(
        ["unshare", "-r", "-m", "sh", "-c", mount, folder, sys.executable, "-c", program, *words],
        env=module_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode == 77 or ran.stderr.startswith("unshare"):
        skip_or_fail("namespaces of one's own are not allowed here")
    return ran
