"""Decoding JSON from files and pipes that may hold anything: every fault is a `JsonError`."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class JsonError(ValueError):
    """Not JSON, or JSON of another shape than expected."""


def decode_json(data: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """The value that `decoder` reads from `data`. Raises `JsonError`.

    msgspec raises its own errors except for invalid UTF-8 and for endlessly nested lists.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JsonError(str(error)) from error
