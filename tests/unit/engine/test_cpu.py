"""Tests of the number of CPUs available to this process."""

import os
from pathlib import Path

import pytest

from agp_tui.engine.cpu import available_cpus


def test_without_quota_the_affinity_mask_counts(tmp_path: Path) -> None:
    assert available_cpus(tmp_path) == len(os.sched_getaffinity(0))


def test_process_pinned_to_one_cpu(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert available_cpus(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [
        ("50000 100000", 1),
        ("100000 100000", 1),
        ("150000 100000", 2),
        ("max 100000", None),
        ("nonsense", None),
    ],
)
def test_cgroup_2_quota_limits_the_count(tmp_path: Path, quota: str, cpus: int | None) -> None:
    (tmp_path / "cpu.max").write_text(quota + "\n")
    everything = len(os.sched_getaffinity(0))
    assert available_cpus(tmp_path) == (everything if cpus is None else min(cpus, everything))


def test_cgroup_1_quota_limits_the_count(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("50000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert available_cpus(tmp_path) == 1
