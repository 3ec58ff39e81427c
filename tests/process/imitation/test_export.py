"""Tests of model export: manifest, parity with the network, quantization, failures."""

import contextlib
import importlib.util
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.dot_dataset import SIDES, SIZE, dot_settings, record_dot, training_request
from support.fakes import EventLog

from agp_tui.config import ExportSettings, PlaySettings
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobFailed, MissingPart, ModelError
from agp_tui.imitation import export as export_module
from agp_tui.imitation.checkpoint import load_checkpoint, save_checkpoint
from agp_tui.imitation.convert import Form, WholeWindow, convert
from agp_tui.imitation.export import convert_file, export, sample_frames
from agp_tui.imitation.network import PolicyNetwork
from agp_tui.imitation.train import train
from agp_tui.models.conversion import quantized
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest, sha256_of
from agp_tui.models.streaming_policy import stream_probabilities
from agp_tui.models.tflite import open_interpreter
from agp_tui.protocol.events import Table

needs_converter = pytest.mark.skipif(
    importlib.util.find_spec("litert_torch") is None, reason="needs litert-torch"
)


@dataclass
class ExportedModel:
    checkpoint: Path
    models: Path
    folder: Path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("trained")
    paths = [record_dot(root, 400, seed) for seed in range(2)]
    request = training_request(paths, dot_settings(epochs=4))
    return train(request, Job(), Run.create(root / "runs", "train", {}), device="cpu", threads=1).best


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> ExportedModel:
    """Exported from a folder that contains a `torch.py`, which must not be imported."""
    models, working_folder = tmp_path_factory.mktemp("models"), tmp_path_factory.mktemp("working_folder")
    (working_folder / "torch.py").write_text("raise SystemExit('imported from the working directory')")
    with contextlib.chdir(working_folder):
        return ExportedModel(trained, models, export(trained, ExportSettings(), models, Job(), "a/dot"))


