"""Full disks: a file size limit for this process, and a small tmpfs for a child process."""

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
    """Limit files to `size` bytes: a write that exceeds it is truncated, the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def run_on_small_disk(
    folder: Path, megabytes: int, program: str, *arguments: str | Path
) -> "subprocess.CompletedProcess[str]":
    """Run a Python program in a mount namespace with a tmpfs of `megabytes` at `folder`.

    Skips without unprivileged namespaces (see `skip_or_fail`).
    """
    if shutil.which("unshare") is None:
        skip_or_fail("needs unshare for a small disk")
    mount = f'mount -t tmpfs -o size={megabytes}m none "$0" || exit 77; exec "$@"'
    ran = subprocess.run(
        ["unshare", "-r", "-m", "sh", "-c", mount, folder, sys.executable, "-c", program, *arguments],
        env=module_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if ran.returncode == 77 or ran.stderr.startswith("unshare"):
        skip_or_fail("unprivileged namespaces are not allowed here")
    return ran
