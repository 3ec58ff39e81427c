"""Decoding JSON that may hold anything: whatever is wrong with it is one error."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


class BadJson(ValueError):
    """No JSON, or not what was expected in it."""


def decoded(data: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """What the decoder makes of it. Raises `BadJson`.

    msgspec has errors of its own, but for text that is no UTF-8 and for lists in lists without an end.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadJson(str(error)) from error
