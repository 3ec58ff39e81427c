"""Held keys from probabilities: each way of keeping a hand steady, by sequences worked out by hand."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.fakes import ScriptedPolicy
from support.small_models import make_models

from agp_tui.config import PlaySettings
from agp_tui.errors import ModelError
from agp_tui.models.key_filter import UNFILTERED, KeyFilter, KeyFilterConfig, filter_sequence
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest, write_manifest

SAID = [0.2, 0.5, 0.45, 0.6, 0.39, 0.1, 0.1, 0.9, 0.1]


def held(filter_config: KeyFilterConfig, said: list[float] = SAID) -> str:
    """One key over these decisions, at a threshold of a half: # held, . not."""
    policy = ScriptedPolicy(("up",), [])
    policy.filter_config = filter_config
    rows = filter_sequence(policy, np.array(said, np.float32)[:, None])
    return "".join("#" if row[0] else "." for row in rows)


def test_as_it_is_made_each_decision_stands_for_itself() -> None:
    assert held(UNFILTERED) == ".#.#...#."


def test_hysteresis_keeps_a_key_down_until_it_is_clearly_below() -> None:
    assert held(KeyFilterConfig(hysteresis=0.1)) == ".###...#."
    assert held(KeyFilterConfig(hysteresis=0.2)) == ".####..#."


def test_a_pressed_key_stays_down_for_a_while() -> None:
    assert held(KeyFilterConfig(min_hold=2)) == ".###...##"
    assert held(KeyFilterConfig(min_hold=3), [0.9, 0.1, 0.1, 0.1]) == "###."
    # It counts from the press on, however often the probability reaches the threshold meanwhile.
    assert held(KeyFilterConfig(min_hold=3), [0.9, 0.1, 0.9, 0.1]) == "###."


def test_smoothing_averages_with_the_decisions_before() -> None:
    # 0.2, 0.35, 0.4, 0.5, 0.445, 0.27, 0.19, 0.54, 0.32
    assert held(KeyFilterConfig(smoothing=0.5)) == "...#...#."


def test_all_together() -> None:
    assert held(KeyFilterConfig(smoothing=0.5, hysteresis=0.1, min_hold=2)) == "...##..##"


def test_keys_are_each_by_themselves_and_a_reset_forgets() -> None:
    policy = ScriptedPolicy(("up", "left"), [])
    policy.thresholds = np.array([0.5, 0.8], np.float32)
    policy.filter_config = KeyFilterConfig(hysteresis=0.2)
    key_filter = KeyFilter(policy)
    assert key_filter.update(np.array([0.6, 0.6], np.float32)) == {"up"}
    assert key_filter.update(np.array([0.35, 0.9], np.float32)) == {"up", "left"}
    assert key_filter.update(np.array([0.2, 0.65], np.float32)) == {"left"}
    key_filter.reset()
    assert key_filter.update(np.array([0.4, 0.65], np.float32)) == frozenset()


def test_the_manifest_says_how_and_a_setting_otherwise(tmp_path: Path) -> None:
    make_models(tmp_path / "model", tmp_path / "whole.tflite")
    folder = tmp_path / "model"
    assert load_policy(folder, PlaySettings()).filter_config == UNFILTERED
    kept = KeyFilterConfig(hysteresis=0.2, min_hold=3)
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), key_filter=kept))
    assert read_manifest(folder).key_filter == kept
    assert load_policy(folder, PlaySettings()).filter_config == kept
    asked = load_policy(folder, PlaySettings(min_hold=1, smoothing=0.5)).filter_config
    assert asked == KeyFilterConfig(hysteresis=0.2, min_hold=1, smoothing=0.5)
    manifest = (folder / "model.toml").read_text().replace("min_hold = 3", "min_hold = 0")
    (folder / "model.toml").write_text(manifest)
    with pytest.raises(ModelError, match="min_hold"):
        read_manifest(folder)
