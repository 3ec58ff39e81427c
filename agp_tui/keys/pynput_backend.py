"""pynput: key names, listener and virtual keyboard of Windows and macOS, and the fallback on X11.

pynput is imported late, because its import fails without a display.
"""

import os
import sys
import time
from typing import Any

from agp_tui.errors import JobFailed, MissingPart, SettingError
from agp_tui.key_names import KEYSYMS, NAMES
from agp_tui.keys.state import KeyEdge, Keys, KeyTracker, Who
from agp_tui.keys.xserver import Layout, connect, held_codes

SPECIAL_NAMES = {"right_shift": "shift_r", "right_ctrl": "ctrl_r", "right_alt": "alt_r", "super": "cmd"}
"""pynput's name of a key, if it differs from ours."""

HEARD_NAMES = {
    "shift_l": "shift",
    "ctrl_l": "ctrl",
    "alt_l": "alt",
    "alt_gr": "right_alt",
    "cmd_l": "super",
    "cmd_r": "super",
    **{theirs: ours for ours, theirs in SPECIAL_NAMES.items()},
}
"""Our name of a key that pynput reports, if it differs."""

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
    """`pynput.keyboard`. Raises `MissingPart` if pynput has no usable keyboard here."""
    try:
        from pynput import keyboard
    except Exception as error:  # its backends raise different errors on each system
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MissingPart(f"pynput found no usable keyboard: {reason}.", "See agp doctor.") from error
    return keyboard


def to_pynput(name: str) -> Any:
    """The pynput key for our name. Raises `SettingError` for a key that cannot be pressed here."""
    keyboard = import_keyboard()
    special = getattr(keyboard.Key, SPECIAL_NAMES.get(name, name), None)
    if special is not None:
        return special
    code = keypad_codes().get(name)
    if code is not None:
        return keyboard.KeyCode.from_vk(code)
    keysym = KEYSYMS[name]
    if sys.platform not in ("win32", "darwin"):
        # A keysym is sent through XTEST; a character would be an event that games ignore.
        return keyboard.KeyCode.from_vk(keysym)
    if keysym < 0x100:
        return keyboard.KeyCode.from_char(chr(keysym))
    raise SettingError(
        f"Expected a key that can be pressed on this system, found {name!r}.", "Choose another key."
    )


def from_pynput(key: Any) -> str | None:
    """Our name of a key reported by pynput; None for an unknown key."""
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
    """Virtual key codes of the keypad on this system; empty on X11, which uses keysyms."""
    digits = {f"keypad_{digit}": code for digit, code in enumerate(_KEYPAD.get(sys.platform, ()))}
    return digits | _KEYPAD_SIGNS.get(sys.platform, {})


_PHYSICAL, _INJECTED = 0, 1
"""Device numbers for the tracker."""
START_SECONDS = 5.0


class PynputListener:
    """A `KeyListener` through pynput. Keys held at its creation are known on X11 only.

    Windows and macOS distinguish injected presses; on X11 pynput does not.
    """

    def __init__(self, display: str | None, keys: tuple[str, ...], virtual: Who | None = "human") -> None:
        on_x = sys.platform not in ("win32", "darwin")
        if on_x and display:
            # pynput reads the display from the environment, on import.
            os.environ["DISPLAY"] = display
        self._keys = keys
        self._virtual = virtual
        self._detects_injected = not on_x
        self._tracker = KeyTracker()
        self._names: dict[str, int] = {key: number for number, key in enumerate(keys)}
        self._tracker.start({self._names[key]: (key,) for key in _held(display, keys)} if on_x else {})
        self._down_as: dict[Any, str] = {}
        self._listener = import_keyboard().Listener(on_press=self._press, on_release=self._release)
        self._listener.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._listener.running and self._listener.is_alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._listener.wait()

    def held(self) -> Keys:
        return self._tracker.held()

    def edges(self) -> list[KeyEdge]:
        edges = self._tracker.drain()
        if not edges and self._listener is not None and not self._listener.is_alive():
            raise JobFailed("The keyboard is gone.", "Start this again.")
        return edges

    def wait(self, seconds: float) -> None:
        self._tracker.wait(seconds)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.stop()
            self._listener = None

    def _press(self, key: Any, injected: bool = False) -> None:
        time_ns = time.monotonic_ns()
        name = from_pynput(key)
        device, who = self._source(injected)
        if name in self._names and who is not None:
            self._down_as[_key_id(key)] = name
            self._tracker.press(device, self._names[name], (name,), time_ns, who)

    def _release(self, key: Any, injected: bool = False) -> None:
        time_ns = time.monotonic_ns()
        # If Shift changed in between, the release names another character.
        name = self._down_as.pop(_key_id(key), None) or from_pynput(key)
        if name in self._names:
            self._tracker.release(self._source(injected)[0], self._names[name], time_ns)

    def _source(self, injected: bool) -> tuple[int, Who | None]:
        if self._detects_injected and not injected:
            return _PHYSICAL, "human"
        return _INJECTED, self._virtual


def _key_id(key: Any) -> Any:
    return getattr(key, "vk", None) or key


def _held(display: str | None, keys: tuple[str, ...]) -> Keys:
    connection = connect(display)
    try:
        layout = Layout.read(connection, keys)
        return frozenset(key for code in held_codes(connection) for key in layout.keys(code))
    finally:
        connection.close()


class PynputKeyboard:
    """The `VirtualKeyboard` of Windows and macOS."""

    def __init__(self, display: str | None, keys: tuple[str, ...]) -> None:
        if display:
            os.environ["DISPLAY"] = display
        self._controller: Any = import_keyboard().Controller()
        self._codes = {key: to_pynput(key) for key in keys}

    def press(self, key: str) -> None:
        self._controller.press(self._codes[key])

    def release(self, key: str) -> None:
        self._controller.release(self._codes[key])

    def flush(self) -> None:
        """Does nothing: pynput sends each key at once."""
