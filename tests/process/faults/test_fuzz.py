"""Every file that is read, damaged at random: it is read, or refused in a sentence, whatever it holds.

`AGP_FUZZ_CASES` is the number of cases per reader; `make fuzz` sets it to 2,000 and draws new ones each time.
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
LONG = CASES > 100
STARTS_A_PROCESS = ("model.tflite", "seed pickle")
"""Readers that start a child process per file; a quarter of the cases in a short run."""

PIECES = [
    b"\0" * 8, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80", b"-1", b"1e999", b"NaN",
    b"9" * 400, b"[" * 3000, b"{" * 3000, b'"', b"\\ud800", b"\n", b"..", b"../../x", b"/etc/passwd", b"=",
    b"\r\n", b"null", b"0", b"-9223372036854775809", b"\xc3\x28",
]  # fmt: skip
"""What parsers stumble over."""

Change = tuple[str, float, bytes, float]
"""What is done, where (a share of the file), with which bytes, to how long a part (a share)."""

changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "delete", "repeat", "cut"]),
        st.floats(0, 1),
        st.one_of(st.binary(min_size=1, max_size=8), st.sampled_from(PIECES)),
        st.floats(0, 0.2),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, what: list[Change]) -> bytes:
    """The content after all changes, one after another."""
    body = bytearray(content)
    for kind, share, piece, length in what:
        at = round(share * len(body))
        end = at + 1 + round(length * len(body))
        if kind == "put":
            body[at : at + len(piece)] = piece
        elif kind == "insert":
            body[at:at] = piece
        elif kind == "delete":
            del body[at:end]
        elif kind == "repeat":
            body[at:at] = body[at:end]
        else:
            del body[at:]
    return bytes(body)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", READERS)
def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    """No crash, no hang over 10 s, not more than 1 GiB, nothing written elsewhere."""
    home = tmp_path / "home"
    home.mkdir()
    path = READERS[name].sample(home)
    content, there = path.read_bytes(), names_in(tmp_path)
    wanted = CASES // 4 if name in STARTS_A_PROCESS and not LONG else CASES
    cases = 0
    with ReaderProcess(name) as reading:

        @settings(
            max_examples=wanted,
            deadline=None,
            derandomize=not LONG,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(changes)
        def hurt(what: list[Change]) -> None:
            nonlocal cases
            path.write_bytes(damaged(content, what))
            assert reading.wrong(path) is None
            assert names_in(tmp_path) == there, "nothing is written beside it"
            cases += 1

        hurt()
    assert cases >= wanted
    log_faults(f"damaged {name}", trials=cases)


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
