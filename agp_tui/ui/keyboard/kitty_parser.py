"""Reads what a terminal with the Kitty keyboard protocol tells of keys: presses, repeats and releases.

The protocol: https://sw.kovidgoyal.net/kitty/keyboard-protocol/
"""

import re
import time
from collections.abc import Callable, Iterable
from typing import Final

from textual._keyboard_protocol import FUNCTIONAL_KEYS
from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.keys import Keys
from textual.message import Message

from agp_tui.config.types import KeyAction
from agp_tui.errors import SettingError
from agp_tui.key_names import KEYSYMS, NAMES, key_name

REPORT_EVENT_TYPES = 2
"""The protocol's flag under which releases are told."""

STROKES: Final[dict[str, KeyAction]] = {"": "press", "1": "press", "2": "repeat", "3": "release"}
OTHER_NAMES = {
    "pageup": "page_up",
    "pagedown": "page_down",
    "full_stop": "period",
    "left_square_bracket": "bracket_left",
    "right_square_bracket": "bracket_right",
    "equals_sign": "equal",
    "grave_accent": "grave",
    "left_control": "ctrl",
    "right_control": "right_ctrl",
    "left_super": "super",
    "iso_level3_shift": "right_alt",
}
"""Our names of keys that textual calls otherwise."""

_key = re.compile(r"\x1b\[(\d*)(?::[\d:]*)?(?:;(\d*)(?::(\d))?)?(?:;([\d:]*))?([u~A-HPQS])")
_flags = re.compile(r"\x1b\[\?(\d+)u")
_attributes = re.compile(r"\x1b\[\?[\d;]*c")


class KeyStroke(Message):
    """A key went down, repeats, or went up; `key` is our name, `time_ns` the monotonic clock."""

    def __init__(self, key: str, stroke: KeyAction, time_ns: int) -> None:
        super().__init__()
        self.key, self.stroke, self.time_ns = key, stroke, time_ns


class ReleaseSupport(Message):
    """The terminal's answer: whether it tells when a key is let go of."""

    def __init__(self, told: bool) -> None:
        super().__init__()
        self.told = told


def to_key_name(key: str) -> str | None:
    """Our name of a key that textual heard, None where we have none: `pageup` is `page_up`, `A` is `a`."""
    plain = key.rpartition("+")[2] or key
    try:
        return key_name(OTHER_NAMES.get(plain, plain))
    except SettingError:
        return None


class KeyboardParser(XTermParser):
    """Textual's parser, and besides it what the protocol tells under its flag for releases.

    Strokes and answers go to `tell`, while there is one; presses and repeats are keys of textual's as well.
    """

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self.tell: Callable[[Message], object] | None = None
        self.read_ns = time.monotonic_ns()
        """When the bytes that are read now came."""
        self._flags: int | None = None

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if match := _flags.fullmatch(sequence):
            self._flags = int(match[1])
            return [_nothing(sequence)]
        if _attributes.fullmatch(sequence):
            # Every terminal tells its attributes; one that has not told its flags before has none.
            told, self._flags = bool((self._flags or 0) & REPORT_EVENT_TYPES), None
            self._say(ReleaseSupport(told))
            return [_nothing(sequence)]
        if match := _key.fullmatch(sequence):
            code, modifiers, event, text, end = match.groups(default="")
            stroke = STROKES.get(event, "press")
            if (name := _name(code, end)) is not None:
                self._say(KeyStroke(name, stroke, self.read_ns))
            if stroke == "release":
                return [_nothing(sequence)]
            if event:
                sequence = f"\x1b[{code};{modifiers}" + (f";{text}" if text else "") + end
        try:
            return list(super()._sequence_to_key_events(sequence, alt))
        except ValueError:
            # A number that is no character: textual would end over it.
            return [_nothing(sequence)]

    def _say(self, message: Message) -> None:
        if self.tell is not None:
            self.tell(message)


def _nothing(sequence: str) -> Key:
    """What textual takes for a sequence that was understood and is no key."""
    return Key(Keys.Ignore, sequence)


def _name(code: str, end: str) -> str | None:
    if (key := FUNCTIONAL_KEYS.get(f"{code or 1}{end}")) is not None:
        return to_key_name(key)
    name = NAMES.get(int(code)) if code and end == "u" else None
    return name if name in KEYSYMS else None
