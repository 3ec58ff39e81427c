"""Expensive read-only artifacts, cached across test processes and runs."""

import fcntl
import hashlib
import importlib.metadata
import inspect
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

LIBRARIES = ("torch", "litert-torch", "ai-edge-litert")


def cached_folder(config: pytest.Config, name: str, make: Callable[[Path], None]) -> Path:
    """A folder filled by `make`, in pytest's cache; rebuilt if the module of `make` or a library changes."""
    source = Path(inspect.getfile(make)).read_text()
    versions = (importlib.metadata.version(library) for library in LIBRARIES)
    key = hashlib.sha256("\n".join((source, *versions)).encode()).hexdigest()[:16]
    root = Path(config.cache.mkdir("made")) if config.cache else Path(tempfile.mkdtemp())
    folder = root / f"{name}-{key}"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            for older in root.glob(f"{name}-*"):
                shutil.rmtree(older)
            part = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))
            make(part)
            part.rename(folder)
    return folder
