"""From networks to `.tflite`: converters run as programs, each in a process of its own.

The converter's libraries are large, write to stdout and stderr as they like and can end a process; there
they do so alone. What is converted is told by the module that is run; this one knows no network.
"""

import importlib.util
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

from agp_tui.engine.job import Job
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import JobFailed, JobStopped, MissingPart
from agp_tui.models.streaming_policy import BEFORE, DECIDE, EMBEDDINGS, ENCODE, FRAME

Quantize = Literal["none", "fp16", "int8"]


def run_converter(module: str, *arguments: str, out: Path, job: Job, quantize: str = "none") -> None:
    """Run `module` with these arguments; it writes `out`, with smaller weights where `quantize` says so.

    Raises `MissingPart` where the converter is not installed, `JobFailed` where it fails or the job is
    stopped.
    """
    missing = [part for part in ("litert_torch", "ai_edge_quantizer") if not importlib.util.find_spec(part)]
    if "litert_torch" in missing or (missing and quantize != "none"):
        raise MissingPart(
            f"Expected {missing[0].replace('_', '-')} to make a .tflite, found that it is not installed.",
            "pip install 'agp-tui[train]' on Linux x86_64 or macOS arm64, the systems that it exists for; "
            "checkpoints of other machines can be exported there.",
        )
    with tempfile.TemporaryFile() as said:
        quiet = module_environment(TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
        worker = subprocess.Popen(
            module_command(module, *arguments),
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=quiet,
        )  # fmt: skip
        try:
            while worker.poll() is None and not job.wait_for_stop(0.05):
                pass
        finally:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        if job.stopping:
            raise JobStopped("The export was stopped before it was finished; nothing was changed.")
        if worker.returncode != 0 or not out.is_file():
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise JobFailed(
                f"Expected the conversion to succeed, found exit code {worker.returncode}: "
                f"{lines[-1].strip() if lines else 'it said nothing'}",
                "Install the libraries' versions of constraints.txt and export again.",
            )


def streaming_model(encode: Any, decide: Any, frame: Any, embeddings: Any, motion: bool = False) -> Any:
    """The converter's model of two torch modules, as a `StreamingPolicy` plays it.

    `encode` takes `frame`, uint8 (1, S, S, 3), with `motion` also the frame `before`, and gives
    {"embedding": (1, E)}; `decide` takes `embeddings`, float32 (1, embeddings, E), and gives
    {"probabilities": (1, keys)}. Both tensors are samples.
    """
    import litert_torch

    # A copy: the converter would take one tensor for one input.
    seen = {FRAME: frame, BEFORE: frame.clone()} if motion else {FRAME: frame}
    first = litert_torch.signature(ENCODE, encode.eval(), sample_kwargs=seen)
    both = first.signature(DECIDE, decide.eval(), sample_kwargs={EMBEDDINGS: embeddings})
    return both.convert()


def quantized(path: Path, quantize: Quantize) -> bytes:
    """The file at `path` with smaller weights.

    fp16: weights as half floats. int8: weights as 8-bit integers, one scale a channel; what flows
    between is made integer on the way (dynamic range), so nothing needs calibration.
    """
    from ai_edge_quantizer import quantizer, recipe
    from ai_edge_quantizer.qtyping import (
        ComputePrecision,
        OpQuantizationConfig,
        TensorDataType,
        TensorQuantizationConfig,
        TFLOperationName,
    )

    worker = quantizer.Quantizer(str(path))
    if quantize == "int8":
        worker.load_quantization_recipe(recipe.dynamic_wi8_afp32())
    else:
        half = OpQuantizationConfig(
            weight_tensor_config=TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT),
            compute_precision=ComputePrecision.FLOAT,
            explicit_dequantize=True,
        )
        worker.update_quantization_recipe(
            regex=".*",
            operation_name=TFLOperationName.ALL_SUPPORTED,
            op_config=half,
            algorithm_key="float_casting",
        )
    return bytes(worker.quantize().quantized_model)
