"""The folder of models: publishing, listing and deleting them."""

import contextlib
import importlib.metadata
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from agp_tui import __version__
from agp_tui.errors import ModelError
from agp_tui.files import delete_folder
from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, SUFFIX, list_models, read_manifest
from agp_tui.protocol.summaries import ModelSummary

LIBRARIES = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer")


@contextmanager
def staging_folder(root: Path, name: str) -> Iterator[Path]:
    """A hidden folder to build the model `name` in; removed on exit unless it was published."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".part", dir=root))
    except OSError as error:
        raise ModelError(
            f"Expected to create a folder in {root}: {error.strerror}.",
            "Make it writable, or set [folders] models.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, target: Path) -> Path:
    """Rename a staging folder to `target`; an older model there is removed once the new one is in place."""
    folder.chmod(0o755)
    if not target.exists():
        folder.rename(target)
        return target
    backup = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".old", dir=target.parent)) / target.name
    target.rename(backup)
    try:
        folder.rename(target)
    except OSError:
        backup.rename(target)
        raise
    finally:
        shutil.rmtree(backup.parent, ignore_errors=True)
    return target


def library_versions() -> dict[str, str]:
    """Versions of this program and of the libraries that make models, for a manifest."""
    found = {"agp-tui": __version__}
    for library in LIBRARIES:
        try:
            found[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def summarize(path: Path) -> ModelSummary:
    """Summarize a model; a damaged one gets a `problem` instead of raising."""
    file = path / MODEL_FILE if path.is_dir() else path
    name = path.name.removesuffix(SUFFIX)
    size, created = 0, 0.0
    with contextlib.suppress(OSError):
        created = path.stat().st_mtime
        size = file.stat().st_size
    bare = ModelSummary(name=name, path=str(path), created=created, bytes=size)
    if not path.is_dir():
        return bare
    try:
        manifest = read_manifest(path)
    except ModelError as error:
        return msgspec.structs.replace(bare, problem=str(error))
    metrics = manifest.validation.get("model")
    f1 = metrics.get("f1") if isinstance(metrics, dict) else None
    return msgspec.structs.replace(
        bare,
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
        view=msgspec.to_builtins(manifest.view),
        problem="" if file.is_file() else f"Expected {MODEL_FILE} in {path}, found none.",
    )


def list_summaries(root: Path) -> list[ModelSummary]:
    """Summaries of the models under `root`, sorted by name."""
    return [summarize(path) for path in list_models(root)]


def delete(path: Path) -> None:
    """Delete a model. Raises `ModelError` if its folder holds other files, and deletes nothing then."""
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
