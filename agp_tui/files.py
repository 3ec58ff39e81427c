"""Atomic replacement, appending and deletion of files."""

import contextlib
import os
import shutil
from pathlib import Path


def write_atomically(path: Path, data: bytes) -> None:
    """Replace `path` atomically: a reader, or a crash, sees the old content or the new.

    The permissions of the file are preserved.
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
    """A file that grows by whole lines, readable by its owner only.

    Each line reaches the operating system before `write` returns, so a crash loses none. A line that was
    written only in part is removed, since it would corrupt the next one.
    """

    def __init__(self, path: Path) -> None:
        """Open the file for appending; create it if it does not exist."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, line: bytes) -> None:
        """Append a line, including its newline. On `OSError`, the file is unchanged."""
        size = os.fstat(self._file).st_size
        left = line
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            raise

    def close(self) -> None:
        """May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def delete_folder(path: Path) -> None:
    """Delete a folder. Raises `OSError`.

    It is renamed to a hidden name first, so that no reader sees it partly deleted, even after a crash.
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
    """Total bytes of the files directly in a folder; files deleted meanwhile are ignored."""
    size = 0
    for file in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            size += file.stat().st_size if file.is_file() else 0
    return size
