"""Our names of keys and pynput's. pynput is imported late: its import fails without a display."""

import sys
from typing import Any

from agp_tui.errors import MissingPart, SettingError
from agp_tui.key_names import KEYSYMS, NAMES

SPECIAL_NAMES = {"right_shift": "shift_r", "right_ctrl": "ctrl_r", "right_alt": "alt_r", "super": "cmd"}
"""pynput's name of a key where it differs from ours."""

HEARD_NAMES = {
    "shift_l": "shift",
    "ctrl_l": "ctrl",
    "alt_l": "alt",
    "alt_gr": "right_alt",
    "cmd_l": "super",
    "cmd_r": "super",
    **{theirs: ours for ours, theirs in SPECIAL_NAMES.items()},
}
"""Our name of a key that pynput hears, where it differs."""

_KEYPAD = {
    "win32": tuple(range(0x60, 0x6A)),
    "darwin": (0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5B, 0x5C),
}
_KEYPAD_SIGNS = {
    "win32": {"keypad_multiply": 0x6A, "keypad_plus": 0x6B, "keypad_minus": 0x6D, "keypad_divide": 0x6F},
    "darwin": {
        "keypad_multiply": 0x43,
        "keypad_plus": 0x45,
        "keypad_minus": 0x4E,
        "keypad_divide": 0x4B,
        "keypad_enter": 0x4C,
    },
}


def import_keyboard() -> Any:
    """`pynput.keyboard`. Raises `MissingPart` where it has no keyboard to work with."""
    try:
        from pynput import keyboard
    except Exception as problem:  # its backends raise what their system raises
        reason = str(problem).strip().splitlines()[0] if str(problem).strip() else type(problem).__name__
        raise MissingPart(
            f"Expected a keyboard that pynput can use, found none: {reason}.", "See agp doctor."
        ) from problem
    return keyboard


def to_pynput(name: str) -> Any:
    """What pynput presses for our name. Raises `SettingError` for a key that it cannot press here."""
    keyboard = import_keyboard()
    special = getattr(keyboard.Key, SPECIAL_NAMES.get(name, name), None)
    if special is not None:
        return special
    code = keypad_codes().get(name)
    if code is not None:
        return keyboard.KeyCode.from_vk(code)
    keysym = KEYSYMS[name]
    if sys.platform not in ("win32", "darwin"):
        # By keysym it goes out through XTEST; by character it would be an event that games ignore.
        return keyboard.KeyCode.from_vk(keysym)
    if keysym < 0x100:
        return keyboard.KeyCode.from_char(chr(keysym))
    raise SettingError(
        f"Expected a key that can be pressed on this system, found {name!r}.", "Choose another key."
    )


def from_pynput(key: Any) -> str | None:
    """Our name of a key that pynput heard; None for one that we do not know."""
    special = getattr(key, "name", None)
    if special is not None:
        name = HEARD_NAMES.get(special, special)
        return name if name in KEYSYMS else None
    code = getattr(key, "vk", None)
    by_code = {code: name for name, code in keypad_codes().items()}
    if code in by_code:
        return by_code[code]
    if sys.platform == "win32" and code is not None and (0x30 <= code <= 0x39 or 0x41 <= code <= 0x5A):
        return chr(code).lower()
    char = getattr(key, "char", None)
    return NAMES.get(ord(char.lower())) if char and len(char) == 1 else None


def keypad_codes() -> dict[str, int]:
    """Virtual key codes of the keypad on this system; none on X, where the keysym serves."""
    digits = {f"keypad_{digit}": code for digit, code in enumerate(_KEYPAD.get(sys.platform, ()))}
    return digits | _KEYPAD_SIGNS.get(sys.platform, {})
