"""Tests of atomic file replacement, line files and folder deletion, after kills and on a full disk."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.full_disk import file_size_limit

from agp_tui.engine.subprocesses import module_environment
from agp_tui.files import LineFile, delete_folder, size_of, write_atomically

WRITER_PROGRAM = """
import sys
from pathlib import Path
from agp_tui.files import write_atomically

path = Path(sys.argv[1])
number = 0
while True:
    number += 1
    write_atomically(path, (b"%d " % number) * 50_000)
    if number == 1:
        print("ready", flush=True)
"""


def test_killed_write_leaves_old_or_new_content(tmp_path: Path) -> None:
    path = tmp_path / "file"
    seen = set()
    for round_number in range(8):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER_PROGRAM, str(path)],
            stdout=subprocess.PIPE,
            env=module_environment(),
        )
        assert process.stdout is not None
        process.stdout.readline()
        end = time.monotonic() + 0.05 + 0.017 * round_number
        while time.monotonic() < end:
            seen.add(_number_in(path))
        process.kill()
        process.wait()
        process.stdout.close()
        _number_in(path)
    assert len(seen) >= 2


def _number_in(path: Path) -> int:
    numbers = path.read_bytes().split()
    assert len(numbers) == 50_000
    assert len(set(numbers)) == 1
    return int(numbers[0])


def test_failed_write_leaves_old_content_and_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "in the way").write_text("")
    with pytest.raises(OSError):
        write_atomically(tmp_path / "folder", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    with contextlib.suppress(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_partial_line_on_a_full_disk_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    lines = LineFile(path)
    with file_size_limit(25):
        lines.write(b"0123456789\n")
        lines.write(b"abcdefghij\n")
        with pytest.raises(OSError):
            lines.write(b"lost for good\n")
    assert path.read_bytes() == b"0123456789\nabcdefghij\n"
    lines.write(b"there is room again\n")
    lines.close()
    lines.close()
    LineFile(path).write(b"gone on with\n")
    assert path.read_text().split("\n")[2:] == ["there is room again", "gone on with", ""]
    assert path.stat().st_mode & 0o777 == 0o600


def test_delete_removes_folder_and_remains_of_a_crash(tmp_path: Path) -> None:
    for name in ("one", ".one.deleted"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"12345")
    assert size_of(tmp_path / "one") == 5
    delete_folder(tmp_path / "one")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError):
        delete_folder(tmp_path / "one")
