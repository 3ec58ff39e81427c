"""Names of keys, the same on every system and in every file.

A name is the legend of the key: `a`, `7`, `up`, `space`, `f5`, `shift`. The plain name of a modifier means
the left one; the right one is `right_shift`.
"""

import difflib

from agp_tui.errors import SettingError

KEYSYMS: dict[str, int] = {
    "up": 0xFF52,
    "left": 0xFF51,
    "right": 0xFF53,
    "down": 0xFF54,
    "space": 0x0020,
    "enter": 0xFF0D,
    "esc": 0xFF1B,
    "tab": 0xFF09,
    "backspace": 0xFF08,
    "insert": 0xFF63,
    "delete": 0xFFFF,
    "home": 0xFF50,
    "end": 0xFF57,
    "page_up": 0xFF55,
    "page_down": 0xFF56,
    "pause": 0xFF13,
    "caps_lock": 0xFFE5,
    "shift": 0xFFE1,
    "right_shift": 0xFFE2,
    "ctrl": 0xFFE3,
    "right_ctrl": 0xFFE4,
    "alt": 0xFFE9,
    "right_alt": 0xFFEA,
    "super": 0xFFEB,
    "minus": 0x002D,
    "equal": 0x003D,
    "comma": 0x002C,
    "period": 0x002E,
    "slash": 0x002F,
    "semicolon": 0x003B,
    "apostrophe": 0x0027,
    "grave": 0x0060,
    "bracket_left": 0x005B,
    "bracket_right": 0x005D,
    "backslash": 0x005C,
    **{chr(code): code for code in range(ord("a"), ord("z") + 1)},
    **{chr(code): code for code in range(ord("0"), ord("9") + 1)},
    **{f"f{number}": 0xFFBE + number - 1 for number in range(1, 13)},
    **{f"keypad_{digit}": 0xFFB0 + digit for digit in range(10)},
    "keypad_enter": 0xFF8D,
    "keypad_plus": 0xFFAB,
    "keypad_minus": 0xFFAD,
    "keypad_multiply": 0xFFAA,
    "keypad_divide": 0xFFAF,
}
"""X11 keysyms by key name (X11/keysymdef.h)."""

OTHER_KEYSYMS: dict[str, tuple[int, ...]] = {
    "right_alt": (0xFE03, 0xFF7E),
    "alt": (0xFFE7,),
    "super": (0xFFE7,),
}
"""Keysyms of the same keys in other layouts: AltGr (ISO_Level3_Shift, Mode_switch), Meta."""

ALIASES = {
    "escape": "esc",
    "return": "enter",
    "control": "ctrl",
    "left_ctrl": "ctrl",
    "left_shift": "shift",
    "left_alt": "alt",
    "del": "delete",
    "pgup": "page_up",
    "pgdn": "page_down",
    " ": "space",
}

NAMES: dict[int, str] = {keysym: name for name, keysym in KEYSYMS.items()}
"""Key names by keysym."""


def key_name(text: str) -> str:
    """The key name for a user's text. Raises `SettingError` with the closest names."""
    name = text.strip().lower() or text
    name = ALIASES.get(name, name)
    if name in KEYSYMS:
        return name
    near = difflib.get_close_matches(name, KEYSYMS, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "Use names such as up, space, a, 7, f5, ctrl."
    raise SettingError(f"Expected the name of a key, found {text!r}.", hint)


def key_names(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The key names for several texts. Raises `SettingError` for an unknown or repeated one."""
    names = tuple(key_name(text) for text in texts)
    if not names:
        raise SettingError("Expected at least one key, found none.", "Name keys, such as up,left,right,down.")
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"Expected each key once, found {name!r} twice.", "Remove one of them.")
    return names
