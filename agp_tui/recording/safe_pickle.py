"""Reading numpy arrays from untrusted pickles, with an allow-list unpickler in a limited child process.

    python -m agp_tui.recording.safe_pickle NAME... < file.pickle

The unpickler resolves numpy's array constructors to stand-ins of this module and refuses every other
name, so nothing in the file is run. A file that crashes the unpickler, or needs too much time or memory,
ends only the child. Arrays return as raw bytes behind a JSON header, not as a pickle.
"""

import contextlib
import math
import mmap
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from agp_tui.engine.subprocesses import exit_text, limit_resources, module_command, module_environment
from agp_tui.errors import RecordingError

MAX_DIMENSIONS = 8
HINT = "Only dicts of plain numpy arrays are read; nothing in the file was run."
BASE_MEMORY, MEMORY_PER_BYTE = 1 << 30, 6
"""Address space of the child in bytes: a base, and a multiple of the size of the file."""
BASE_CPU_SECONDS, BYTES_PER_SECOND = 3, 20 << 20
"""CPU time of the child: a base, and more for a large file. Wall time may be `WALL_FACTOR` times that."""
WALL_FACTOR = 20

_DTYPE = re.compile(r"[|<>=]?(b1|[iu][1248]|f[248])")


class HostilePickle(RecordingError):
    """A pickle that holds something other than plain numpy arrays."""


class _Header(msgspec.Struct, frozen=True):
    """The child's answer: dtype and shape of each array, whose bytes follow in order, C-contiguous."""

    arrays: dict[str, tuple[str, tuple[int, ...]]] = {}
    error: str = ""
    hostile: bool = False


