"""Loading a model from disk: manifest, checks, interpreter, policy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig
from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, Manifest, read_manifest, sha256_of
from agp_tui.models.policy import Policy, check_keys
from agp_tui.models.streaming_policy import StreamingPolicy, is_streaming
from agp_tui.models.tflite import ModelFacts, describe, open_interpreter, suppress_runtime_info
from agp_tui.models.validation import inspect_model, read_model, runtime_error
from agp_tui.models.window_policy import Shape, WindowPolicy

DEFAULT_KEYS = ("up", "left", "right", "down")
DEFAULT_THRESHOLD = 0.5
DEFAULT_FPS = 30.0
"""Used for a model without a manifest if the settings do not say otherwise."""

P = TypeVar("P", bound=Policy)


@dataclass
class StoredModel:
    """A model on disk: a folder with a manifest, or a bare `.tflite` file made elsewhere.

    The manifest is read on construction, the file on first use, each once. Raises `ModelError` for a
    damaged manifest.
    """

    path: Path
    manifest: Manifest | None = field(init=False)
    """None for a model made elsewhere."""

    def __post_init__(self) -> None:
        folder = self.path if self.path.is_dir() else self.path.parent
        exported = self.path.name in (MODEL_FILE, MANIFEST_FILE) and (folder / MANIFEST_FILE).is_file()
        self.manifest = read_manifest(folder) if exported or self.path.is_dir() else None
        self._file = self.path if self.manifest is None else folder / MODEL_FILE
        self._inspected: dict[Shape | None, ModelFacts] = {}

    @cached_property
    def data(self) -> bytes:
        """Content of the `.tflite` file. Raises `ModelError` if it is not the one of the manifest."""
        data = read_model(self._file)
        if self.manifest is not None and (found := sha256_of(data)) != self.manifest.sha256:
            raise ModelError(
                f"Expected the sha256 {self.manifest.sha256[:12]}... of its manifest for {self._file}, "
                f"found {found[:12]}...",
                "It was changed or not wholly copied: export it again, or copy the whole folder again.",
            )
        return data

    def inspect(self, input_shape: Shape | None = None) -> ModelFacts:
        """Inputs and outputs, found by running the model once in the sandbox process.

        `input_shape` (frames, height, width, colours) sets open dimensions. Raises as `inspect_model`.
        """
        if input_shape not in self._inspected:
            shape = (1, *input_shape) if input_shape else None
            self._inspected[input_shape] = inspect_model(self._file, self.data, shape)
        return self._inspected[input_shape]

    def policy(
        self, settings: PlaySettings, keys: tuple[str, ...] | None = None, fps: float | None = None
    ) -> Policy:
        """Load the policy.

        With a manifest, everything comes from it; `keys`, if given, must contain the model's. Without
        one, `keys` are those of the model's outputs in their order (default: up, left, right, down) and
        `fps` is its rate (default: 30); the file is first run in the sandbox. Raises `ModelError`, or
        `MissingPart` without a runtime.
        """
        if self.manifest is not None:
            return self._streaming_policy(self.manifest, settings, keys)
        return self._foreign_policy(
            settings, DEFAULT_KEYS if keys is None else keys, DEFAULT_FPS if fps is None else fps
        )

    def _streaming_policy(
        self, manifest: Manifest, settings: PlaySettings, keys: tuple[str, ...] | None
    ) -> StreamingPolicy:
        data = self.data
        if keys is not None:
            check_keys(manifest.keys, keys)

        def build(interpreter: Any, facts: ModelFacts) -> StreamingPolicy:
            return StreamingPolicy(
                interpreter,
                facts,
                keys=manifest.keys,
                thresholds=_thresholds(settings, manifest.thresholds),
                fps=float(manifest.fps),
                filter_config=_filter_config(settings, manifest.key_filter or UNFILTERED),
            )

        policy = _open(self._file, data, settings, build)
        expected = (manifest.frame_size, manifest.segment, manifest.embedding)
        found = (policy.frame_size, policy.segment, policy.embedding)
        if expected != found:
            raise ModelError(
                f"Expected frame_size, segment, embedding {expected} of the manifest in {self._file}, "
                f"found {found}.",
                "Export the model again.",
            )
        return policy

    def _foreign_policy(self, settings: PlaySettings, keys: tuple[str, ...], fps: float) -> Policy:
        facts = self.inspect(settings.model_input_shape)
        thresholds = _thresholds(settings, (DEFAULT_THRESHOLD,) * len(keys))
        filter_config = _filter_config(settings, UNFILTERED)

        def build(interpreter: Any, _facts: ModelFacts) -> Policy:
            if is_streaming(facts):
                return StreamingPolicy(
                    interpreter, facts, keys=keys, thresholds=thresholds, fps=fps, filter_config=filter_config
                )
            return WindowPolicy(
                interpreter,
                facts,
                keys=keys,
                thresholds=thresholds,
                fps=fps,
                filter_config=filter_config,
                normalize=settings.normalize_images,
                channels=settings.channels,
                expected_shape=settings.model_input_shape,
            )

        return _open(self._file, self.data, settings, build)


def load_policy(
    path: Path,
    settings: PlaySettings,
    keys: tuple[str, ...] | None = None,
    fps: float | None = None,
) -> Policy:
    """The policy of a model folder or a `.tflite` file; see `StoredModel.policy`."""
    return StoredModel(path).policy(settings, keys, fps)


def _open(path: Path, data: bytes, settings: PlaySettings, build: Callable[[Any, ModelFacts], P]) -> P:
    """Open the interpreter and build the policy; errors of the runtime become a `ModelError`."""
    with suppress_runtime_info():
        try:
            interpreter = open_interpreter(data, settings.threads or 1)
            return build(interpreter, describe(interpreter))
        except (ValueError, RuntimeError) as error:
            raise runtime_error(path, str(error)) from error
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", error.hint) from error


def _thresholds(settings: PlaySettings, default: tuple[float, ...]) -> tuple[float, ...]:
    if settings.activation_threshold is None:
        return default
    return (settings.activation_threshold,) * len(default)


def _filter_config(settings: PlaySettings, default: KeyFilterConfig) -> KeyFilterConfig:
    overrides = {
        "hysteresis": settings.hysteresis,
        "min_hold": settings.min_hold,
        "smoothing": settings.smoothing,
    }
    return msgspec.structs.replace(
        default, **{name: value for name, value in overrides.items() if value is not None}
    )
