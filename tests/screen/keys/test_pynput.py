"""Tests of the pynput backend, on X11, where the effect can be observed."""

import json
import subprocess
import sys
import time

import pytest
from support.paths import ROOT
from support.xserver import XServer, display_environment, observe

from agp_tui.key_names import KEYSYMS

LISTENER_SCRIPT = """
import json, sys, time
from agp_tui.keys.pynput_backend import PynputListener
listener = PynputListener(sys.argv[1], ("up", "a", "shift", "space", "1"))
print(json.dumps(sorted(listener.held())), flush=True)
end = time.monotonic() + 20
while time.monotonic() < end:
    for edge in listener.edges():
        print(json.dumps([edge.key, edge.down]), flush=True)
        if edge.key == "space" and not edge.down:
            listener.close()
            sys.exit(0)
    time.sleep(0.01)
"""

KEYBOARD_SCRIPT = """
import sys
from agp_tui.keys.pynput_backend import PynputKeyboard
keyboard = PynputKeyboard(sys.argv[1], ("up", "a", "right_shift", "semicolon", "keypad_8"))
for line in sys.stdin:
    word, key = line.split()
    (keyboard.press if word == "press" else keyboard.release)(key)
    print("done", flush=True)
"""


def start(code: str, server: XServer) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, server.name],
        env=display_environment(server.name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.mark.display
def test_listener_reports_pressed_keys(x_server: XServer) -> None:
    x_server.xdotool("keydown", "Up")
    listener = start(LISTENER_SCRIPT, x_server)
    assert listener.stdout is not None
    assert json.loads(listener.stdout.readline()) == ["up"]
    # Shift changes in between, so press and release of one key yield different characters.
    x_server.xdotool("keyup", "Up", "keydown", "a", "sleep", "0.7", "keyup", "a")
    x_server.xdotool("keydown", "shift", "keydown", "1", "keyup", "shift", "keyup", "1", "key", "space")
    edges = [tuple(json.loads(line)) for line in listener.stdout]
    assert listener.wait(10) == 0
    assert edges[:3] == [("up", False), ("a", True), ("a", False)]
    assert edges[-2:] == [("space", True), ("space", False)]


@pytest.mark.display
def test_keyboard_presses_and_releases_keys_on_the_server(x_server: XServer) -> None:
    keyboard = start(KEYBOARD_SCRIPT, x_server)
    assert keyboard.stdin is not None and keyboard.stdout is not None
    with observe(x_server.name) as server:
        for key in ("up", "a", "right_shift", "semicolon", "keypad_8"):
            for word, down in (("press", {server.keycode(KEYSYMS[key])}), ("release", set())):
                keyboard.stdin.write(f"{word} {key}\n")
                keyboard.stdin.flush()
                keyboard.stdout.readline()
                deadline = time.monotonic() + 2
                while server.down() != down and time.monotonic() < deadline:
                    time.sleep(0.005)
                assert server.down() == down, (word, key)
    keyboard.stdin.close()
    assert keyboard.wait(10) == 0


def test_missing_keyboard_raises_missing_part() -> None:
    code = (
        "from agp_tui.errors import MissingPart\n"
        "from agp_tui.keys.pynput_backend import import_keyboard\n"
        "try:\n    import_keyboard()\nexcept MissingPart as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"DISPLAY": ":987", "PATH": ""},
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert "pynput found no usable keyboard" in done.stdout, done.stderr


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_key_names_map_back_on_other_systems(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uses only the names, codes and characters of pynput keys on these systems."""
    from agp_tui.keys import pynput_backend

    monkeypatch.setattr(pynput_backend.sys, "platform", system)

    class Key:
        def __init__(self, name: str | None = None, vk: int | None = None, char: str | None = None) -> None:
            if name:
                self.name = name
            self.vk, self.char = vk, char

    assert pynput_backend.from_pynput(Key("shift_r")) == "right_shift"
    assert pynput_backend.from_pynput(Key("shift_l")) == "shift"
    assert pynput_backend.from_pynput(Key("media_next")) is None
    assert pynput_backend.from_pynput(Key(char="A")) == "a"
    assert pynput_backend.from_pynput(Key(char=";")) == "semicolon"
    for name, code in pynput_backend.keypad_codes().items():
        assert pynput_backend.from_pynput(Key(vk=code, char="8")) == name
    if system == "win32":
        assert pynput_backend.from_pynput(Key(vk=0x31, char="!")) == "1"
