"""Tests of policies against a direct interpreter call on a rolled window."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support.fakes import ScriptedPolicy
from support.small_models import KEYS, SEGMENT, SIZE, SmallModels

from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.games.base import Frame, Pixels
from agp_tui.models import loading
from agp_tui.models.key_filter import KeyFilter
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import MODEL_FILE, read_manifest, sha256_of, write_manifest
from agp_tui.models.policy import PolicyDriver
from agp_tui.models.tflite import open_interpreter

ARROWS = ("up", "left", "right", "down")


def frames(count: int, height: int, width: int, seed: int = 0) -> Iterator[Pixels]:
    generator = np.random.default_rng(seed)
    for _ in range(count):
        yield generator.integers(0, 256, (height, width, 3), np.uint8)


class PlainWindow:
    """The baseline: roll the window and pass it to the interpreter at every frame."""

    def __init__(self, path: Path) -> None:
        self.interpreter = open_interpreter(path.read_bytes())
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]
        self.window = np.zeros(self.input["shape"], self.input["dtype"])

    def __call__(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        self.window = np.roll(self.window, -1, axis=1)
        self.window[0, -1] = picture
        self.interpreter.set_tensor(self.input["index"], self.window)
        self.interpreter.invoke()
        values: NDArray[np.generic] = self.interpreter.get_tensor(self.output["index"])[0]
        return values


def test_window_model_equals_a_direct_interpreter_call(foreign_models: Path) -> None:
    """TensorFlow's file with the default settings: BGR, 0 to 1, keys up, left, right, down."""
    path = foreign_models / "keras_window.tflite"
    policy = load_policy(path, PlaySettings())
    plain = PlainWindow(path)
    assert (policy.keys, policy.segment, policy.fps) == (ARROWS, 20, 30.0)
    answers = []
    for picture in frames(45, 256, 256):
        got = policy.decide(picture)
        expected = plain((picture[..., ::-1] / 255.0).astype(np.float32))
        assert np.array_equal(got, expected)
        answers.append(got)
    assert np.ptp(np.array(answers), axis=0).max() > 1e-4, "the output must depend on the input"


def test_settings_of_window_models_reach_the_input(foreign_models: Path) -> None:
    path = foreign_models / "keras_open_batch.tflite"
    settings = PlaySettings(
        normalize_images=False, channels="rgb", activation_threshold=0.4, model_input_shape=(4, 32, 32, 3)
    )
    policy = load_policy(path, settings, ("a", "b", "c", "d"), 12)
    assert (policy.keys, policy.fps) == (("a", "b", "c", "d"), 12.0)
    assert np.allclose(policy.thresholds, 0.4)
    plain = PlainWindow(path)
    for picture in frames(11, 32, 32):
        assert np.array_equal(policy.decide(picture), plain(picture.astype(np.float32)))


def test_uint8_model_takes_bytes_and_dequantizes_output(foreign_models: Path) -> None:
    path = foreign_models / "keras_uint8.tflite"
    policy = load_policy(path, PlaySettings(channels="rgb"))
    plain = PlainWindow(path)
    for picture in frames(9, 32, 32):
        expected = plain(picture).astype(np.float32) / 256
        assert np.allclose(policy.decide(picture), expected, atol=1e-6)


def test_model_input_shape_sets_dynamic_dimensions(foreign_models: Path) -> None:
    path = foreign_models / "keras_open_size.tflite"
    with pytest.raises(ModelError, match="fixed size") as caught:
        load_policy(path, PlaySettings())
    assert "--model-input-shape" in caught.value.hint
    policy = load_policy(path, PlaySettings(model_input_shape=(6, 20, 24, 3)))
    assert policy.segment == 6
    assert policy.decide(next(frames(1, 100, 100))).shape == (4,)
    with pytest.raises(ModelError, match="refuses") as caught:
        load_policy(path, PlaySettings(model_input_shape=(1, 20, 24, 3)))
    assert "model_input_shape" in caught.value.hint


def test_model_input_shape_conflict_is_refused(foreign_models: Path) -> None:
    settings = PlaySettings(model_input_shape=(20, 128, 128, 3))
    with pytest.raises(ModelError, match=r"\(20, 128, 128, 3\).*found \(20, 256, 256, 3\)"):
        load_policy(foreign_models / "keras_window.tflite", settings)


def test_frames_of_any_size_are_scaled_by_area(foreign_models: Path) -> None:
    policy = load_policy(foreign_models / "keras_open_batch.tflite", PlaySettings())
    same = load_policy(foreign_models / "keras_open_batch.tflite", PlaySettings())
    for picture in frames(6, 210, 160):
        by_hand = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
        assert np.array_equal(policy.decide(picture), same.decide(by_hand))


def test_streaming_equals_the_whole_window(small_models: SmallModels) -> None:
    """From the first frame on: missing frames are black in both."""
    streaming = load_policy(small_models.folder, PlaySettings())
    plain = PlainWindow(small_models.whole_window)
    answers = []
    for picture in frames(3 * SEGMENT + 2, SIZE, SIZE):
        got = streaming.decide(picture)
        assert np.abs(got - plain((picture / 255).astype(np.float32))).max() <= 1e-5
        answers.append(got)
    assert np.ptp(np.array(answers), axis=0).max() > 1e-3
    streaming.reset()
    again = [streaming.decide(picture) for picture in frames(3, SIZE, SIZE)]
    assert np.array_equal(again, answers[:3])


