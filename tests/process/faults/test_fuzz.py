"""Fuzz tests: randomly damaged files are read or rejected with an error.

`AGP_FUZZ_CASES` is the number of cases per reader; `make fuzz` sets it to 2,000 and uses new
random cases each time.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.fault_counts import log_faults
from support.file_readers import READERS
from support.reader_process import ReaderProcess

CASES = int(os.environ.get("AGP_FUZZ_CASES", "40"))
LONG_RUN = CASES > 100
SUBPROCESS_READERS = ("model.tflite", "seed pickle")
"""Readers that start a subprocess per file; a short run uses a quarter of the cases."""

FRAGMENTS = [
    b"\0" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80", b"-1", b"1e999", b"NaN",
    b"9" * 400, b"[" * 3000, b"{" * 3000, b'"', b"\\ud800", b"\n", b"..", b"../../x", b"/etc/passwd", b"=",
    b"\r\n", b"null", b"0", b"-9223372036854775809", b"\xc3\x28",
]  # fmt: skip
"""Bytes that often break parsers."""

Change = tuple[str, float, bytes, float]
"""Operation, position (fraction of the file), bytes, length of the changed part (fraction of the file)."""

changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "delete", "repeat", "truncate"]),
        st.floats(0, 1),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(FRAGMENTS)),
        st.floats(0, 0.2),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, edits: list[Change]) -> bytes:
    """The content after all changes, applied in order."""
    body = bytearray(content)
    for kind, position, fragment, length in edits:
        at = round(position * len(body))
        end = at + 1 + round(length * len(body))
        if kind == "put":
            body[at : at + len(fragment)] = fragment
        elif kind == "insert":
            body[at:at] = fragment
        elif kind == "delete":
            del body[at:end]
        elif kind == "repeat":
            body[at:at] = body[at:end]
        else:
            del body[at:]
    return bytes(body)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", READERS)
def test_damaged_file_is_read_or_rejected_with_error(name: str, tmp_path: Path) -> None:
    """Without a crash, a hang over 10 s, more than 1 GiB of memory or a write to another file."""
    home = tmp_path / "home"
    home.mkdir()
    path = READERS[name].sample(home)
    content, files_before = path.read_bytes(), files_in(tmp_path)
    min_cases = CASES // 4 if name in SUBPROCESS_READERS and not LONG_RUN else CASES
    cases = 0
    with ReaderProcess(name) as reader:

        @settings(
            max_examples=min_cases,
            deadline=None,
            derandomize=not LONG_RUN,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(changes)
        def check_damaged(edits: list[Change]) -> None:
            nonlocal cases
            path.write_bytes(damaged(content, edits))
            assert reader.failure(path) is None
            assert files_in(tmp_path) == files_before, "no other file is written"
            cases += 1

        check_damaged()
    assert cases >= min_cases
    log_faults(f"damaged {name}", trials=cases)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
