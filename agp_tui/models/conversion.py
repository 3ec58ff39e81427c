"""Conversion of torch networks to `.tflite`, in a subprocess, and quantization.

The converter's libraries are large, write to stdout and stderr and can end their process, so each
conversion runs a module as a program of its own. That module knows the network; this one does not.
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
    """Run `module` as a program with these arguments; it must write `out`.

    `quantize` tells which libraries must be installed. Raises `MissingPart` if one is not, `JobFailed` if the
    conversion fails, `JobStopped` if the job is stopped.
    """
    missing = [part for part in ("litert_torch", "ai_edge_quantizer") if not importlib.util.find_spec(part)]
    if "litert_torch" in missing or (missing and quantize != "none"):
        raise MissingPart(
            f"Expected {missing[0].replace('_', '-')} to make a .tflite, found that it is not installed.",
            "pip install 'agp-tui[train]' on Linux x86_64 or macOS arm64; "
            "export checkpoints of other systems there.",
        )
    with tempfile.TemporaryFile() as output:
        environment = module_environment(TF_CPP_MIN_LOG_LEVEL="3", JAX_PLATFORMS="cpu")
        worker = subprocess.Popen(
            module_command(module, *arguments),
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment,
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
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            raise JobFailed(
                f"Expected the conversion to succeed, found exit code {worker.returncode}: "
                f"{lines[-1].strip() if lines else 'no output'}",
                "Install the libraries' versions of constraints.txt and export again.",
            )


def streaming_model(encode: Any, decide: Any, frame: Any, embeddings: Any, motion: bool = False) -> Any:
    """Convert two torch modules to the model of a `StreamingPolicy`.

    `encode` takes `frame`, uint8 (1, S, S, 3), with `motion` also the frame `before`, and returns
    {"embedding": (1, E)}; `decide` takes `embeddings`, float32 (1, embeddings, E), and returns
    {"probabilities": (1, keys)}. The arguments `frame` and `embeddings` are sample tensors.
    """
    import litert_torch

    # A copy, because the converter would merge inputs that share a tensor.
    inputs = {FRAME: frame, BEFORE: frame.clone()} if motion else {FRAME: frame}
    first = litert_torch.signature(ENCODE, encode.eval(), sample_kwargs=inputs)
    both = first.signature(DECIDE, decide.eval(), sample_kwargs={EMBEDDINGS: embeddings})
    return both.convert()


def quantized(path: Path, quantize: Quantize) -> bytes:
    """Quantize the weights of the model file at `path`; returns the new file's content.

    fp16: half-precision weights. int8: 8-bit weights with one scale per channel, and activations
    quantized at run time (dynamic range), so that no calibration is needed.
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
