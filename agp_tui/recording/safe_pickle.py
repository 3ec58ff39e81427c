"""Pickles that hold plain numpy arrays, read without running anything that is in them.

Not Python's unpickler with a filter, but a reader of its own for the few instructions that such a
pickle needs: nothing is ever looked up or called, an array is bytes with a checked dtype and shape.
So a hostile file can name any function, ask for any amount of memory or nest for ever, and gets a
sentence that says what it is. Format: PEP 3154, PEP 574 and `pickletools` in the standard library.
"""

import itertools
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from agp_tui.errors import RecordingError

MAX_INSTRUCTIONS = 500_000
"""Arrays need about 30 each; this is room for 20,000 frames as a list of arrays."""
MAX_SIDES = 8
CURE = "Only dicts of plain numpy arrays are read; nothing in the file was run."

_ARRAYS = {"numpy.core.multiarray", "numpy._core.multiarray"}
_NUMERIC = {"numpy.core.numeric", "numpy._core.numeric"}
_DTYPE = re.compile(r"[|<>=]?(b1|[iu][1248]|f[248])")


class HostilePickle(RecordingError):
    """A pickle that holds something else than plain numpy arrays."""


@dataclass(frozen=True)
class _Name:
    """A function or class that the pickle names. Only compared, never looked up."""

    module: str
    name: str


class _Mark:
    """Where a list of arguments begins on the stack."""


@dataclass
class _Dtype:
    code: str


@dataclass
class _Array:
    """An array, empty until its state comes."""

    value: NDArray[Any] | None = None


def read_arrays(stream: BinaryIO) -> dict[str, Any]:
    """The dict in a pickle: text to arrays, numbers, text, or lists of them.

    Raises `HostilePickle` for whatever is not that, `RecordingError` for a damaged file.
    """
    machine = _Machine()
    try:
        for count, (instruction, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= MAX_INSTRUCTIONS:
                raise HostilePickle(f"Expected a pickle of arrays, found over {count} instructions.", CURE)
            machine.step(instruction.name, argument)
        result = machine.result()
    except HostilePickle:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, MemoryError, OverflowError) as error:
        found = str(error)[:120]
        raise RecordingError(
            f"Expected a whole pickle of arrays, found a damaged one: {found}.", CURE
        ) from error
    if not isinstance(result, dict):
        raise HostilePickle(f"Expected a pickle of a dict, found {type(result).__name__}.", CURE)
    budget = itertools.count()
    return {key: _plain(value, budget) for key, value in result.items()}


