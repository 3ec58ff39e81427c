"""Tests of model validation: damaged and foreign files are rejected without crashing this process."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from agp_tui.config import PlaySettings
from agp_tui.errors import MissingPart, ModelError
from agp_tui.models import validation
from agp_tui.models.loading import load_policy
from agp_tui.models.validation import inspect_model


def test_inputs_and_outputs_of_a_model(foreign_models: Path) -> None:
    facts = inspect_model(foreign_models / "keras_window.tflite")
    assert facts.inputs[0].shape == (1, 20, 256, 256, 3)
    assert facts.inputs[0].dtype == "float32"
    assert facts.outputs[0].shape == (1, 4)
    assert list(facts.signatures) == ["serving_default"]
    assert "(?, 4, 32, 32, 3)" in str(inspect_model(foreign_models / "keras_open_batch.tflite").inputs[0])


def test_flex_operator_is_named_in_the_error_with_a_hint(foreign_models: Path) -> None:
    """The file is TensorFlow's own, converted with SELECT_TF_OPS."""
    with pytest.raises(ModelError, match=r"FlexMatrixInverse.*SELECT_TF_OPS") as caught:
        inspect_model(foreign_models / "keras_flex.tflite")
    assert "TFLITE_BUILTINS" in caught.value.hint


def test_unknown_custom_operator_is_named_in_the_error(foreign_models: Path) -> None:
    content = (
        (foreign_models / "keras_flex.tflite")
        .read_bytes()
        .replace(b"FlexMatrixInverse", b"MineMatrixInverse")
    )
    with pytest.raises(ModelError, match="MineMatrixInverse"):
        inspect_model(Path("mine.tflite"), content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found 0 bytes"),
        (b"\x80\x04" + b"x" * 200, "TFL3"),
        (b"\x00" * 4 + b"TFL3" + b"\x00" * 100, "refuses"),
    ],
)
def test_file_that_is_not_a_model_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message) as caught:
        inspect_model(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No such file"):
        inspect_model(tmp_path / "nothing.tflite")


@pytest.mark.parametrize("fraction", [0.05, 0.5, 0.9])
def test_truncated_model_is_rejected(foreign_models: Path, tmp_path: Path, fraction: float) -> None:
    content = (foreign_models / "keras_window.tflite").read_bytes()
    path = tmp_path / "cut.tflite"
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(ModelError):
        inspect_model(path)


def test_slow_model_times_out(foreign_models: Path) -> None:
    """No process answers within 0.02 s, which simulates a model that hangs."""
    with pytest.raises(ModelError, match=r"within 0\.02 s"):
        inspect_model(foreign_models / "keras_window.tflite", seconds=0.02)


def test_crash_is_contained_in_the_sandbox(foreign_models: Path) -> None:
    """One bit of this file sends LiteRT 2.3 to SIGSEGV; a later runtime may reject it instead."""
    content = bytearray((foreign_models / "keras_uint8.tflite").read_bytes())
    content[4026] ^= 2
    with pytest.raises(ModelError, match=r"SIGSEGV|refuses"):
        inspect_model(Path("crash.tflite"), bytes(content))


def test_exit_code_and_signal_of_the_sandbox_are_reported() -> None:
    died = subprocess.run(
        [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], capture_output=True, check=False
    )
    with pytest.raises(ModelError, match="died by SIGSEGV"):
        validation._facts_of(Path("x.tflite"), died, shape_given=False)
    failed = subprocess.run(
        [sys.executable, "-c", "raise SystemExit('no memory')"], capture_output=True, check=False
    )
    with pytest.raises(ModelError, match=r"exit code 1 \(no memory\)"):
        validation._facts_of(Path("x.tflite"), failed, shape_given=False)


def test_randomly_damaged_model_is_rejected_or_plays(foreign_models: Path, tmp_path: Path) -> None:
    content = (foreign_models / "keras_uint8.tflite").read_bytes()
    path = tmp_path / "damaged.tflite"
    frame = np.zeros((32, 32, 3), np.uint8)
    rejected = 0
    for seed in range(30):
        rng = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 4, 30))):
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            load_policy(path, PlaySettings()).decide(frame)
        except ModelError as error:
            rejected += 1
            assert str(path) in error.message
    assert rejected > 0


def test_missing_runtime_is_named_in_the_hint() -> None:
    """Hides the runtime from a fresh process, as if it were not installed."""
    code = (
        "import sys; sys.modules['ai_edge_litert'] = None; sys.modules['tflite_runtime'] = None\n"
        "from agp_tui.models.tflite import open_interpreter\n"
        "from agp_tui.errors import MissingPart\n"
        "try: open_interpreter(b'x')\n"
        "except MissingPart as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "found neither ai-edge-litert nor tflite-runtime" in done.stdout
    assert "pip install ai-edge-litert" in done.stdout
    assert issubclass(MissingPart, Exception)


def test_loading_a_model_prints_nothing(foreign_models: Path) -> None:
    """LiteRT logs its XNNPACK delegate to stderr, which would corrupt the screen of a terminal app."""
    code = (
        "import sys; from pathlib import Path; from agp_tui.config import PlaySettings\n"
        "from agp_tui.models.loading import load_policy; import numpy as np\n"
        "load_policy(Path(sys.argv[1]), PlaySettings()).decide(np.zeros((9, 9, 3), np.uint8))\n"
        "print('stderr works', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(foreign_models / "keras_uint8.tflite")],
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    assert done.stderr == b"stderr works\n"
