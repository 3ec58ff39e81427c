"""The policy of a model exported here: each frame is encoded once, a decision runs on the embeddings."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import ModelError
from agp_tui.games.base import Pixels
from agp_tui.models.frame_window import RingBuffer, resize
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig
from agp_tui.models.tflite import ModelFacts, Tensor, open_interpreter

ENCODE, DECIDE = "encode", "decide"
FRAME, BEFORE, EMBEDDING = "frame", "before", "embedding"
EMBEDDINGS, PROBABILITIES = "embeddings", "probabilities"

CURE = "Export the model again with this version of agp-tui."


class StreamingPolicy:
    """Two signatures: `encode` (newest frame -> embedding), `decide` (last embeddings -> probabilities).

    A model with motion input takes the previous frame as a second input of `encode`. Frames before the
    first one are black, which equals a window of frames padded with zeros.
    """

    def __init__(
        self,
        interpreter: Any,
        facts: ModelFacts,
        *,
        keys: tuple[str, ...],
        thresholds: tuple[float, ...],
        fps: float,
        filter_config: KeyFilterConfig = UNFILTERED,
    ) -> None:
        """Raises `ModelError` if the signatures are not as above or do not fit the keys."""
        frame, embeddings = _check(facts, keys)
        self.keys = keys
        self.thresholds = np.array(thresholds, np.float32)
        self.filter_config = filter_config
        self.fps = fps
        self.frame_size = frame.shape[1]
        count, self.embedding = embeddings.shape[1], embeddings.shape[2]
        self._motion = BEFORE in facts.signatures[ENCODE].inputs
        self.segment = count + self._motion
        self._encode = interpreter.get_signature_runner(ENCODE)
        self._decide = interpreter.get_signature_runner(DECIDE)
        self._ring: RingBuffer[np.float32] = RingBuffer(count, (self.embedding,), np.float32)
        self._window = np.zeros(embeddings.shape, np.float32)
        self._blank = np.zeros((self.frame_size, self.frame_size, 3), np.uint8)
        self._before = self._blank
        self._black = self.encode(self._blank).copy()
        self.reset()
        self.probabilities()

    def reset(self) -> None:
        """Forget all frames, before a new play."""
        self._before = self._blank
        self._ring.fill(self._black)

    def encode(self, pixels: Pixels) -> NDArray[np.float32]:
        """The embedding of a frame, shape (embedding,); it becomes the previous frame of the next call."""
        picture = resize(pixels, self.frame_size, self.frame_size)
        inputs = {FRAME: picture[None]}
        if self._motion:
            inputs[BEFORE], self._before = self._before[None], picture.copy()
        embedding: NDArray[np.float32] = self._encode(**inputs)[EMBEDDING][0]
        return embedding

    def observe(self, pixels: Pixels) -> None:
        """Add the newest frame."""
        self._ring.advance()[:] = self.encode(pixels)

    def probabilities(self) -> NDArray[np.float32]:
        """Key probabilities for the frames observed so far: shape (keys,), from 0 to 1."""
        self._ring.copy_to(self._window[0])
        result: NDArray[np.float32] = self._decide(embeddings=self._window)[PROBABILITIES][0]
        return result

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        """`observe`, then `probabilities`: shape (keys,)."""
        self.observe(pixels)
        return self.probabilities()


def stream_probabilities(data: bytes, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Run a model file over consecutive frames: (N, S, S, 3) uint8 to (N - segment + 1, keys)."""
    interpreter = open_interpreter(data)
    encode = interpreter.get_signature_runner(ENCODE)
    decide = interpreter.get_signature_runner(DECIDE)
    count = decide.get_input_details()[EMBEDDINGS]["shape"][1]
    if BEFORE in encode.get_input_details():
        inputs = [{FRAME: frame[None], BEFORE: before[None]} for before, frame in pairwise(frames)]
    else:
        inputs = [{FRAME: frame[None]} for frame in frames]
    embeddings = np.concatenate([encode(**one)[EMBEDDING].copy() for one in inputs])
    windows = (embeddings[i : i + count][None] for i in range(len(embeddings) - count + 1))
    return np.concatenate([decide(embeddings=window)[PROBABILITIES].copy() for window in windows])


def is_streaming(facts: ModelFacts) -> bool:
    """Whether a model has the signatures of a `StreamingPolicy`."""
    return {ENCODE, DECIDE} <= facts.signatures.keys()


def _check(facts: ModelFacts, keys: tuple[str, ...]) -> tuple[Tensor, Tensor]:
    if not is_streaming(facts):
        found = ", ".join(facts.signatures) or "none"
        raise ModelError(f"Expected the signatures {ENCODE} and {DECIDE}, found {found}.", CURE)
    encode, decide = facts.signatures[ENCODE], facts.signatures[DECIDE]
    frame = _named(encode.inputs, FRAME, f"an input of {ENCODE}")
    embedding = _named(encode.outputs, EMBEDDING, f"an output of {ENCODE}")
    before = encode.inputs.get(BEFORE, frame)
    if (before.shape, before.dtype) != (frame.shape, frame.dtype):
        raise ModelError(f"Expected the frame before to be like the frame, {frame}, found {before}.", CURE)
    embeddings = _named(decide.inputs, EMBEDDINGS, f"an input of {DECIDE}")
    probabilities = _named(decide.outputs, PROBABILITIES, f"an output of {DECIDE}")
    shape = frame.shape
    if len(shape) != 4 or shape[0] != 1 or shape[1] != shape[2] or shape[3] != 3 or frame.dtype != "uint8":
        raise ModelError(f"Expected frames of shape (1, S, S, 3) uint8, found {frame}.", CURE)
    if len(embeddings.shape) != 3 or (1, embeddings.shape[-1]) != embedding.shape:
        raise ModelError(
            f"Expected {DECIDE} to take a window of embeddings {embedding}, found {embeddings}.", CURE
        )
    if embeddings.dtype != "float32" or embedding.dtype != "float32" or probabilities.dtype != "float32":
        raise ModelError(f"Expected float32 embeddings and probabilities, found {embeddings}.", CURE)
    if probabilities.shape != (1, len(keys)):
        raise ModelError(
            f"Expected an output for each of {len(keys)} keys ({', '.join(keys)}), found {probabilities}.",
            "Name the keys that the model was trained on, in its order.",
        )
    return frame, embeddings


def _named(tensors: dict[str, Tensor], name: str, what: str) -> Tensor:
    if name not in tensors:
        raise ModelError(f"Expected {name} as {what}, found {', '.join(tensors) or 'none'}.", CURE)
    return tensors[name]
