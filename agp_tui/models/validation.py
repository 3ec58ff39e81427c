"""Validation of a model file before this process runs it."""

import re
import subprocess
from pathlib import Path

import msgspec

from agp_tui.engine.subprocesses import exit_text, module_command, module_environment
from agp_tui.errors import MissingPart, ModelError
from agp_tui.models.sandbox import SandboxResult
from agp_tui.models.tflite import ModelFacts

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every .tflite file (its FlatBuffers file identifier)."""

MIN_BYTES, MAX_BYTES = 64, 1 << 30
"""Bounds of a model file's size, in bytes."""

SANDBOX_SECONDS = 20.0
"""Time limit for opening a model and running it once."""

DAMAGED = "The file is damaged or was made for another runtime: export or download it again."


def read_model(path: Path) -> bytes:
    """A model file's content. Raises `ModelError` if it cannot be read or is not a .tflite file."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if MIN_BYTES <= size <= MAX_BYTES else b""
    except OSError as error:
        raise ModelError(
            f"Expected a model file at {path}, found none that can be read: {error.strerror}.",
            "agp models list shows the available models.",
        ) from error
    if not data:
        raise ModelError(f"Expected {MIN_BYTES} bytes to 1 GB in {path}, found {size} bytes.", DAMAGED)
    if data[4:8] != IDENTIFIER:
        raise ModelError(
            f"Expected a .tflite file (TFL3 at byte 4) in {path}, found {data[4:8]!r}.",
            "Convert the model to .tflite; other formats are not supported.",
        )
    return data


def inspect_model(
    path: Path,
    data: bytes | None = None,
    input_shape: tuple[int, ...] | None = None,
    seconds: float = SANDBOX_SECONDS,
) -> ModelFacts:
    """The inputs and outputs of a model, found by running it once in the sandbox process.

    `data` is its content, if already read. `input_shape` sets open dimensions. Raises `ModelError` if the
    model crashes, hangs, or is refused by the runtime.
    """
    content = read_model(path) if data is None else data
    shape = [",".join(map(str, input_shape))] if input_shape is not None else []
    try:
        done = subprocess.run(
            module_command("agp_tui.models.sandbox", *shape),
            input=content,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=module_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(
            f"Expected {path} to run once within {seconds:g} s, found it still running.",
            "Use a smaller model, or export it again if it is damaged.",
        ) from error
    except BrokenPipeError as error:
        raise ModelError(f"Expected {path} to be opened, found its process gone.", DAMAGED) from error
    return _facts_of(path, done, shape_given=input_shape is not None)


def _facts_of(path: Path, done: "subprocess.CompletedProcess[bytes]", shape_given: bool) -> ModelFacts:
    if done.returncode != 0:
        raise ModelError(f"Expected {path} to run once, found that its process {exit_text(done)}.", DAMAGED)
    try:
        result = msgspec.json.decode(done.stdout, type=SandboxResult)
    except msgspec.DecodeError as error:
        raise ModelError(f"Expected {path} to run once, found invalid output: {error}.", DAMAGED) from error
    if result.missing is not None:
        raise MissingPart(*result.missing)
    if result.facts is None:
        raise runtime_error(path, result.refusal, shape_given)
    return result.facts


def runtime_error(path: Path, text: str, shape_given: bool = False) -> ModelError:
    """The `ModelError` for a model that the runtime refused with the message `text`.

    `shape_given`: its open dimensions were set by `model_input_shape`, which may be the cause.
    """
    if "Flex" in text or "Select TensorFlow op" in text:
        names = sorted(set(re.findall(r"Flex[A-Z]\w*", text))) or ["Flex operators"]
        return ModelError(
            f"Expected built-in operators only in {path}, found {', '.join(names)}: it was converted with "
            "SELECT_TF_OPS.",
            "Convert it again with target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS], and replace "
            "the operations that the converter then names.",
        )
    if custom := re.findall(r"unresolved custom op: (\w+)", text):
        return ModelError(
            f"Expected built-in operators only in {path}, found the custom operator {custom[0]}.",
            "Convert it again without custom operators (allow_custom_ops = False).",
        )
    first = " ".join(text.split())[:200].rstrip(".")
    hint = f"Correct model_input_shape, if it is wrong. {DAMAGED}" if shape_given else DAMAGED
    return ModelError(
        f"Expected {path} to be opened and run, found that the runtime refuses it: {first}.", hint
    )