class _Machine:
    """The stack and the memo of a pickle, and what each instruction does with them."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        return self._stack.pop()

    def step(self, name: str, argument: Any) -> None:
        if name in _NOTHING:
            return
        if name in _PUSHED:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name]())
        elif (do := _ACTIONS.get(name)) is not None:
            do(self, argument)
        else:
            raise HostilePickle(f"Expected a pickle of arrays, found the instruction {name}.", CURE)

    def _above_mark(self) -> list[Any]:
        for place in range(len(self._stack) - 1, -1, -1):
            if isinstance(self._stack[place], _Mark):
                items = self._stack[place + 1 :]
                del self._stack[place:]
                return items
        raise ValueError("arguments without a beginning")

    def _tuple(self, count: int | None) -> None:
        items = self._above_mark() if count is None else [self._stack.pop() for _ in range(count)][::-1]
        self._stack.append(tuple(items))

    def _name(self, argument: Any) -> None:
        if argument is None:
            name, module = self._stack.pop(), self._stack.pop()
        else:
            module, name = argument.split(" ", 1)
        self._stack.append(_allowed(_Name(str(module), str(name))))

    def _memoize(self, argument: Any) -> None:
        self._memo[len(self._memo) if argument is None else int(argument)] = self._stack[-1]

    def _set_items(self, items: list[Any]) -> None:
        table = self._stack[-1]
        if not isinstance(table, dict) or len(items) % 2:
            raise ValueError("pairs without a dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str):
                raise HostilePickle(f"Expected names as keys, found {type(key).__name__}.", CURE)
            table[key] = value

    def _dict(self, _argument: Any) -> None:
        items = self._above_mark()
        self._stack.append({})
        self._set_items(items)

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self._stack[-1], list):
            raise ValueError("items without a list")
        self._stack[-1].extend(items)

    def _reduce(self, _argument: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(_called(function, arguments))

    def _build(self, _argument: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, _Array):
            target.value = _filled(state)
        elif isinstance(target, _Dtype):
            order = state[1]
            if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
                raise HostilePickle("Expected plain numbers in an array, found a structured dtype.", CURE)
            target.code = order + target.code.lstrip("<>|=")
        else:
            raise HostilePickle("Expected a state for an array, found one for something else.", CURE)


_NOTHING = {"PROTO", "FRAME", "STOP"}
_PUSHED = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}


_ACTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "MARK": lambda machine, _: machine._stack.append(_Mark()),
    "POP": lambda machine, _: machine._stack.pop(),
    "GLOBAL": _Machine._name,
    "STACK_GLOBAL": _Machine._name,
    "REDUCE": _Machine._reduce,
    "BUILD": _Machine._build,
    "DICT": _Machine._dict,
    "SETITEM": lambda machine, _: machine._set_items([machine._stack.pop() for _ in range(2)][::-1]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._above_mark()),
    "APPEND": lambda machine, _: machine._extend([machine._stack.pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._above_mark()),
    "LIST": lambda machine, _: machine._stack.append(machine._above_mark()),
    "TUPLE": lambda machine, _: machine._tuple(None),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    **dict.fromkeys(("MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"), _Machine._memoize),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda machine, at: machine._stack.append(machine._memo[int(at)])
    ),
}


def _allowed(name: _Name) -> _Name:
    plain = (
        (name.module in _ARRAYS and name.name in ("_reconstruct", "scalar"))
        or (name.module in _NUMERIC and name.name == "_frombuffer")
        or (name.module == "numpy" and name.name in ("ndarray", "dtype"))
        or (name.module == "_codecs" and name.name == "encode")
    )
    if not plain:
        found = f"{name.module}.{name.name}"[:80]
        raise HostilePickle(f"Expected nothing but numpy arrays in the pickle, found {found!r}.", CURE)
    return name


def _called(function: Any, arguments: Any) -> Any:
    """What one of the few known functions would give; never the function itself."""
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise HostilePickle("Expected nothing but numpy arrays in the pickle, found a call.", CURE)
    match function.name, arguments:
        case "_reconstruct", (_Name(module="numpy", name="ndarray"), _, _):
            return _Array()
        case "dtype", (str() | bytes() as code, *_):
            return _Dtype(_dtype_code(code))
        case "encode", (str() as text, "latin1" | "latin-1"):
            # How protocol 2 and older write bytes. One character is one byte.
            return text.encode("latin-1")
        case "encode", (str() as text,) if not text:
            return b""
        case "_frombuffer", (
            bytes() | bytearray() as body,
            _Dtype() as dtype,
            tuple() as shape,
            "C" | "F" as order,
        ):
            return _Array(_array(body, dtype, shape, order == "F"))
        case "scalar", (_Dtype() as dtype, bytes() as body):
            return _array(body, dtype, (), False)[()].item()
    raise HostilePickle(
        f"Expected a plain numpy array, found a call of {function.name} that makes none.", CURE
    )


def _filled(state: Any) -> NDArray[Any]:
    match state:
        case (_, tuple() as shape, _Dtype() as dtype, fortran, bytes() | bytearray() as body):
            return _array(body, dtype, shape, bool(fortran))
        case (_, tuple() as shape, _Dtype() as dtype, fortran, str() as body):
            # Python 2 wrote the bytes of an array as text.
            return _array(body.encode("latin-1"), dtype, shape, bool(fortran))
    raise HostilePickle("Expected an array of plain numbers, found one of something else.", CURE)


def _array(body: bytes | bytearray, dtype: _Dtype, shape: tuple[Any, ...], fortran: bool) -> NDArray[Any]:
    """A view of the bytes; they must be exactly as many as dtype and shape ask for."""
    if len(shape) > MAX_SIDES or not all(type(side) is int and 0 <= side < 1 << 40 for side in shape):
        raise HostilePickle(f"Expected a plain shape of an array, found {str(shape)[:80]}.", CURE)
    kind = np.dtype(dtype.code)
    count = 1
    for side in shape:
        count *= side
    if count * kind.itemsize != len(body):
        raise HostilePickle(
            f"Expected {count * kind.itemsize} bytes for an array {shape} of {kind}, found {len(body)}.", CURE
        )
    return np.frombuffer(body, kind).reshape(shape, order="F" if fortran else "C")


def _dtype_code(code: str | bytes) -> str:
    text = code.decode("ascii", "replace") if isinstance(code, bytes) else code
    if not _DTYPE.fullmatch(text):
        raise HostilePickle(f"Expected plain numbers in an array, found dtype {text[:40]!r}.", CURE)
    return text


def _plain(value: Any, budget: Iterator[int], depth: int = 0) -> Any:
    """Arrays out of their wrapping; lists of lists at most, and no more items than there may be.

    The bound is on items looked at: a list that holds itself many times is small in the file.
    """
    if next(budget) > MAX_INSTRUCTIONS:
        raise HostilePickle(f"Expected a pickle of arrays, found over {MAX_INSTRUCTIONS} items.", CURE)
    if isinstance(value, _Array) and value.value is not None:
        return value.value
    if isinstance(value, list | tuple) and depth < 2:
        return [_plain(item, budget, depth + 1) for item in value]
    if value is None or isinstance(value, int | float | str | bytes):
        return value
    raise HostilePickle(f"Expected arrays and numbers, found {type(value).__name__.strip('_')}.", CURE)
