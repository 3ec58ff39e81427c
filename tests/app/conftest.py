"""What the tests of the app share."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from support.snapshots import Snapshot


@pytest.fixture
def snap(monkeypatch: pytest.MonkeyPatch) -> Snapshot:
    """Compares a screen with its file: `await snap(pilot, "record-live")`. The disk is the same in each.

    Files lie in tests/app/snapshots; write or renew them with AGP_UPDATE_SNAPSHOTS=1 and read the
    difference before committing. What moves by itself (clocks, blinking cursors, rates) must be
    given fixed values by the test.
    """
    monkeypatch.delenv("NO_COLOR", raising=False)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10**11, 0, 5 * 10**10))
    return Snapshot(Path(__file__).parent / "snapshots")
