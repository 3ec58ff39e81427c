"""A model's manifest, `model.toml`: everything needed to play its `model.tflite`; finding models by name.

Knows nothing of how a model is made or run.
"""

import difflib
import hashlib
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec
import tomlkit

from agp_tui.errors import ModelError, SettingError
from agp_tui.files import write_atomically
from agp_tui.games.view import View
from agp_tui.key_names import key_name
from agp_tui.models.key_filter import KeyFilterConfig

SCHEMA = 1
"""Version of `model.toml` that is written, and the newest that can be read."""

MANIFEST_FILE = "model.toml"
MODEL_FILE = "model.tflite"
SUFFIX = ".tflite"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of `model.toml`. Raises `ModelError` on construction if its fields are inconsistent."""

    schema: int = SCHEMA
    name: str
    game: str
    """The game it was trained on, as `--game` takes it."""
    keys: tuple[str, ...]
    """The keys, in the order of the model's probabilities."""
    thresholds: tuple[float, ...]
    """For each key, the probability from which on it is pressed."""
    fps: int
    """Decisions a second."""
    frame_size: int
    """Side of the square input frame, in pixels."""
    segment: int
    """Frames in the window of a decision."""
    embedding: int
    """Length of a frame embedding."""
    sha256: str
    """Of `model.tflite`, 64 hexadecimal digits."""
    channels: Literal["rgb"] = "rgb"
    lead: int = 1
    """Label offset: frames from the newest frame of the window to the key state to be predicted."""
    network: str = ""
    """Network size: small, large."""
    quantize: Literal["none", "fp16", "int8"] = "none"
    parity: float | None = None
    """Largest difference between the probabilities of the trained network and of this file."""
    validation: dict[str, Any] = {}
    """Metrics on held-out recordings."""
    versions: dict[str, str] = {}
    """Versions of the program and the libraries that made it."""
    key_filter: KeyFilterConfig | None = msgspec.field(default=None, name="steadiness")
    """Key filter that was found to help; None for thresholds alone."""
    key_filter_search: dict[str, Any] | None = msgspec.field(default=None, name="steadied")
    """The search for `key_filter`: metrics without it and with it."""
    no_better_than: str | None = None
    """The model that this one was trained from, if that one plays as well or better."""
    checkpoint: str | None = None
    """File beside `model.tflite` to continue training from."""
    view: View | None = None
    """Region, display and window of the newest recording that it was trained on; None for Atari games."""
    game_delay_ms: float | None = None
    """The game's own delay from a key to the picture, as in its recordings; None if it was not measured."""

    def __post_init__(self) -> None:
        if len(self.thresholds) != len(self.keys):
            _refuse(f"as many thresholds as keys ({len(self.keys)})", len(self.thresholds))
        if not self.keys or len(set(self.keys)) != len(self.keys):
            _refuse("one or more keys, each once", list(self.keys))
        for key in self.keys:
            try:
                known = key_name(key) == key
            except SettingError:
                known = False
            if not known:
                _refuse("names of keys", key)
        if not all(0.0 <= threshold <= 1.0 for threshold in self.thresholds):
            _refuse("thresholds from 0 to 1", list(self.thresholds))
        if not 1 <= self.fps <= 60:
            _refuse("fps from 1 to 60", self.fps)
        if not 1 <= self.segment <= 64:
            _refuse("segment from 1 to 64", self.segment)
        if not 16 <= self.frame_size <= 2160:
            _refuse("frame_size from 16 to 2160", self.frame_size)
        if self.embedding < 1 or self.lead < 0:
            _refuse("embedding from 1 and lead from 0 on", (self.embedding, self.lead))
        if self.checkpoint is not None and Path(self.checkpoint).name != self.checkpoint:
            _refuse("a checkpoint in the model's own folder", self.checkpoint)
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            _refuse("sha256 as 64 hexadecimal digits", self.sha256)


def _refuse(expected: str, found: object) -> None:
    raise ModelError(f"Expected {expected}, found {found!r}.", "Export the model again.")


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest in a model folder. Raises `ModelError` with the file and the field at fault."""
    path = folder / MANIFEST_FILE
    hint = "Export the model again, or name the .tflite file itself and give its keys."
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"Expected a manifest at {path}, found none: {error.strerror}.", hint) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelError(f"Expected TOML in {path}: {error}.", hint) from error
    schema = body.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise ModelError(f"Expected a schema version in {path}, found {schema!r}.", hint)
    if schema > SCHEMA:
        raise ModelError(
            f"Expected schema {SCHEMA} or older in {path}, found {schema}.",
            "Update agp-tui to play this model.",
        )
    try:
        return msgspec.convert(body, Manifest)
    except msgspec.ValidationError as error:
        raise ModelError(f"{path}: {error}.", hint) from error
    except ModelError as error:
        raise ModelError(f"{path}: {error.message}", error.hint) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `model.toml` atomically. Fields that are None are left out."""
    body = msgspec.to_builtins(manifest, enc_hook=_to_plain)
    write_atomically(folder / MANIFEST_FILE, tomlkit.dumps(_without_none(body)).encode())


def _to_plain(value: Any) -> Any:
    """Convert numpy values, which metrics often are."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"Expected plain data in a manifest, found {type(value).__name__}.")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value


def sha256_of(data: bytes) -> str:
    """Hexadecimal sha256 of a model file's content."""
    return hashlib.sha256(data).hexdigest()


def list_models(root: Path) -> list[Path]:
    """Models under `root`, sorted by name: folders with a manifest, and bare `.tflite` files."""
    if not root.is_dir():
        return []
    return [path for path in sorted(root.iterdir()) if _is_model(path)]


def find_model(root: Path, text: str) -> Path:
    """Resolve a model: a path to a folder or file, or a name under `root`.

    Raises `ModelError` that suggests similar names.
    """
    given = Path(text).expanduser()
    for candidate in (given, root / text, root / f"{text}{SUFFIX}"):
        if _is_model(candidate):
            if candidate.name in (MANIFEST_FILE, MODEL_FILE) and _is_model(candidate.parent):
                return candidate.parent.resolve()
            return candidate.resolve()
    if given.exists():
        raise ModelError(
            f"Expected a .tflite file or a folder with {MANIFEST_FILE}, found {given}.",
            "Name a model; agp models list shows them.",
        )
    names = [path.name.removesuffix(SUFFIX) for path in list_models(root)]
    near = difflib.get_close_matches(text, names, n=3, cutoff=0.4)
    if near:
        hint = f"Did you mean {', '.join(near)}?"
    elif names:
        hint = f"Known here: {', '.join(names[:5])}. See agp models list."
    else:
        hint = "There is none yet: agp train makes one from recordings."
    raise ModelError(f"Expected a model named {text!r} in {root}, found none.", hint)


def _is_model(path: Path) -> bool:
    if path.is_dir():
        return not path.name.startswith(".") and (path / MANIFEST_FILE).is_file()
    return path.is_file() and (path.suffix == SUFFIX or path.name == MANIFEST_FILE)
