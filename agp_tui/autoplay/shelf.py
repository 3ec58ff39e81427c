"""Putting a new model among the others: its folder appears in one step, when everything in it is checked."""

import importlib.metadata
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agp_tui import __version__
from agp_tui.errors import ModelError

LIBRARIES = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer")


@contextmanager
def new_folder(root: Path, name: str) -> Iterator[Path]:
    """A folder beside the models whose name no list shows; removed unless it was put in place."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".part", dir=root))
    except OSError as error:
        raise ModelError(
            f"Expected to make a folder in {root}: {error.strerror}.",
            "Make it writable, or set [folders] models.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(folder: Path, place: Path) -> Path:
    """Rename to the model's name; an older model of that name goes when the new one is there."""
    folder.chmod(0o755)
    if not place.exists():
        folder.rename(place)
        return place
    aside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".old", dir=place.parent)) / place.name
    place.rename(aside)
    try:
        folder.rename(place)
    except OSError:
        aside.rename(place)
        raise
    finally:
        shutil.rmtree(aside.parent, ignore_errors=True)
    return place


def versions() -> dict[str, str]:
    """Of this program and of the libraries that make models, for a manifest."""
    found = {"agp-tui": __version__}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
