"""A policy turns frames into key probabilities; here one is loaded and put into a driver's seat."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.games.base import Frame, Pixels
from agp_tui.keys.state import Keys, Who
from agp_tui.models.key_filter import UNFILTERED, KeyFilter, KeyFilterConfig
from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, Manifest, read_manifest, sha256_of
from agp_tui.models.streaming_policy import StreamingPolicy, is_streaming
from agp_tui.models.tflite import ModelFacts, describe, open_interpreter, suppress_runtime_info
from agp_tui.models.validation import inspect_model, read_model, runtime_error
from agp_tui.models.window_policy import WindowPolicy

DEFAULT_KEYS = ("up", "left", "right", "down")
DEFAULT_THRESHOLD = 0.5
DEFAULT_FPS = 30.0
"""What stands in for a manifest where nothing is said."""


class Policy(Protocol):
    """Frames in, key probabilities out. Not thread-safe; `decide` is `see` and then `probabilities`."""

    keys: tuple[str, ...]
    thresholds: NDArray[np.float32]
    """Shape (keys,): a key is pressed from this probability on."""
    steadiness: KeyFilterConfig
    fps: float
    segment: int
    """Frames that a decision sees. Before so many were seen, black frames stand in for the rest."""

    def reset(self) -> None:
        """Forget every frame: play begins."""
        ...

    def see(self, pixels: Pixels) -> None:
        """Take the newest frame: RGB of any size."""
        ...

    def probabilities(self) -> NDArray[np.float32]:
        """What the frames seen so far say: shape (keys,), float32."""
        ...

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        """Take the newest frame and give the probabilities: shape (keys,), float32."""
        ...


class PolicyDriver:
    """A policy in the driver's seat: keys held from each frame on."""

    who: Who = "agent"

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._hands = KeyFilter(policy)
        self.latest: NDArray[np.float32] = np.zeros(len(policy.keys), np.float32)
        """The probabilities of the last decision."""

    def reset(self) -> None:
        """Forget every frame: play begins."""
        self.policy.reset()
        self._hands.reset()

    def decide(self, frame: Frame) -> Keys:
        """The keys to hold from this frame on."""
        self.latest = self.policy.decide(frame.pixels)
        return self._hands.hold(self.latest)


P = TypeVar("P", bound=Policy)


def load_policy(
    path: Path,
    settings: PlaySettings,
    keys: tuple[str, ...] | None = None,
    fps: float | None = None,
) -> Policy:
    """The policy of a model folder, or of a `.tflite` file made elsewhere.

    With a manifest, everything comes from it; `keys`, where given, must contain the model's. Without
    one, `keys` are those of the model's outputs in their order (up, left, right, down by default) and
    `fps` is how often it decides (30 by default); the file is first tried out in a process of its own.
    Raises `ModelError`, or `MissingPart` without a runtime.
    """
    folder = path if path.is_dir() else path.parent
    made_here = path.is_dir() or path.name in (MODEL_FILE, MANIFEST_FILE)
    if made_here and (path.is_dir() or (folder / MANIFEST_FILE).is_file()):
        return _made_here(folder, settings, keys)
    return _made_elsewhere(path, settings, keys, fps)


def check_keys(model_keys: tuple[str, ...], game_keys: tuple[str, ...]) -> None:
    """Raises `ModelError` where a model presses keys that are not keys of the game."""
    if strange := [key for key in model_keys if key not in game_keys]:
        raise ModelError(
            f"Expected a model for the keys {', '.join(game_keys)}, found one that presses "
            f"{', '.join(strange)}.",
            f"Play it on its own game, or give the game the keys {','.join(model_keys)}.",
        )


def _made_here(folder: Path, settings: PlaySettings, keys: tuple[str, ...] | None) -> Policy:
    manifest = read_manifest(folder)
    path = folder / MODEL_FILE
    data = read_model(path)
    if (found := sha256_of(data)) != manifest.sha256:
        raise ModelError(
            f"Expected the sha256 {manifest.sha256[:12]}... of its manifest for {path}, "
            f"found {found[:12]}...",
            "It was changed or not wholly copied: export it again, or copy the whole folder again.",
        )
    if keys is not None:
        check_keys(manifest.keys, keys)
    thresholds = _thresholds(settings, manifest.thresholds)
    steadiness = _steadiness(settings, manifest.steadiness or UNFILTERED)

    def build(interpreter: Any, facts: ModelFacts) -> StreamingPolicy:
        return StreamingPolicy(
            interpreter,
            facts,
            keys=manifest.keys,
            thresholds=thresholds,
            fps=float(manifest.fps),
            steadiness=steadiness,
        )

    policy = _opened(path, data, settings, build)
    _check_manifest(path, manifest, policy)
    return policy


def _made_elsewhere(
    path: Path, settings: PlaySettings, keys: tuple[str, ...] | None, fps: float | None
) -> Policy:
    data = read_model(path)
    shape = settings.model_input_shape
    facts = inspect_model(path, data, (1, *shape) if shape else None)
    names = DEFAULT_KEYS if keys is None else keys
    rate = DEFAULT_FPS if fps is None else fps
    thresholds = _thresholds(settings, (DEFAULT_THRESHOLD,) * len(names))
    steadiness = _steadiness(settings, UNFILTERED)

    def build(interpreter: Any, _facts: ModelFacts) -> Policy:
        if is_streaming(facts):
            return StreamingPolicy(
                interpreter, facts, keys=names, thresholds=thresholds, fps=rate, steadiness=steadiness
            )
        return WindowPolicy(
            interpreter,
            facts,
            keys=names,
            thresholds=thresholds,
            fps=rate,
            steadiness=steadiness,
            normalize=settings.normalize_images,
            channels=settings.channels,
            expected_shape=shape,
        )

    return _opened(path, data, settings, build)


def _opened(path: Path, data: bytes, settings: PlaySettings, build: Callable[[Any, ModelFacts], P]) -> P:
    """Open the model and build its policy; what the runtime refuses becomes a `ModelError`."""
    with suppress_runtime_info():
        try:
            interpreter = open_interpreter(data, settings.threads or 1)
            return build(interpreter, describe(interpreter))
        except (ValueError, RuntimeError) as error:
            raise runtime_error(path, str(error)) from error
        except ModelError as error:
            raise ModelError(f"{path}: {error.message}", error.hint) from error


def _thresholds(settings: PlaySettings, own: tuple[float, ...]) -> tuple[float, ...]:
    if settings.activation_threshold is None:
        return own
    return (settings.activation_threshold,) * len(own)


def _steadiness(settings: PlaySettings, own: KeyFilterConfig) -> KeyFilterConfig:
    asked = {
        "hysteresis": settings.hysteresis,
        "min_hold": settings.min_hold,
        "smoothing": settings.smoothing,
    }
    return msgspec.structs.replace(own, **{name: value for name, value in asked.items() if value is not None})


def _check_manifest(path: Path, manifest: Manifest, policy: StreamingPolicy) -> None:
    expected = (manifest.frame_size, manifest.segment, manifest.embedding)
    found = (policy.frame_size, policy.segment, policy.embedding)
    if expected != found:
        raise ModelError(
            f"Expected frame_size, segment, embedding {expected} of the manifest in {path}, found {found}.",
            "Export the model again.",
        )
