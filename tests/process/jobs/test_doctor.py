"""The doctor sees what is here and what is not, quickly and without falling ill."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from support.paths import ROOT
from support.xserver import XServer

from agp_tui.config import GameSettings
from agp_tui.jobs import doctor
from agp_tui.jobs.doctor import checkup
from agp_tui.protocol.summaries import Finding


def found(name: str, findings: list[Finding]) -> Finding:
    [finding] = [one for one in findings if one.name == name]
    return finding


def without(monkeypatch: pytest.MonkeyPatch, *names: str, **versions: str) -> None:
    """As if these distributions were not installed, and those in these versions."""
    real = metadata.version

    def version(name: str) -> str:
        if name in names:
            raise metadata.PackageNotFoundError(name)
        return versions.get(name.replace("-", "_")) or real(name)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.display
def test_the_display_and_its_keyboard_are_seen(x_server: XServer, tmp_path: Path) -> None:
    findings = checkup(GameSettings(display=x_server.name), tmp_path)
    display = found(f"display {x_server.name}", findings)
    assert display.ok and "1024x768" in display.found and "selected" in display.found
    assert found(f"keys on {x_server.name}", findings).ok
    assert found("disk", findings).ok
    assert found("parts", findings).ok
    assert found("model runtime", findings).ok
    assert all(finding.found for finding in findings)
    assert all(finding.cure for finding in findings if finding.ok is False)


def test_a_display_that_is_not_there_has_a_reason() -> None:
    finding = found("display :987", checkup(GameSettings(display=":987")))
    assert finding.ok is False and "no X server listens there" in finding.found and finding.cure


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    code = (
        "import sys; from agp_tui.jobs.doctor import checkup; checkup()\n"
        "heavy = {'torch', 'litert_torch', 'ai_edge_litert', 'gymnasium', 'ale_py', 'av', 'cv2', 'textual'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_missing_parts_come_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "torch", "litert-torch", "ale-py", "ai-edge-litert", "tflite-runtime", "av")
    findings = checkup(GameSettings(display=":987"))
    assert found("model runtime", findings) == Finding(
        "model runtime", False, "none: models cannot play", "pip install ai-edge-litert"
    )
    for name in ("torch", "litert-torch", "atari"):
        assert found(name, findings).ok is None and "agp-tui[train]" in found(name, findings).cure
    assert found("parts", findings) == Finding("parts", False, "av not installed", "pip install av")


def test_the_old_runtime_does_not_work_with_numpy_2(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "ai-edge-litert", tflite_runtime="2.14.0", numpy="2.1.0")
    finding = found("model runtime", checkup(GameSettings(display=":987")))
    assert finding.ok is False and "numpy 2.1.0" in finding.found


def test_a_machine_without_exporter_is_told_where_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "litert-torch")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "aarch64")
    finding = found("litert-torch", checkup(GameSettings(display=":987")))
    assert "no package for" in finding.found and "agp export" in finding.cure


def test_the_package_that_overwrites_python_xlib_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, python3_xlib="0.15")
    assert found("python3-xlib", checkup(GameSettings(display=":987"))).ok is False


def test_a_full_disk_is_found(tmp_path: Path) -> None:
    finding = found(
        "disk", checkup(GameSettings(display=":987"), tmp_path / "not" / "yet", min_free_mb=10**9)
    )
    assert finding.ok is False and "required" in finding.found


def test_a_check_that_trips_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def trip(*_arguments: object) -> None:
        raise RuntimeError("no such luck")

    monkeypatch.setattr(doctor.Desktop, "of_this_user", trip)
    findings = checkup()
    assert "no such luck" in found("displays", findings).found
    assert found("disk", findings)
