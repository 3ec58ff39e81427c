"""The models that there are: listed with what a person chooses by, and deleted."""

import contextlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agp_tui import __version__
from agp_tui.errors import ModelError
from agp_tui.files import delete_folder
from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, SUFFIX, list_models, read_manifest

LIBRARIES = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer")


@contextmanager
def staging_folder(root: Path, name: str) -> Iterator[Path]:
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


def publish(folder: Path, place: Path) -> Path:
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


def library_versions() -> dict[str, str]:
    """Of this program and of the libraries that make models, for a manifest."""
    found = {"agp-tui": __version__}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """One model in a list. What a model made elsewhere does not tell is None, or empty."""

    name: str
    path: str
    created: float
    """When it was exported or copied here, seconds since 1970."""
    bytes: int
    """Of the model itself, without its checkpoint."""
    game: str | None = None
    keys: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    fps: int | None = None
    frame_size: int | None = None
    segment: int | None = None
    network: str | None = None
    quantize: str | None = None
    f1: float | None = None
    """On held-out frames."""
    no_better_than: str | None = None
    """The model to play instead."""
    problem: str = ""
    """Why it cannot be used; empty where nothing is known against it."""

    @property
    def remark(self) -> str | None:
        """What speaks against it, in words."""
        if self.problem:
            return self.problem
        return f"no better than {self.no_better_than}" if self.no_better_than else None

    def report(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def summarize(path: Path) -> ModelSummary:
    """What a list says of one model. Raises nothing that a damaged model causes."""
    file = path / MODEL_FILE if path.is_dir() else path
    name = path.name.removesuffix(SUFFIX)
    size, created = 0, 0.0
    with contextlib.suppress(OSError):
        created = path.stat().st_mtime
        size = file.stat().st_size
    plain = ModelSummary(name=name, path=str(path), created=created, bytes=size)
    if not path.is_dir():
        return plain
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        return ModelSummary(**asdict(plain) | {"problem": str(error)})
    figures = manifest.validation.get("model")
    f1 = figures.get("f1") if isinstance(figures, dict) else None
    return ModelSummary(
        name=name,
        path=str(path),
        created=created,
        bytes=size,
        game=manifest.game,
        keys=manifest.keys,
        thresholds=manifest.thresholds,
        fps=manifest.fps,
        frame_size=manifest.frame_size,
        segment=manifest.segment,
        network=manifest.network or None,
        quantize=manifest.quantize,
        f1=f1 if isinstance(f1, int | float) else None,
        no_better_than=manifest.no_better_than,
        problem="" if file.is_file() else f"Expected {MODEL_FILE} in {path}, found none.",
    )


def list_summaries(root: Path) -> list[ModelSummary]:
    """Every model under `root`, by name."""
    return [summarize(path) for path in list_models(root)]


def delete(path: Path) -> None:
    """Remove a model for good. Raises `ModelError` where its folder holds what is not a model's."""
    if path.is_dir():
        entries = sorted(entry.name for entry in path.iterdir())
        foreign = [name for name in entries if name not in (MANIFEST_FILE, MODEL_FILE, "checkpoint.pt")]
        if MANIFEST_FILE not in entries or foreign:
            found = ", ".join(foreign[:3]) or "no manifest"
            raise ModelError(
                f"Expected a model and nothing else in {path}, found {found}.", "Nothing was deleted."
            )
    try:
        if path.is_dir():
            delete_folder(path)
        else:
            path.unlink()
    except OSError as error:
        raise ModelError(f"Expected to delete {path}: {error.strerror}.") from error
