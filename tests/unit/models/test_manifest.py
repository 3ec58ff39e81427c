"""Tests of manifests: round trip, and refusal of invalid fields with their name and value."""

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.small_models import manifest_for

from agp_tui.errors import ModelError
from agp_tui.games.view import View, WindowInfo
from agp_tui.models.manifest import (
    MANIFEST_FILE,
    MODEL_FILE,
    Manifest,
    find_model,
    list_models,
    read_manifest,
    write_manifest,
)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    (tmp_path / MODEL_FILE).write_bytes(b"content")
    return manifest_for(tmp_path)


def test_manifest_round_trip(tmp_path: Path, manifest: Manifest) -> None:
    full = msgspec.structs.replace(
        manifest,
        parity=3e-7,
        validation={"up": {"f1": np.float32(0.5), "support": np.int64(12)}, "beats": None},
        versions={"torch": "2.13.0"},
        checkpoint="checkpoint.pt",
        view=View(region=(-9, 0, 64, 48), window=WindowInfo(title='A [b] "c"', box=(0, 0, 70, 50))),
    )
    write_manifest(tmp_path, full)
    back = read_manifest(tmp_path)
    assert back.validation == {"up": {"f1": 0.5, "support": 12}}
    assert msgspec.structs.replace(back, validation={}) == msgspec.structs.replace(full, validation={})
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("fps = 30", "fps = 300", "fps from 1 to 60, found 300"),
        ("fps = 30", 'fps = "fast"', "fps"),
        ("fps = 30", "fps = 30\nspeed = 2", "speed"),
        ("fps = 30", "fps = 30\nview = {region = [0, 0, 0, 5]}", "view.region"),
        ("schema = 1", "schema = 2", "schema 1 or older"),
        ("schema = 1", "", "schema"),
        ("segment = 5", "segment = 0", "segment from 1 to 64, found 0"),
        ('"up"', '"upp"', "names of keys, found 'upp'"),
        ('"up"', '"left"', "each once"),
        ('channels = "rgb"', 'channels = "bgr"', "channels"),
        ('sha256 = "', 'sha256 = "x', "64 hexadecimal digits"),
        ("0.5, 0.5,", "0.5,", r"as many thresholds as keys \(4\), found 3"),
        ("0.5, 0.5,", "0.5, 1.5,", "thresholds from 0 to 1"),
        ("[validation]", 'checkpoint = "../../x.pt"\n[validation]', "model's own folder"),
        ("fps = 30", "fps = = 30", "TOML"),
    ],
)
def test_invalid_fields_are_refused(
    tmp_path: Path, manifest: Manifest, line: str, instead: str, message: str
) -> None:
    write_manifest(tmp_path, manifest)
    path = tmp_path / MANIFEST_FILE
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, instead, 1))
    with pytest.raises(ModelError, match=message) as caught:
        read_manifest(tmp_path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=re.escape(str(tmp_path / MANIFEST_FILE))):
        read_manifest(tmp_path)


def test_models_are_found_by_name_and_path(tmp_path: Path, manifest: Manifest) -> None:
    tmp_path = tmp_path / "models"
    tmp_path.mkdir()
    for name in ("pong", "rally-small"):
        (tmp_path / name).mkdir()
        write_manifest(tmp_path / name, manifest)
    (tmp_path / "theirs.tflite").write_bytes(b"x")
    (tmp_path / "notes").mkdir()
    assert [path.name for path in list_models(tmp_path)] == ["pong", "rally-small", "theirs.tflite"]
    assert find_model(tmp_path, "pong") == tmp_path / "pong"
    assert find_model(tmp_path, "theirs") == tmp_path / "theirs.tflite"
    assert find_model(tmp_path, str(tmp_path / "pong" / MANIFEST_FILE)) == tmp_path / "pong"
    with pytest.raises(ModelError) as caught:
        find_model(tmp_path, "raly-small")
    assert "rally-small" in caught.value.hint
    with pytest.raises(ModelError, match="folder with"):
        find_model(tmp_path, str(tmp_path / "notes"))
    assert list_models(tmp_path / "nowhere") == []
    with pytest.raises(ModelError, match="found none"):
        find_model(tmp_path / "nowhere", "pong")
