"""Tests of the safe pickle reader: hostile, huge and damaged pickles run nothing and raise an error."""

import collections
import os
import pickle
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.reader_process import ReaderProcess

from agp_tui.errors import RecordingError
from agp_tui.recording.legacy_pickle import import_pickle
from agp_tui.recording.safe_pickle import HostilePickle, read_arrays
from agp_tui.recording.store import find_recordings

RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"


def _legacy_arrays(states: Any = None) -> dict[str, Any]:
    states = np.zeros((2, 4)) if states is None else states
    return {"screen_frames": np.zeros((2, 4, 4, 3), np.uint8), "key_frames": states}


def _array(shape: bytes) -> bytes:
    """A pickle of a one-byte uint8 array named `a`, with the opcodes `shape` for its shape."""
    state = b"(K\x01" + shape + b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x85R\x89C\x01xt"
    return (
        b"\x80\x03}(X\x01\x00\x00\x00a"
        + RECONSTRUCT
        + b"(cnumpy\nndarray\nK\x00\x85C\x01btR"
        + state
        + b"bu."
    )


def test_plain_array_is_read(tmp_path: Path) -> None:
    source = tmp_path / "plain.pkl"
    source.write_bytes(_array(b"(K\x01t"))
    arrays = read_arrays(source, ("a", "b"), tmp_path)
    assert list(arrays) == ["a"] and arrays["a"].tolist() == [ord("x")]


class _CallOnLoad:
    """An object whose pickle calls a function when it is loaded."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def _hostile(marker: str) -> dict[str, bytes]:
    system = _CallOnLoad(os.system, f"touch {marker}")
    code = f"open({marker!r}, 'w')"
    nested: Any = np.empty((1,), object)
    nested[0] = system
    plain = pickle.dumps(_legacy_arrays(), 2)
    return {
        "os.system": pickle.dumps(system),
        "os.system beside good arrays": pickle.dumps(_legacy_arrays() | {"more": system}),
        "os.system inside an object array": pickle.dumps(_legacy_arrays(nested)),
        "eval": pickle.dumps(_legacy_arrays(_CallOnLoad(eval, code))),
        "exec": pickle.dumps(_CallOnLoad(exec, code)),
        "getattr": b"cbuiltins\ngetattr\n(cos\nsystem\nVx\ntR.",
        "subprocess": pickle.dumps(_CallOnLoad(subprocess.Popen, ["touch", marker])),
        "numpy.load": pickle.dumps(_CallOnLoad(np.load, marker)),
        "numpy.testing runs code": b"cnumpy.testing._private.utils\nrunstring\n(V"
        + code.encode()
        + b"\n}tR.",
        "stack global": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c"
        + bytes([len(marker) + 6])
        + b"touch "
        + marker.encode()
        + b"\x85R.",
        "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.",
        "name with a module inside": b"cnumpy\nos.system\n(V" + code.encode() + b"\ntR.",
        "inst": b"(Vtouch " + marker.encode() + b"\nios\nsystem\n.",
        "obj": b"(cos\nsystem\nVtouch " + marker.encode() + b"\no.",
        "newobj": b"\x80\x02cnumpy\nndarray\n(K\x05t\x81.",
        "extension": b"\x80\x02\x82\x01.",
        "persistent id": b"Pmine\n.",
        "reconstruct of another class": RECONSTRUCT + b"(cnumpy\ndtype\nK\x00C\x01btR.",
        "ndarray called": b"cnumpy\nndarray\n((K\x05tVO\ntR.",
        "another codec": b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
        "object dtype": plain.replace(b"X\x02\x00\x00\x00u1", b"X\x02\x00\x00\x00O8"),
        "structured dtype": b"cnumpy\ndtype\n(V(2)i4,O\ntR.",
        "state for a name": b"cnumpy\nndarray\n}b.",
        "a default dict": pickle.dumps(collections.defaultdict(list)),
        "not a dict": pickle.dumps([1, 2]),
        "keys that are no names": pickle.dumps({(1, 2): 3}),
        "shape of half the world": _array(b"(\x8a\x08" + b"\xff" * 7 + b"\x7fK\x05t"),
        "negative shape": _array(b"(J\xff\xff\xff\xffK\x05t"),
        "more shape than bytes": _array(b"(M\xff\xffK\x05t"),
        "a shape of text": _array(b"(Vfive\nt"),
    }


@pytest.mark.parametrize("name", list(_hostile("x")))
def test_hostile_pickle_is_rejected_without_running_code(tmp_path: Path, name: str) -> None:
    marker = tmp_path / "it-ran"
    source = tmp_path / "hostile.pkl"
    source.write_bytes(_hostile(str(marker))[name])
    with pytest.raises(HostilePickle) as error:
        import_pickle(source, tmp_path / "recordings", "rally")
    assert error.value.exit_code == 2
    assert "Expected" in str(error.value)
    assert not marker.exists()
    assert find_recordings(tmp_path / "recordings") == []


def test_plain_unpickler_runs_the_hostile_code(tmp_path: Path) -> None:
    # Proves that the test above would detect executed code.
    marker = tmp_path / "it-ran"
    subprocess.run([sys.executable, "-c", "import pickle, sys; pickle.load(sys.stdin.buffer)"],
                   input=_hostile(str(marker))["os.system"], check=True)  # fmt: skip
    assert marker.exists()


_HUGE = {
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"x.",
    "text": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b"x.",
    "byte array": b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + b"x.",
    "memo": b"\x80\x02}r" + struct.pack("<I", 0xFFFFFFFF) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 50) + b"}.",
    "number": b"I" + b"9" * 100_000 + b"\n.",
    "tuples in tuples as a key": b"\x80\x02}(" + b")" + b"\x85" * 100_000 + b"K\x01u.",
    "doubled tuples as a key": b"\x80\x02}(" + b")" + b"2\x86" * 80 + b"K\x01u.",
    "a list in itself": b"\x80\x02}(X\x0a\x00\x00\x00key_frames]q\x00(" + b"h\x00" * 3000 + b"eu.",
    "lists many times in lists": b"\x80\x02}(X\x0a\x00\x00\x00key_frames](" + b"]q\x01(" + b"K\x01" * 3000
    + b"e" + b"h\x01" * 3000 + b"eu.",
    "instructions without an end": b"\x80\x02" + b"N0" * 300_000 + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", list(_HUGE))
def test_pickle_with_huge_or_nested_content_is_rejected_within_limits(tmp_path: Path, name: str) -> None:
    source = tmp_path / "huge.pkl"
    source.write_bytes(_HUGE[name])
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(RecordingError):
        import_pickle(source, tmp_path / "recordings", "rally")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 256 << 20
    assert time.process_time() - began < 60


_VALID = pickle.dumps(_legacy_arrays(), 2)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, len(_VALID) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_randomly_damaged_pickle_is_read_or_rejected(
    pickle_reader: ReaderProcess, tmp_path: Path, changes: list[tuple[int, int]]
) -> None:
    body = bytearray(_VALID)
    for place, value in changes:
        body[place] = value
    source = tmp_path / "damaged.pkl"
    source.write_bytes(body)
    assert pickle_reader.failure(source) is None


@pytest.fixture(scope="module")
def pickle_reader() -> Iterator[ReaderProcess]:
    """A reader process with limited memory."""
    with ReaderProcess("pickled arrays") as reader:
        yield reader
