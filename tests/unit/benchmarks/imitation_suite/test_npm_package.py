"""Packages of the npm registry, with a program in the place of npm."""

import base64
import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from agp_tui.errors import MissingPart
from benchmarks.imitation_suite.browser import NpmPackage, find_browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def install_npm(programs: Path, *commands: str) -> None:
    """An npm that runs shell commands in the folder for the tarball."""
    program = programs / "npm"
    program.write_text("\n".join(["#!/bin/sh", "PATH=/usr/bin:/bin", *commands]))
    program.chmod(0o755)


def tarball(path: Path) -> str:
    """Write a package with one file; returns its integrity."""
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("package/game.js")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"play"))
    return "sha512-" + base64.b64encode(hashlib.sha512(path.read_bytes()).digest()).decode()


def test_package_is_downloaded_once(programs: Path, tmp_path: Path) -> None:
    package = NpmPackage("pong", "1.0.0", tarball(tmp_path / "pong.tgz"))
    install_npm(programs, f"echo $2 >> {tmp_path}/asked", f"cp {tmp_path}/pong.tgz pong-1.0.0.tgz")
    assert (package.folder() / "game.js").read_text() == "play"
    assert package.folder() == package.folder()
    assert (tmp_path / "asked").read_text().split() == ["pong@1.0.0"]


def test_tarball_that_differs_is_refused_and_not_kept(programs: Path, tmp_path: Path) -> None:
    tarball(tmp_path / "pong.tgz")
    install_npm(programs, f"cp {tmp_path}/pong.tgz pong-1.0.0.tgz")
    package = NpmPackage("pong", "1.0.0", "sha512-other")
    with pytest.raises(MissingPart, match=r"Expected pong@1.0.0 with the hash sha512-other, found sha512-"):
        package.folder()
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).rglob("*.js"))


def test_failed_download_names_the_reason(programs: Path) -> None:
    install_npm(programs, "echo 'npm error network ENOTFOUND' >&2", "exit 1")
    with pytest.raises(
        MissingPart, match=r"Expected npm to download pong.*found: npm error network ENOTFOUND"
    ):
        NpmPackage("pong", "1.0.0", "sha512-").folder()


def test_missing_programs_are_named(programs: Path) -> None:
    with pytest.raises(MissingPart, match="apt-get install npm"):
        NpmPackage("pong", "1.0.0", "sha512-").folder()
    with pytest.raises(MissingPart, match="apt-get install chromium"):
        find_browser()