@pytest.fixture
def converted(exported: ExportedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaces the conversion by a copy of the exported model, as it takes ten seconds; only quantizes."""

    def convert_again(checkpoint: Path, out: Path, job: Job, *, quantize: str = "none") -> None:
        shutil.copy(exported.folder / "model.tflite", out)
        if quantize != "none":
            out.write_bytes(quantized(out, quantize))  # type: ignore[arg-type]

    monkeypatch.setattr(export_module, "convert_file", convert_again)


@needs_converter
def test_manifest_fields(exported: ExportedModel) -> None:
    manifest, source = read_manifest(exported.folder), load_checkpoint(exported.checkpoint)
    assert exported.folder == exported.models / "a-dot" and manifest.name == "a-dot"
    assert (manifest.game, manifest.keys, manifest.fps) == ("dots", SIDES, 30)
    assert (manifest.frame_size, manifest.segment, manifest.embedding) == (SIZE, 3, 256)
    assert manifest.thresholds == source.thresholds and manifest.validation["model"]
    assert manifest.sha256 == sha256_of((exported.folder / "model.tflite").read_bytes())
    assert manifest.parity is not None and manifest.parity <= 1e-4
    assert load_checkpoint(exported.folder / "checkpoint.pt").training == {}
    assert sorted(file.name for file in exported.models.iterdir()) == ["a-dot"]


@needs_converter
def test_exported_model_equals_the_network(exported: ExportedModel) -> None:
    network = load_checkpoint(exported.checkpoint).network()
    frames = sample_frames(network)
    with torch.no_grad():
        expected = torch.sigmoid(network(torch.from_numpy(frames[None])))[0].numpy()
    policy = load_policy(exported.folder, PlaySettings())
    # The policy adds the black frames before the first frame itself.
    played = np.stack([policy.decide(picture) for picture in frames[network.spec.segment - 1 :]])
    assert np.abs(played - expected).max() <= 1e-4
    assert np.ptp(expected) > 1e-3


@pytest.mark.nightly
@needs_converter
def test_exported_model_with_motion_equals_the_network(trained: Path, tmp_path: Path) -> None:
    """With black padding, after a reset, and in the whole-window form."""
    source = load_checkpoint(trained)
    torch.manual_seed(3)
    network = PolicyNetwork(replace(source.spec, motion=True)).eval().requires_grad_(False)
    network.set_normalization(np.full((SIZE, SIZE, 3), 90, np.float32), 40.0)
    torch.nn.init.normal_(network.head.weight)
    checkpoint = tmp_path / "motion.pt"
    save_checkpoint(checkpoint, replace(source, spec=network.spec, weights=network.state_dict(), data={}))
    folder = export(checkpoint, ExportSettings(), tmp_path, Job(), "moving")
    frames, segment = sample_frames(network), network.spec.segment
    expected = torch.sigmoid(network(torch.from_numpy(frames[None])))[0].numpy()
    assert np.ptp(expected) > 0.1
    policy = load_policy(folder, PlaySettings())
    assert policy.segment == segment == read_manifest(folder).segment
    for _ in range(2):
        policy.reset()
        played = np.stack([policy.decide(picture) for picture in frames[segment - 1 :]])
        assert np.abs(played - expected).max() <= 1e-4
    window = WholeWindow(network, unit=False)
    whole = np.stack(
        [window(torch.from_numpy(frames[None, i : i + segment]))[0] for i in range(len(expected))]
    )
    assert np.abs(whole - expected).max() <= 1e-4


@needs_converter
@pytest.mark.nightly
@pytest.mark.parametrize("form", ["window-uint8", "window-float32"])
def test_streaming_equals_the_whole_window(exported: ExportedModel, tmp_path: Path, form: Form) -> None:
    network = load_checkpoint(exported.checkpoint).network().requires_grad_(False)
    frames, segment = sample_frames(network), network.spec.segment
    expected = stream_probabilities((exported.folder / "model.tflite").read_bytes(), frames)
    out = tmp_path / f"{form}.tflite"
    convert(network, form).export(str(out))
    interpreter = open_interpreter(out.read_bytes())
    interpreter.allocate_tensors()
    (entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert entry["shape"].tolist() == [1, segment, SIZE, SIZE, 3]
    outputs = []
    for i in range(len(expected)):
        window = frames[None, i : i + segment]
        unit = window if form == "window-uint8" else (window / np.float32(255)).astype(np.float32)
        interpreter.set_tensor(entry["index"], unit)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"])[0].copy())
    assert np.abs(np.array(outputs) - expected).max() <= 1e-5


@needs_converter
@pytest.mark.usefixtures("converted")
@pytest.mark.nightly
@pytest.mark.parametrize("quantize", ["fp16", "int8"])
def test_quantization_cost_is_reported(
    exported: ExportedModel, job: Job, event_log: EventLog, quantize: str
) -> None:
    settings = ExportSettings(quantize=quantize)  # type: ignore[arg-type]
    folder = export(exported.checkpoint, settings, exported.models, job, quantize)
    sizes = [(place / "model.tflite").stat().st_size for place in (folder, exported.folder)]
    assert sizes[0] < 0.6 * sizes[1]
    (table,) = [event for event in event_log.events if isinstance(event, Table)]
    before, after = table.rows
    assert before[0] == "float32" and after[0] == quantize and after[3] == sizes[0]
    assert abs(float(after[1] or 0) - float(before[1] or 0)) < 0.1
    assert read_manifest(folder).quantize == quantize
    load_policy(folder, PlaySettings())


@pytest.mark.nightly
@needs_converter
def test_conversion_process_quantizes(exported: ExportedModel, tmp_path: Path) -> None:
    convert_file(exported.checkpoint, tmp_path / "small.tflite", Job(), quantize="int8")
    expected = quantized(exported.folder / "model.tflite", "int8")
    assert (tmp_path / "small.tflite").stat().st_size == pytest.approx(len(expected), rel=0.01)


def test_export_without_a_converter_raises_missing_part(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingPart, match="litert-torch") as error:
        export(trained, ExportSettings(), tmp_path, Job(), "x")
    assert "agp-tui[train]" in error.value.hint and list(tmp_path.iterdir()) == []


@needs_converter
@pytest.mark.usefixtures("converted")
def test_failed_parity_check_keeps_the_old_model(trained: Path, tmp_path: Path) -> None:
    """The copied model belongs to another network; the weights of this one are NaN."""
    old = tmp_path / "x"
    old.mkdir()
    (old / "model.toml").write_text("old")
    broken = tmp_path / "broken.pt"
    source = load_checkpoint(trained)
    weights = {**source.weights, "head.bias": torch.full_like(source.weights["head.bias"], float("nan"))}
    save_checkpoint(broken, replace(source, weights=weights))
    with pytest.raises(JobFailed, match="apart"):
        export(broken, ExportSettings(), tmp_path, Job(), "x")
    assert (old / "model.toml").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken.pt", "x"]


@needs_converter
def test_failed_export_keeps_the_old_model(trained: Path, tmp_path: Path) -> None:
    old = tmp_path / "x"
    old.mkdir()
    (old / "model.toml").write_text("old")
    stopped = Job()
    stopped.stop()
    with pytest.raises(JobFailed, match="stopped"):
        export(trained, ExportSettings(), tmp_path, stopped, "x")
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"no checkpoint")
    with pytest.raises(ModelError, match="damaged or foreign"):
        export(broken, ExportSettings(), tmp_path, Job(), "x")
    assert (old / "model.toml").read_text() == "old"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["broken.pt", "x"]
