"""Tests of `agp doctor`: findings for present and missing components, hide_distributions heavy imports."""

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


def finding_named(name: str, findings: list[Finding]) -> Finding:
    [finding] = [one for one in findings if one.name == name]
    return finding


def hide_distributions(monkeypatch: pytest.MonkeyPatch, *names: str, **versions: str) -> None:
    """Hide installed distributions by name, and set the versions of others."""
    real = metadata.version

    def version(name: str) -> str:
        if name in names:
            raise metadata.PackageNotFoundError(name)
        return versions.get(name.replace("-", "_")) or real(name)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.display
def test_display_and_keyboard_are_found(x_server: XServer, tmp_path: Path) -> None:
    findings = checkup(GameSettings(display=x_server.name), tmp_path)
    display = finding_named(f"display {x_server.name}", findings)
    assert display.ok and "1024x768" in display.found and "selected" in display.found
    assert finding_named(f"keys on {x_server.name}", findings).ok
    assert finding_named("disk", findings).ok
    assert finding_named("parts", findings).ok
    assert finding_named("model runtime", findings).ok
    assert all(finding.found for finding in findings)
    assert all(finding.cure for finding in findings if finding.ok is False)


def test_missing_display_has_reason_and_hint() -> None:
    finding = finding_named("display :987", checkup(GameSettings(display=":987")))
    assert finding.ok is False and "no X server listens there" in finding.found and finding.cure


def test_checkup_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys; from agp_tui.jobs.doctor import checkup; checkup()\n"
        "heavy = {'torch', 'litert_torch', 'ai_edge_litert', 'gymnasium', 'ale_py', 'av', 'cv2', 'textual'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_missing_packages_have_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_distributions(
        monkeypatch, "torch", "litert-torch", "ale-py", "ai-edge-litert", "tflite-runtime", "av"
    )
    findings = checkup(GameSettings(display=":987"))
    assert finding_named("model runtime", findings) == Finding(
        "model runtime", False, "none: models cannot play", "pip install ai-edge-litert"
    )
    for name in ("torch", "litert-torch", "atari"):
        assert (
            finding_named(name, findings).ok is None
            and "agp-tui[train]" in finding_named(name, findings).cure
        )
    assert finding_named("parts", findings) == Finding("parts", False, "av not installed", "pip install av")


def test_tflite_runtime_with_numpy_2_is_not_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_distributions(monkeypatch, "ai-edge-litert", tflite_runtime="2.14.0", numpy="2.1.0")
    finding = finding_named("model runtime", checkup(GameSettings(display=":987")))
    assert finding.ok is False and "numpy 2.1.0" in finding.found


def test_missing_converter_on_unsupported_machine_has_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_distributions(monkeypatch, "litert-torch")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "aarch64")
    finding = finding_named("litert-torch", checkup(GameSettings(display=":987")))
    assert "no package for" in finding.found and "agp export" in finding.cure


def test_conflicting_python3_xlib_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_distributions(monkeypatch, python3_xlib="0.15")
    assert finding_named("python3-xlib", checkup(GameSettings(display=":987"))).ok is False


def test_insufficient_disk_space_is_reported(tmp_path: Path) -> None:
    finding = finding_named(
        "disk", checkup(GameSettings(display=":987"), tmp_path / "not" / "yet", min_free_mb=10**9)
    )
    assert finding.ok is False and "required" in finding.found


def test_failing_check_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("simulated failure")

    monkeypatch.setattr(doctor.Desktop, "of_this_user", fail)
    findings = checkup()
    assert "simulated failure" in finding_named("displays", findings).found
    assert finding_named("disk", findings)
