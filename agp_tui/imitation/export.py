"""The export job: a checkpoint becomes a folder with `model.tflite`, its manifest and the checkpoint.

The folder appears in one step when everything in it has been checked.
"""

import importlib.metadata
import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from agp_tui import __version__
from agp_tui.autoplay.manifest import MODEL_FILE, Manifest, hash_of, write_manifest
from agp_tui.config import ExportSettings
from agp_tui.engine.children import module_command, module_environment
from agp_tui.engine.events import Table
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, MissingPart, ModelError
from agp_tui.imitation.checkpoint import CHECKPOINT_FILE, Checkpoint, load_checkpoint, save_checkpoint
from agp_tui.imitation.cost import f1_of_file
from agp_tui.imitation.parity import parity_of
from agp_tui.recording.meta import game_slug

PARITY = 1e-4
"""Greatest difference of a probability that an unquantised export may show."""
LIBRARIES = ("torch", "litert-torch", "ai-edge-litert", "ai-edge-quantizer")


def export(
    checkpoint: Path, settings: ExportSettings, models_root: Path, job: Job, name: str | None = None
) -> Path:
    """Convert, check and put in place; returns the model's folder.

    A model of the same name is replaced at the end, not before. Raises `ModelError` for a bad
    checkpoint, `MissingPart` without the converter, `JobFailed` where the conversion fails, does
    not give what the network gives, or is stopped.
    """
    source = load_checkpoint(checkpoint)
    name = game_slug(name or settings.name or source.game)
    job.stage("convert", 1, 2)
    models_root.mkdir(parents=True, exist_ok=True)
    with _new_folder(models_root, name) as folder:
        model = folder / MODEL_FILE
        convert_file(checkpoint, model, job, quantize=settings.quantize)
        job.stage("check", 2, 2)
        data = model.read_bytes()
        parity = parity_of(source.network(), data)
        if settings.quantize == "none" and not parity <= PARITY:
            raise JobFailed(
                f"Expected probabilities as of the network within {PARITY:g}, found them {parity:g} apart.",
                "Export with the libraries' versions of constraints.txt.",
            )
        if settings.quantize != "none":
            _tell_cost(source, data, settings, parity, job)
        write_manifest(folder, _manifest(source, name, settings, data, parity))
        # Without the optimizer: a training that starts from a model is a new one.
        save_checkpoint(folder / CHECKPOINT_FILE, replace(source, training={}))
        return _put_in_place(folder, models_root / name)


def convert_file(
    checkpoint: Path, out: Path, job: Job, *, form: str = "streaming", quantize: str = "none"
) -> None:
    """Write `out` from a checkpoint, in a process of its own; `form` as in `convert`.

    Raises `MissingPart` where the converter is not installed, `JobFailed` where it fails or the job
    is stopped.
    """
    missing = [part for part in ("litert_torch", "ai_edge_quantizer") if not importlib.util.find_spec(part)]
    if "litert_torch" in missing or (missing and quantize != "none"):
        raise MissingPart(
            f"Expected {missing[0].replace('_', '-')} to make a .tflite, found that it is not installed.",
            "pip install 'agp-tui[train]' on Linux x86_64 or macOS arm64, the systems that it exists for; "
            "checkpoints of other machines can be exported there.",
        )
    command = module_command("agp_tui.imitation.convert", str(checkpoint), str(out), form, quantize)
    with tempfile.TemporaryFile() as said:
        quiet = module_environment(TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
        worker = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=quiet
        )
        try:
            while worker.poll() is None and not job.wait_for_stop(0.05):
                pass
        finally:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        if job.stopping:
            raise JobFailed("The export was stopped before it was finished; nothing was changed.")
        if worker.returncode != 0 or not out.is_file():
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise JobFailed(
                f"Expected the conversion to succeed, found exit code {worker.returncode}: "
                f"{lines[-1].strip() if lines else 'it said nothing'}",
                "Install the libraries' versions of constraints.txt and export again.",
            )


def _tell_cost(source: Checkpoint, data: bytes, settings: ExportSettings, parity: float, job: Job) -> None:
    """Say what smaller weights cost in F1, on the frames that were held out in training."""
    cost = f1_of_file(source, data)
    if cost is None:
        job.note(
            f"What {settings.quantize} costs in F1 could not be measured: the held-out recordings are gone. "
            f"Probabilities differ by up to {parity:.3g}.",
            "warning",
        )
        return
    rows: list[list[str | float | int | None]] = [
        ["float32", round(cost.before.f1, 4), round(cost.before.change_f1, 4), None],
        [settings.quantize, round(cost.after.f1, 4), round(cost.after.change_f1, 4), len(data)],
    ]
    job.emit(
        Table(title="Cost of smaller weights", columns=["weights", "F1", "F1 at changes", "bytes"], rows=rows)
    )
    job.note(
        f"{settings.quantize}: F1 {cost.after.f1:.3f} instead of {cost.before.f1:.3f} "
        f"on {cost.positions} held-out frames; {len(data) / 2**20:.1f} MB."
    )


def _manifest(
    source: Checkpoint, name: str, settings: ExportSettings, data: bytes, parity: float
) -> Manifest:
    return Manifest(
        name=name,
        game=source.game,
        keys=source.keys,
        thresholds=source.thresholds,
        fps=source.fps,
        frame_size=source.spec.frame_size,
        segment=source.spec.segment,
        embedding=source.spec.embedding,
        sha256=hash_of(data),
        lead=source.lead,
        network=source.spec.model,
        quantize=settings.quantize,
        parity=parity,
        validation=source.validation,
        versions=_versions(),
        checkpoint=CHECKPOINT_FILE,
    )


def _versions() -> dict[str, str]:
    versions = {"agp-tui": __version__}
    for library in LIBRARIES:
        try:
            versions[library] = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


@contextmanager
def _new_folder(root: Path, name: str) -> Iterator[Path]:
    """A folder beside the models whose name no list shows; removed unless it was put in place."""
    try:
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


def _put_in_place(folder: Path, place: Path) -> Path:
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
