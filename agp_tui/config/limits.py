"""The bounds and choices of a setting's type in words, for the settings file and for errors."""

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import Meta


def limits(hint: Any, *, choices: bool = True) -> str:
    """What a setting of that type may be, in words: `1 to 60`; empty where there is no limit.

    Without `choices` those of a `Literal` are none.
    """
    if get_origin(hint) is Literal and choices:
        return " or ".join(map(str, get_args(hint)))
    if get_origin(hint) is Annotated:
        bounds = [_bounds(part) for part in get_args(hint)[1:] if isinstance(part, Meta)]
        return next(filter(None, bounds), "") or limits(get_args(hint)[0], choices=choices)
    if get_origin(hint) in (Union, UnionType):
        return next(filter(None, (limits(part, choices=choices) for part in get_args(hint))), "")
    return ""


def _bounds(meta: Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"{meta.ge:g} to {meta.le:g}"
    words = (("at least", meta.ge), ("above", meta.gt), ("at most", meta.le), ("below", meta.lt))
    return ", ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)