def read_arrays(source: Path, names: tuple[str, ...], scratch: Path) -> dict[str, NDArray[Any]]:
    """The arrays with these names in a pickled dict; absent ones are left out.

    Lists of equal arrays are stacked, lists of numbers become float64. The arrays are mapped from an
    unnamed file in the folder `scratch`. Raises `HostilePickle` for anything but arrays, `RecordingError`
    for a damaged file or other values under these names, and `OSError` if a file cannot be read or written.
    """
    with source.open("rb") as file, tempfile.TemporaryFile(dir=scratch) as output:
        size = os.fstat(file.fileno()).st_size
        try:
            done = subprocess.run(
                module_command("agp_tui.recording.safe_pickle", *names),
                env=module_environment(OPENBLAS_NUM_THREADS="1"),
                stdin=file,
                stdout=output,
                stderr=subprocess.PIPE,
                timeout=_cpu_seconds(size) * WALL_FACTOR,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise HostilePickle(f"Expected to read {source} in {error.timeout:g} s.", HINT) from error
        if done.returncode != 0:
            raise HostilePickle(f"Expected a pickle of arrays; its reader {exit_text(done)}.", HINT)
        answer = mmap.mmap(output.fileno(), 0, access=mmap.ACCESS_READ)
    line = answer.readline()
    header = msgspec.json.decode(line, type=_Header)
    if header.error:
        raise (HostilePickle if header.hostile else RecordingError)(header.error, HINT)
    found, offset = {}, len(line)
    for name, (code, shape) in header.arrays.items():
        dtype, count = np.dtype(code), math.prod(shape)
        content = np.frombuffer(answer, dtype, count, offset) if count else np.zeros(0, dtype)
        found[name] = content.reshape(shape)
        offset += content.nbytes
    return found


def _cpu_seconds(size: int) -> int:
    return BASE_CPU_SECONDS + size // BYTES_PER_SECOND


def main(names: list[str]) -> None:
    """Unpickle stdin and write the named arrays to stdout."""
    size = os.fstat(0).st_size
    limit_resources(BASE_MEMORY + MEMORY_PER_BYTE * size, _cpu_seconds(size))
    parts: list[NDArray[Any]] = []
    arrays: dict[str, tuple[str, tuple[int, ...]]] = {}
    try:
        content = load(sys.stdin.buffer)
        for name in content.keys() & set(names):
            shape, stack = _stacked(name, content[name])
            arrays[name] = stack[0].dtype.str, shape
            parts += stack
        header = _Header(arrays)
    except RecordingError as error:
        header = _Header(error=error.message, hostile=isinstance(error, HostilePickle))
    sys.stdout.buffer.write(msgspec.json.encode(header) + b"\n")
    for part in parts if header.arrays else ():
        sys.stdout.buffer.write(np.ascontiguousarray(part).data)
    sys.stdout.buffer.flush()


def load(stream: BinaryIO) -> dict[Any, Any]:
    """The dict in a pickle, its arrays as `_Array`. Raises `HostilePickle` or `RecordingError`.

    Only for a process whose resources are limited: a pickle may need any amount of time and memory.
    """
    try:
        result = _ArrayUnpickler(stream, encoding="latin1").load()
    except RecordingError:
        raise
    except (EOFError, pickle.UnpicklingError) as error:
        raise RecordingError(f"Expected a pickle of arrays, found a damaged one: {_short(error)}.") from error
    except Exception as error:
        raise HostilePickle(
            f"Expected a pickle of arrays, found other content: {type(error).__name__} {_short(error)}."
        ) from error
    if not isinstance(result, dict) or not all(isinstance(key, str) for key in result):
        raise HostilePickle(f"Expected a pickled dict with names as keys, found a {type(result).__name__}.")
    return result


def _stacked(name: str, value: Any) -> tuple[tuple[int, ...], list[NDArray[Any]]]:
    """The shape of a value, and its content as one array or the arrays along its first dimension."""
    if isinstance(value, _Array):
        return value.filled().shape, [value.filled()]
    if isinstance(value, list | tuple):
        if value and all(isinstance(item, _Array) for item in value):
            arrays = [item.filled() for item in value]
            if len({(array.shape, array.dtype) for array in arrays}) == 1:
                return (len(arrays), *arrays[0].shape), arrays
        else:
            with contextlib.suppress(TypeError, ValueError, OverflowError):
                numbers = np.asarray(value, np.float64)
                return numbers.shape, [numbers]
    kind = type(value).__name__.strip("_")
    raise RecordingError(f"Expected {name} to be an array, or a list of equal ones, found a {kind}.")


class _Ndarray:
    """Stands for the class numpy.ndarray."""


class _Dtype:
    """Stands for numpy.dtype: plain numbers only."""

    def __init__(self, code: str | bytes, *_: object) -> None:
        self.code = code.decode("ascii", "replace") if isinstance(code, bytes) else code
        if not _DTYPE.fullmatch(self.code):
            raise HostilePickle(f"Expected plain numbers in an array, found dtype {self.code[:40]!r}.")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise HostilePickle("Expected plain numbers in an array, found a structured dtype.")
        self.code = order + self.code.lstrip("<>|=")


class _Array:
    """Stands for an array that `_reconstruct` makes empty and a state fills."""

    value: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, body = state
        # Python 2 stored the bytes of an array as text.
        self.value = _array(body.encode("latin-1") if isinstance(body, str) else body, dtype, shape, fortran)

    def filled(self) -> NDArray[Any]:
        if self.value is None:
            raise HostilePickle("Expected the content of an array, found none.")
        return self.value


def _reconstruct(subtype: object, *_: object) -> _Array:
    if subtype is not _Ndarray:
        raise HostilePickle("Expected a plain numpy array, found another class.")
    return _Array()


def _frombuffer(body: bytes | bytearray, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.value = _array(body, dtype, shape, order == "F")
    return array


def _scalar(dtype: _Dtype, body: bytes) -> Any:
    return _array(body, dtype, (), False).item()


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How protocol 2 and older store bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise HostilePickle(f"Expected bytes as latin1, found the codec {encoding[:40]!r}.")
    return text.encode("latin-1")


_ALLOWED = {
    ("numpy", "ndarray"): _Ndarray,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}


class _ArrayUnpickler(pickle.Unpickler):
    """Resolves the names of `_ALLOWED` only."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = _ALLOWED.get((module, name))
        if allowed is None:
            found = f"{module}.{name}"[:80]
            raise HostilePickle(f"Expected nothing but numpy arrays in the pickle, found {found!r}.")
        return allowed

    def persistent_load(self, pid: Any) -> Any:
        raise HostilePickle("Expected nothing but numpy arrays in the pickle, found a persistent id.")


def _array(body: Any, dtype: Any, shape: Any, fortran: bool) -> NDArray[Any]:
    """A view of `body`, whose size must match dtype and shape."""
    if not isinstance(dtype, _Dtype) or not isinstance(body, bytes | bytearray):
        raise HostilePickle("Expected an array of plain numbers, found one of something else.")
    if (
        not isinstance(shape, tuple)
        or len(shape) > MAX_DIMENSIONS
        or not all(type(side) is int and 0 <= side < 1 << 40 for side in shape)
    ):
        raise HostilePickle(f"Expected the shape of an array, found {str(shape)[:80]}.")
    plain = np.dtype(dtype.code)
    if math.prod(shape) * plain.itemsize != len(body):
        raise HostilePickle(
            f"Expected {math.prod(shape) * plain.itemsize} bytes for an array {shape} of {plain}, "
            f"found {len(body)}."
        )
    return np.frombuffer(body, plain).reshape(shape, order="F" if fortran else "C")


def _short(error: Exception) -> str:
    return str(error)[:120].rstrip(".")


if __name__ == "__main__":
    main(sys.argv[1:])
