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

CHATTER = (b"INFO:", b"VERBOSE:")
"""How the lines begin that the runtime writes to stderr although nothing is wrong."""

_stderr_lock = threading.Lock()
"""The process has one stderr; two threads must not set it aside at once."""


class Tensor(msgspec.Struct, frozen=True):
    """An input or output of a model. `open_shape` has -1 where a dimension is left open."""

    name: str
    index: int
    shape: tuple[int, ...]
    open_shape: tuple[int, ...]
    dtype: str
    scale: float
    """Of quantised values: real = (stored - zero_point) * scale; 0 where they are not quantised."""
    zero_point: int

    def __str__(self) -> str:
        return f"{self.open_shape} {self.dtype}".replace("-1", "?")


class Signature(msgspec.Struct, frozen=True):
    """A named way to call a model."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]


class ModelFacts(msgspec.Struct, frozen=True):
    """What a model takes and gives: its primary graph, and its named signatures."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    signatures: dict[str, Signature]


def open_interpreter(data: bytes, threads: int = 1) -> Any:
    """An interpreter (the `Interpreter` API of TensorFlow Lite) of a model file's content.

    Raises `MissingPart` where no runtime is installed, and what the runtime raises
    (`ValueError`, `RuntimeError`) for content that it does not take.
    """
    return _interpreter_class()(model_content=data, num_threads=threads)


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        pass
    else:
        return Interpreter
    cure = "Install it: pip install ai-edge-litert"
    try:
        import tflite_runtime
        from tflite_runtime.interpreter import Interpreter as OlderInterpreter
    except (ImportError, AttributeError) as error:
        # With numpy 2 its import can end in an AttributeError of numpy's own.
        raise MissingPart(
            "Expected the LiteRT runtime, found neither ai-edge-litert nor tflite-runtime.", cure
        ) from error
    version = str(getattr(tflite_runtime, "__version__", "0"))
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0" and version.startswith(("1.", "2.")):
        raise MissingPart(
            f"Expected ai-edge-litert, found tflite-runtime {version}, which numpy {np.__version__} breaks.",
            cure,
        )
    return OlderInterpreter


@contextmanager
def suppress_runtime_info() -> Iterator[None]:
    """While inside, the runtime's informative lines do not reach stderr; all others do, afterwards.

    The runtime writes them from C++ to the descriptor, once for a process, where it opens or first
    runs a model; a terminal app would find them on its screen.
    """
    with _stderr_lock, tempfile.TemporaryFile() as held:
        try:
            sys.stderr.flush()
            kept = os.dup(2)
        except (OSError, ValueError, AttributeError):
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(CHATTER))
            os.write(kept, rest)
            os.close(kept)


def describe(interpreter: Any) -> ModelFacts:
    """The facts of an opened model."""
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
    """Run every signature, or the only graph, on zeros: what fails later fails here.

    `input_shape` settles the dimensions that the first input leaves open; while they are open,
    nothing is run. Gives the facts as they are after that. Raises what the runtime raises.
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
    """Whether more than the batch, which stands at 1, is left to the caller."""
    return -1 in tensor.open_shape[1:]


def _zeros(tensor: Tensor) -> NDArray[Any]:
    return np.zeros(tensor.shape, np.dtype(tensor.dtype))
