"""Parses the Kitty keyboard protocol: key presses, repeats and releases.

Specification: https://sw.kovidgoyal.net/kitty/keyboard-protocol/
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
"""The protocol's flag for repeat and release events."""

STROKES: Final[dict[str, KeyAction]] = {"": "press", "1": "press", "2": "repeat", "3": "release"}
TEXTUAL_NAMES = {
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
"""Textual's key names that differ from those of `key_names`."""

_key = re.compile(r"\x1b\[(\d*)(?::[\d:]*)?(?:;(\d*)(?::(\d))?)?(?:;([\d:]*))?([u~A-HPQS])")
_flags = re.compile(r"\x1b\[\?(\d+)u")
_attributes = re.compile(r"\x1b\[\?[\d;]*c")


class KeyStroke(Message):
    """A key was pressed, repeated or released: its name in `key_names`, and the monotonic time in ns."""

    def __init__(self, key: str, stroke: KeyAction, time_ns: int) -> None:
        super().__init__()
        self.key, self.stroke, self.time_ns = key, stroke, time_ns


class ReleaseSupport(Message):
    """The terminal's answer: whether it reports key releases."""

    def __init__(self, supported: bool) -> None:
        super().__init__()
        self.supported = supported


def to_key_name(key: str) -> str | None:
    """The name in `key_names` of a key of Textual's, or None: `pageup` is `page_up`, `A` is `a`."""
    plain = key.rpartition("+")[2] or key
    try:
        return key_name(TEXTUAL_NAMES.get(plain, plain))
    except SettingError:
        return None


class KeyboardParser(XTermParser):
    """Textual's parser, extended with release events.

    Key strokes and answers go to `callback`, if set; presses and repeats are also Textual key events.
    """

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self.callback: Callable[[Message], object] | None = None
        self.read_ns = time.monotonic_ns()
        """Monotonic time at which the current bytes were read."""
        self._flags: int | None = None

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        if match := _flags.fullmatch(sequence):
            self._flags = int(match[1])
            return [_ignored(sequence)]
        if _attributes.fullmatch(sequence):
            # Every terminal answers this query; one that did not report flags before it has none.
            supported, self._flags = bool((self._flags or 0) & REPORT_EVENT_TYPES), None
            self._post(ReleaseSupport(supported))
            return [_ignored(sequence)]
        if match := _key.fullmatch(sequence):
            code, modifiers, event, text, end = match.groups(default="")
            stroke = STROKES.get(event, "press")
            if (name := _key_name(code, end)) is not None:
                self._post(KeyStroke(name, stroke, self.read_ns))
            if stroke == "release":
                return [_ignored(sequence)]
            if event:
                sequence = f"\x1b[{code};{modifiers}" + (f";{text}" if text else "") + end
        try:
            return list(super()._sequence_to_key_events(sequence, alt))
        except ValueError:
            # Not a valid code point: Textual would crash.
            return [_ignored(sequence)]

    def _post(self, message: Message) -> None:
        if self.callback is not None:
            self.callback(message)


def _ignored(sequence: str) -> Key:
    """A key event that Textual ignores."""
    return Key(Keys.Ignore, sequence)


def _key_name(code: str, end: str) -> str | None:
    """The name in `key_names` of the protocol's key code."""
    if (key := FUNCTIONAL_KEYS.get(f"{code or 1}{end}")) is not None:
        return to_key_name(key)
    name = NAMES.get(int(code)) if code and end == "u" else None
    return name if name in KEYSYMS else None
