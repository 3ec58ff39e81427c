"""The LiteRT interpreter: finding it, opening a model, describing its inputs and outputs.

Knows nothing of frames, keys or manifests.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import MissingPart

INFO_PREFIXES = (b"INFO:", b"VERBOSE:")
"""Prefixes of the runtime's informative lines on stderr."""

_stderr_lock = threading.Lock()
"""Only one thread at a time may redirect the stderr of the process."""


class Tensor(msgspec.Struct, frozen=True):
    """An input or output of a model. `open_shape` has -1 for open dimensions."""

    name: str
    index: int
    shape: tuple[int, ...]
    open_shape: tuple[int, ...]
    dtype: str
    scale: float
    """Of quantized values: real = (stored - zero_point) * scale; 0 if not quantized."""
    zero_point: int

    def __str__(self) -> str:
        return f"{self.open_shape} {self.dtype}".replace("-1", "?")


class Signature(msgspec.Struct, frozen=True):
    """A named way to call a model."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


class ModelFacts(msgspec.Struct, frozen=True):
    """The inputs and outputs of a model: its primary graph, and its named signatures."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    signatures: dict[str, Signature]


def open_interpreter(data: bytes, threads: int = 1) -> Any:
    """Open a model file's content with the `Interpreter` API of TensorFlow Lite.

    Raises `MissingPart` if no runtime is installed, and what the runtime raises (`ValueError`,
    `RuntimeError`) for content that it refuses.
    """
    return _interpreter_class()(model_content=data, num_threads=threads)


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        pass
    else:
        return Interpreter
    hint = "Install it: pip install ai-edge-litert"
    try:
        import tflite_runtime
        from tflite_runtime.interpreter import Interpreter as OlderInterpreter
    except (ImportError, AttributeError) as error:
        # With numpy 2 its import can raise an AttributeError.
        raise MissingPart(
            "Expected the LiteRT runtime, found neither ai-edge-litert nor tflite-runtime.", hint
        ) from error
    version = str(getattr(tflite_runtime, "__version__", "0"))
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0" and version.startswith(("1.", "2.")):
        raise MissingPart(
            f"Expected ai-edge-litert, found tflite-runtime {version}, which numpy {np.__version__} breaks.",
            hint,
        )
    return OlderInterpreter


@contextmanager
def suppress_runtime_info() -> Iterator[None]:
    """Keep the runtime's informative lines from stderr; other lines are written there on exit.

    The runtime writes them from C++ to the file descriptor when it opens or first runs a model; they would
    corrupt the screen of a terminal app.
    """
    with _stderr_lock, tempfile.TemporaryFile() as captured:
        try:
            sys.stderr.flush()
            stderr = os.dup(2)
        except (OSError, ValueError, AttributeError):
            yield
            return
        os.dup2(captured.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            captured.seek(0)
            os.write(stderr, b"".join(line for line in captured if not line.startswith(INFO_PREFIXES)))
            os.close(stderr)


def describe(interpreter: Any) -> ModelFacts:
    """The inputs and outputs of an opened model."""
    signatures = {}
    for name in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(name)
        signatures[name] = Signature(
            inputs={key: _tensor(details) for key, details in runner.get_input_details().items()},
            outputs={key: _tensor(details) for key, details in runner.get_output_details().items()},
        )
    return ModelFacts(
        inputs=tuple(_tensor(details) for details in interpreter.get_input_details()),
        outputs=tuple(_tensor(details) for details in interpreter.get_output_details()),
        signatures=signatures,
    )


def _tensor(details: dict[str, Any]) -> Tensor:
    scale, zero_point = details["quantization"]
    signature = details.get("shape_signature")
    shape = tuple(int(size) for size in details["shape"])
    return Tensor(
        name=str(details["name"]),
        index=int(details["index"]),
        shape=shape,
        open_shape=shape if signature is None else tuple(int(size) for size in signature),
        dtype=np.dtype(details["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )


def run_once(interpreter: Any, facts: ModelFacts, input_shape: tuple[int, ...] | None = None) -> ModelFacts:
    """Run every signature, or else the primary graph, once on zeros.

    `input_shape` sets the open dimensions of the first input; with dimensions still open, nothing is run.
    Returns the updated facts. Raises what the runtime raises.
    """
    if any(is_open(tensor) for tensor in facts.inputs):
        if input_shape is None or len(input_shape) != len(facts.inputs[0].shape):
            return facts
        interpreter.resize_tensor_input(facts.inputs[0].index, input_shape, strict=True)
        interpreter.allocate_tensors()
        facts = describe(interpreter)
    elif facts.signatures:
        for name, signature in facts.signatures.items():
            runner = interpreter.get_signature_runner(name)
            runner(**{key: _zeros(tensor) for key, tensor in signature.inputs.items()})
        return facts
    interpreter.allocate_tensors()
    for tensor in facts.inputs:
        interpreter.set_tensor(tensor.index, _zeros(tensor))
    interpreter.invoke()
    for tensor in facts.outputs:
        interpreter.get_tensor(tensor.index)
    return facts


def is_open(tensor: Tensor) -> bool:
    """Whether a dimension other than the batch is open."""
    return -1 in tensor.open_shape[1:]


def _zeros(tensor: Tensor) -> NDArray[Any]:
    return np.zeros(tensor.shape, np.dtype(tensor.dtype))
