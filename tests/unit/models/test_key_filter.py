"""Tests of the key filter: hysteresis, minimum hold and smoothing on hand-computed sequences."""

import tomllib
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.fakes import ScriptedPolicy

from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.models.key_filter import UNFILTERED, KeyFilter, KeyFilterConfig, filter_sequence
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest, write_manifest

PROBABILITIES = [0.2, 0.5, 0.45, 0.6, 0.39, 0.1, 0.1, 0.9, 0.1]


def held(filter_config: KeyFilterConfig, probabilities: list[float] = PROBABILITIES) -> str:
    """One key over these probabilities with threshold 0.5: # held, . not held."""
    policy = ScriptedPolicy(("up",), [])
    policy.filter_config = filter_config
    rows = filter_sequence(policy, np.array(probabilities, np.float32)[:, None])
    return "".join("#" if row[0] else "." for row in rows)


def test_without_a_filter_each_decision_is_independent() -> None:
    assert held(UNFILTERED) == ".#.#...#."


def test_hysteresis_releases_below_a_lower_threshold() -> None:
    assert held(KeyFilterConfig(hysteresis=0.1)) == ".###...#."
    assert held(KeyFilterConfig(hysteresis=0.2)) == ".####..#."


def test_min_hold_keeps_a_pressed_key_down() -> None:
    assert held(KeyFilterConfig(min_hold=2)) == ".###...##"
    assert held(KeyFilterConfig(min_hold=3), [0.9, 0.1, 0.1, 0.1]) == "###."
    # Counted from the press, even if the probability reaches the threshold again meanwhile.
    assert held(KeyFilterConfig(min_hold=3), [0.9, 0.1, 0.9, 0.1]) == "###."


def test_smoothing_is_an_exponential_moving_average() -> None:
    # 0.2, 0.35, 0.4, 0.5, 0.445, 0.27, 0.19, 0.54, 0.32
    assert held(KeyFilterConfig(smoothing=0.5)) == "...#...#."


def test_all_filters_combined() -> None:
    assert held(KeyFilterConfig(smoothing=0.5, hysteresis=0.1, min_hold=2)) == "...##..##"


def test_keys_are_filtered_independently_and_reset_clears_state() -> None:
    policy = ScriptedPolicy(("up", "left"), [])
    policy.thresholds = np.array([0.5, 0.8], np.float32)
    policy.filter_config = KeyFilterConfig(hysteresis=0.2)
    key_filter = KeyFilter(policy)
    assert key_filter.update(np.array([0.6, 0.6], np.float32)) == {"up"}
    assert key_filter.update(np.array([0.35, 0.9], np.float32)) == {"up", "left"}
    assert key_filter.update(np.array([0.2, 0.65], np.float32)) == {"left"}
    key_filter.reset()
    assert key_filter.update(np.array([0.4, 0.65], np.float32)) == frozenset()


def test_the_manifest_sets_the_filter_and_settings_override_it(model: Path) -> None:
    folder = model
    assert load_policy(folder, PlaySettings()).filter_config == UNFILTERED
    stored = KeyFilterConfig(hysteresis=0.2, min_hold=3)
    search = {"by": "play", "helps": True}
    write_manifest(
        folder, msgspec.structs.replace(read_manifest(folder), key_filter=stored, key_filter_search=search)
    )
    body = tomllib.loads((folder / "model.toml").read_text())
    assert body["steadiness"] == {"hysteresis": 0.2, "min_hold": 3, "smoothing": 0.0}
    assert body["steadied"] == search, "the names in the file are those of earlier versions"
    assert read_manifest(folder).key_filter == stored
    assert read_manifest(folder).key_filter_search == search
    assert load_policy(folder, PlaySettings()).filter_config == stored
    overridden = load_policy(folder, PlaySettings(min_hold=1, smoothing=0.5)).filter_config
    assert overridden == KeyFilterConfig(hysteresis=0.2, min_hold=1, smoothing=0.5)
    manifest = (folder / "model.toml").read_text().replace("min_hold = 3", "min_hold = 0")
    (folder / "model.toml").write_text(manifest)
    with pytest.raises(ModelError, match="min_hold"):
        read_manifest(folder)