def test_returned_probabilities_are_a_copy(small_models: SmallModels, foreign_models: Path) -> None:
    for path in (small_models.folder, foreign_models / "keras_open_batch.tflite"):
        policy = load_policy(path, PlaySettings())
        first = policy.decide(np.zeros((32, 32, 3), np.uint8))
        copy = first.copy()
        policy.decide(np.full((32, 32, 3), 255, np.uint8))
        assert np.array_equal(first, copy)


def test_manifest_overrides_arguments(model: Path) -> None:
    manifest = read_manifest(model)
    keys = ("a", "b", "c", "d")
    write_manifest(
        model, msgspec.structs.replace(manifest, keys=keys, fps=15, thresholds=(0.1, 0.2, 0.3, 0.4))
    )
    policy = load_policy(model, PlaySettings(), (*keys, "space"), 60)
    assert (policy.keys, policy.fps, policy.segment) == (keys, 15.0, SEGMENT)
    assert np.allclose(policy.thresholds, (0.1, 0.2, 0.3, 0.4))
    assert load_policy(model / MODEL_FILE, PlaySettings()).keys == keys
    lower = load_policy(model, PlaySettings(activation_threshold=0.9))
    assert np.allclose(lower.thresholds, 0.9)


def test_model_for_other_keys_is_refused(model: Path) -> None:
    with pytest.raises(ModelError, match=r"keys up, down, found one that presses left, right") as caught:
        load_policy(model, PlaySettings(), ("up", "down"))
    assert ",".join(KEYS) in caught.value.hint


def test_wrong_number_of_keys_is_refused(foreign_models: Path, model: Path) -> None:
    with pytest.raises(ModelError, match=r"each of 2 keys \(a, b\), found 4 outputs"):
        load_policy(foreign_models / "keras_window.tflite", PlaySettings(), ("a", "b"))
    manifest = read_manifest(model)
    write_manifest(model, msgspec.structs.replace(manifest, keys=("a",), thresholds=(0.5,)))
    with pytest.raises(ModelError, match=r"each of 1 keys \(a\), found \(1, 4\) float32"):
        load_policy(model, PlaySettings())


def test_changed_model_file_is_refused(model: Path) -> None:
    path = model / MODEL_FILE
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="sha256") as caught:
        load_policy(model, PlaySettings())
    assert "export it again" in caught.value.hint


def test_manifest_of_another_network_is_refused(model: Path, foreign_models: Path) -> None:
    manifest = read_manifest(model)
    write_manifest(model, msgspec.structs.replace(manifest, segment=9))
    with pytest.raises(ModelError, match="segment"):
        load_policy(model, PlaySettings())
    other = (foreign_models / "keras_open_batch.tflite").read_bytes()
    (model / MODEL_FILE).write_bytes(other)
    write_manifest(model, msgspec.structs.replace(manifest, sha256=sha256_of(other)))
    with pytest.raises(ModelError, match="signatures encode and decide, found serving_default"):
        load_policy(model, PlaySettings())


def test_streaming_model_plays_without_manifest(model: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes((model / MODEL_FILE).read_bytes())
    policy, same = load_policy(bare, PlaySettings(), KEYS), load_policy(model, PlaySettings())
    for picture in frames(4, SIZE, SIZE):
        assert np.array_equal(policy.decide(picture), same.decide(picture))


def test_driver_presses_keys_at_the_threshold() -> None:
    driver = PolicyDriver(ScriptedPolicy(("a", "b", "c"), [[0.5, 0.49, 0.9]]))
    frame = Frame(np.zeros((8, 8, 3), np.uint8), 0, 0)
    assert driver.decide(frame) == {"a", "c"}
    assert driver.who == "agent"
    assert np.allclose(driver.latest, (0.5, 0.49, 0.9))


def test_non_finite_probabilities_are_refused() -> None:
    policy = ScriptedPolicy(("a", "b"), [[0.5, float("nan")]])
    with pytest.raises(ModelError, match="nan"):
        KeyFilter(policy).update(policy.decide(np.zeros((8, 8, 3), np.uint8)))


def test_threads_reach_the_interpreter(foreign_models: Path) -> None:
    one = load_policy(foreign_models / "keras_open_batch.tflite", PlaySettings())
    four = load_policy(
        foreign_models / "keras_open_batch.tflite", dataclasses.replace(PlaySettings(), threads=4)
    )
    for picture in frames(5, 32, 32):
        assert np.allclose(one.decide(picture), four.decide(picture), atol=1e-6)


def test_stored_model_is_read_once(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    for name in ("read_manifest", "read_model"):
        read = getattr(loading, name)
        monkeypatch.setattr(loading, name, lambda path, n=name, r=read: (reads.append(n), r(path))[1])
    stored = loading.StoredModel(model)
    assert reads == ["read_manifest"]
    for threads in (1, 2):
        policy = stored.policy(PlaySettings(threads=threads))
    assert stored.manifest is not None and policy.keys == stored.manifest.keys
    assert reads == ["read_manifest", "read_model"]


def test_model_without_manifest_runs_in_the_sandbox_once(
    foreign_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[object] = []
    inspect = loading.inspect_model
    monkeypatch.setattr(loading, "inspect_model", lambda *given: (runs.append(given[-1]), inspect(*given))[1])
    stored = loading.StoredModel(foreign_models / "keras_uint8.tflite")
    assert stored.manifest is None
    for threads in (1, 2):
        stored.policy(PlaySettings(threads=threads))
    stored.inspect()
    assert runs == [None]
