"""Shared fixtures of the app tests."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from support.snapshots import Snapshot


@pytest.fixture
def snap(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """Compares a screen with its snapshot file: `await snap(pilot, "record-live")`. Disk usage is fixed.

    The files are in tests/app/snapshots; AGP_UPDATE_SNAPSHOTS=1 writes them; review the diff. The test
    must fix values that change with time (clocks, blinking cursors, rates).
    """
    monkeypatch.delenv("NO_COLOR", raising=False)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**11, 0, 5 * 10**10))
    return Snapshot(Path(__file__).parent / "snapshots")
