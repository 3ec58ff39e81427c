"""Files that are replaced in one step, grow by whole lines, and go at once."""

import contextlib
import os
import shutil
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` in one step: a reader, or a crash, sees the old content or the new.

    Who may read the file stays as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class LineFile:
    """A file, readable for its owner only, that grows by whole lines.

    Each line is with the system when `write` returns, so that a crash loses none. One that the disk
    took only half of is taken back: the next one would be torn with it.
    """

    def __init__(self, path: Path) -> None:
        """Go on with the file; begin it where it is not there."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: bytes) -> None:
        """Append a line, its newline included. Raises `OSError`; the file is then as it was before."""
        whole = os.fstat(self._file).st_size
        left = line
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, whole)
            raise

    def close(self) -> None:
        """May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def delete_folder(path: Path) -> None:
    """Remove a folder for good. Raises `OSError`.

    Under a hidden name first: nobody ever sees half of what was in it, not even after a crash.
    """
    gone = path.with_name(f".{path.name}.deleted")
    shutil.rmtree(gone, ignore_errors=True)
    path.rename(gone)
    shutil.rmtree(gone)


def existing_ancestor(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def size_of(folder: Path) -> int:
    """Bytes of the files that lie in a folder; one that goes meanwhile does not count."""
    size = 0
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size if file.is_file() else 0
    return size
