"""Tests of the settings file editor: set and unset change single lines and never write invalid values."""

import difflib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agp_tui.config.editing import set_values, unset
from agp_tui.config.file import load_config
from agp_tui.config.template import config_text
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import SettingError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def changed_lines(before: str, after: str) -> list[str]:
    """The differing lines, each with its `+` or `-`."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_set_replaces_the_commented_default_line(path: Path) -> None:
    set_values(path, [("game.fps", "60"), ("train.minutes", "2.5"), ("game.keys", "up, space")])
    assert changed_lines(config_text(), path.read_text()) == [
        "-# keys = []",
        '+keys = ["up", "space"]',
        "-# fps = 30  # 1 to 60",
        "+fps = 60  # 1 to 60",
        "-# minutes = 60  # not set by default; above 0",
        "+minutes = 2.5  # not set by default; above 0",
    ]
    config = load_config(path).config
    assert (config.game.fps, config.train.minutes, config.game.keys) == (60, 2.5, ("up", "space"))


def test_unset_restores_the_original_file(path: Path) -> None:
    pairs = [
        ("game.fps", "15"), ("game.center", "640,360"), ("record.wait_for_enter", "true"),
        ("train.model", "large"),
        ("folders.runs", "/tmp/a b"), ("demo.sticky", "0"),
    ]  # fmt: skip
    set_values(path, pairs)
    set_values(path, [("game.fps", "20")])
    unset(path, [name for name, _ in pairs])
    assert path.read_text() == config_text()


def test_game_profiles_are_created_and_removed(path: Path) -> None:
    set_values(
        path, [("games.rally.size", "512"), ("games.ALE/Pong-v5.fps", "15"), ("games.rally.fps", "20")]
    )
    games = load_config(path).config.games
    assert (games["rally"].size, games["rally"].fps, games["ALE/Pong-v5"].fps) == (512, 20, 15)
    unset(path, ["games.rally"])
    assert list(load_config(path).config.games) == ["ALE/Pong-v5"]


@pytest.mark.parametrize(
    ("before", "name", "value", "after"),
    [
        ("[game]\nfps = 20  # mine\n", "game.fps", "25", "[game]\nfps = 25  # mine\n"),
        ("game.fps = 20 # mine\n", "game.fps", "25", "game.fps = 25 # mine\n"),
        ("game.fps = 20\n[train]\n", "game.size", "64", "game.fps = 20\ngame.size = 64\n[train]\n"),
        (
            "[game]\nkeys = [\n  'up',\n]\n\n# Of training.\n[train]\n", "game.fps", "25",
            "[game]\nkeys = [\n  'up',\n]\nfps = 25\n\n# Of training.\n[train]\n",
        ),
        ("[games]\nrally = {fps = 3}\n", "games.rally.fps", "4", "[games]\nrally = {fps = 4}\n"),
        ("# fps = slow\n[game]\n# fps = frames\n", "game.fps", "4",
         "# fps = slow\n[game]\nfps = 4\n# fps = frames\n"),
        ("", "game.fps", "4", "[game]\nfps = 4\n"),
        ("[game]\nfps = 99\nsize = 9999\n", "game.fps", "4", "[game]\nfps = 4\nsize = 9999\n"),
    ],
)  # fmt: skip
def test_set_changes_one_line_in_any_toml_style(
    path: Path, before: str, name: str, value: str, after: str
) -> None:
    path.write_text(before)
    set_values(path, [(name, value)])
    assert path.read_text() == after


def test_unset_preserves_user_comments(path: Path) -> None:
    path.write_text("[game]\nfps = 20  # what the rig can do\n")
    unset(path, ["game.fps", "game.size"])
    assert path.read_text() == "[game]\n# fps = 30  # what the rig can do\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("game.fps", "61", r"config.toml: game.fps: Expected `int` <= 60, found 61"),
        ("train.model", "huge", "train.model: Expected small or large, found 'huge'"),
        ("game.keys", "up,blah", "game.keys: Expected the name of a key, found 'blah'"),
        ("games.rally.size", "1", "games.rally.size: Expected `int` >= 16, found 1"),
        ("game.fsp", "1", r"Expected a key of \[game\], found 'fsp'"),
        ("gme.fps", "1", "Expected SECTION.KEY with one of the sections folders, game"),
    ],
)
def test_invalid_value_leaves_the_file_unchanged(path: Path, name: str, value: str, message: str) -> None:
    path.write_text("[game]\nfps = 20\n")
    with pytest.raises(SettingError, match=message):
        set_values(path, [("game.size", "64"), (name, value)])
    assert path.read_text() == "[game]\nfps = 20\n"


def agp(home: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `agp config ... --json` in `home`: exit code and last event."""
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "config", *arguments, "--json"], cwd=home, capture_output=True,
        check=False,
        env=module_environment(XDG_CONFIG_HOME=str(home)),
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_config_commands_set_show_and_unset(path: Path) -> None:
    home = path.parent
    assert agp(home, "set", "game.fps", "60", "games.rally.size", "64")[0] == 0
    code, failed = agp(home, "set", "game.fps", "61")
    assert (code, failed["type"]) == (2, "failed") and "game.fps" in failed["error"]
    code, output = agp(home, "show")
    settings = {(one["section"], one["key"]): one for one in output["report"]["settings"]}
    fps = settings["game", "fps"]
    assert (fps["value"], fps["default"], fps["kind"], fps["limits"]) == (60, 30, "int", "1 to 60")
    assert fps["source"].endswith("config.toml [game]") and fps["help"].startswith("Frames")
    assert settings["games.rally", "size"]["value"] == 64
    model = settings["train", "model"]
    assert (model["kind"], model["choices"]) == ("choice", ["small", "large"])
    kinds = {
        settings[place]["kind"] for place in (("game", "keys"), ("game", "center"), ("train", "minutes"))
    }
    assert kinds == {"words", "numbers", "float"}
    assert settings["train", "minutes"]["optional"] and not fps["optional"]
    assert agp(home, "unset", "games.rally", "game.fps")[0] == 0
    assert path.read_text().rstrip() == config_text().rstrip()


def test_show_lists_all_settings_despite_an_invalid_file(path: Path) -> None:
    path.write_text("[game]\nfps = 99\n")
    code, output = agp(path.parent, "show")
    error = output["report"]["error"]
    assert (code, error["section"], error["key"], error["file"]) == (0, "game", "fps", str(path))
    assert "Expected `int` <= 60, found 99" in error["text"]
    assert ("game", "fps", 30) in {(one["section"], one["key"], one["default"]) for one in
                                   output["report"]["settings"] if one["key"] == "fps"}  # fmt: skip
    assert agp(path.parent, "check")[0] == 2
    # Setting a valid value works even if the file has an error.
    assert agp(path.parent, "set", "game.fps", "30")[0] == 0
    assert agp(path.parent, "check")[0] == 0


def test_show_lists_all_settings_despite_an_unknown_variable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGP_GAME_FPSS", "30")
    code, output = agp(path.parent, "show")
    assert code == 0 and len(output["report"]["settings"]) > 50
    assert "Did you mean AGP_GAME_FPS?" in output["report"]["error"]["hint"]
