"""The policy of a model made elsewhere: one input with the whole window of frames, and one output."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import ModelError
from agp_tui.games.base import Pixels
from agp_tui.models.frame_window import RingBuffer, resize
from agp_tui.models.key_filter import UNFILTERED, KeyFilterConfig
from agp_tui.models.tflite import ModelFacts, Tensor, is_open

Shape = tuple[int, int, int, int]
"""Frames, height, width, colours."""


class WindowPolicy:
    """One input (1, frames, height, width, 3), float32 or uint8; one output with a value for each key.

    A frame is resized and converted to the model's colour order and dtype once, when it is observed; a
    decision copies the window straight into the interpreter's own input (15 MB at 20 x 256 x 256 in
    float32: two block copies, 4 ms on one core, against 15 ms for rolling the whole window and
    passing it). Frames before the first one are zeros.
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
        normalize: bool,
        channels: Literal["rgb", "bgr"],
        expected_shape: Shape | None = None,
    ) -> None:
        """Raises `ModelError` if input and output are not as above or do not fit the keys."""
        self._input, self._output = _check(facts, keys, expected_shape)
        self.keys = keys
        self.thresholds = np.array(thresholds, np.float32)
        self.filter_config = filter_config
        self.fps = fps
        _, self.segment, self._height, self._width, _ = self._input.shape
        self._interpreter = interpreter
        if is_open(facts.inputs[0]):
            interpreter.resize_tensor_input(self._input.index, self._input.shape, strict=True)
        interpreter.allocate_tensors()
        self._input_view = interpreter.tensor(self._input.index)
        self._channels = channels
        self._divisor = np.float32(255.0 if normalize and self._input.dtype == "float32" else 1.0)
        self._ring: RingBuffer[Any] = RingBuffer(
            self.segment, self._input.shape[2:], np.dtype(self._input.dtype)
        )
        self.probabilities()

    def reset(self) -> None:
        """Forget all frames, before a new play."""
        self._ring.fill(np.zeros(1, np.dtype(self._input.dtype)))

    def observe(self, pixels: Pixels) -> None:
        """Add the newest frame."""
        picture = resize(pixels, self._height, self._width)
        if self._channels == "bgr":
            picture = picture[..., ::-1]
        slot = self._ring.advance()
        if self._divisor == 1.0:
            slot[:] = picture
        else:
            np.divide(picture, self._divisor, out=slot)

    def probabilities(self) -> NDArray[np.float32]:
        """The model's output for the frames observed so far: shape (keys,)."""
        # The view must be released before the model runs, or the interpreter refuses.
        self._ring.copy_to(self._input_view()[0])
        self._interpreter.invoke()
        values = self._interpreter.get_tensor(self._output.index).reshape(-1)
        if self._output.scale > 0.0 and self._output.dtype != "float32":
            values = (values.astype(np.float32) - self._output.zero_point) * self._output.scale
        return np.asarray(values, np.float32)

    def decide(self, pixels: Pixels) -> NDArray[np.float32]:
        """`observe`, then `probabilities`: shape (keys,)."""
        self.observe(pixels)
        return self.probabilities()


def _check(facts: ModelFacts, keys: tuple[str, ...], expected: Shape | None) -> tuple[Tensor, Tensor]:
    if len(facts.inputs) != 1 or len(facts.outputs) != 1:
        raise ModelError(
            f"Expected a model with one input and one output, found {len(facts.inputs)} and "
            f"{len(facts.outputs)}.",
            "Convert it again with the window of frames as its only input and the keys as its only output.",
        )
    frames, values = facts.inputs[0], facts.outputs[0]
    if is_open(frames) and expected is None:
        raise ModelError(
            f"Expected an input of fixed size, found {frames}.",
            "Give the size with --model-input-shape FRAMES,HEIGHT,WIDTH,COLOURS, such as 20,256,256,3.",
        )
    shape = frames.shape
    if len(shape) != 5 or shape[0] != 1 or shape[4] != 3 or frames.dtype not in ("float32", "uint8"):
        raise ModelError(
            f"Expected an input of shape (1, frames, height, width, 3) in float32 or uint8, found {frames}.",
            "Convert the model again with such an input.",
        )
    if expected is not None and shape[1:] != expected:
        raise ModelError(
            f"Expected an input of {expected} (model_input_shape), found {shape[1:]} in the file.",
            "Correct model_input_shape, or leave it out: it is read from the file.",
        )
    count = int(np.prod(values.shape))
    if count != len(keys):
        raise ModelError(
            f"Expected an output for each of {len(keys)} keys ({', '.join(keys)}), found {count} outputs.",
            "Name the keys that the model was trained on, in its order.",
        )
    return frames, values
