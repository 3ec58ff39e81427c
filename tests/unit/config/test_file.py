"""Tests of settings on the real command line: precedence of the sources, and errors."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agp_tui.config import GameSettings, TrainSettings, check, convert
from agp_tui.config.file import load_config, sections_for, variable
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import SettingError

Event = dict[str, Any]
RECORD = ("record", "--game", "ALE/Pong-v5", "--by", "expert", "--fast", "--seconds", "0.2")


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the user's settings and work in an empty folder."""
    for name in list(os.environ):
        if name.startswith("AGP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    monkeypatch.chdir(tmp_path)


def agp(*arguments: str, **environment: str) -> tuple[int, list[Event], str]:
    """Exit code, events and stderr of a command."""
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", *arguments, "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=module_environment(**environment),
        check=False,
        timeout=120,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


def effective_settings(*arguments: str, **environment: str) -> dict[str, Any]:
    """The settings that a real recording reports in its `started` event."""
    code, events, stderr = agp(*RECORD, *arguments, **environment)
    assert code == 0, (events, stderr)
    assert events[0]["type"] == "started"
    settings: dict[str, Any] = events[0]["settings"]
    return settings


def shown_settings(**environment: str) -> dict[tuple[str, str], tuple[str, str]]:
    """The table of `agp config show`: (section, key) -> (value, source)."""
    code, events, stderr = agp("config", "show", **environment)
    assert code == 0, (events, stderr)
    return {(row[0], row[1]): (row[2], row[3]) for row in events[0]["rows"]}


def config_error(text: str | None = None, *arguments: str, **environment: str) -> str:
    """The message and hint of the `failed` event; exit code 2, nothing on stderr."""
    if text is not None:
        Path("config.toml").write_text(text)
    code, events, stderr = agp(*(arguments or ("config", "check")), **environment)
    assert code == 2
    assert stderr == ""
    (failed,) = events
    assert failed["type"] == "failed"
    assert failed["exit_code"] == 2
    return f"{failed['error']} {failed.get('hint', '')}".strip()


# Precedence


def test_precedence_is_flag_environment_file_default() -> None:
    Path("config.toml").write_text(
        "[game]\nfps = 20\nframe_size = 64\nsticky = 0.5\n[record]\nmin_free_mb = 7\n"
    )
    environment = {"AGP_GAME_FPS": "15", "AGP_GAME_FRAME_SIZE": "48", "AGP_RECORD_STOP_KEY": "f9"}
    settings = effective_settings("--fps", "10", **environment)
    assert settings["fps"] == 10
    assert settings["frame_size"] == 48
    assert settings["sticky"] == 0.5
    assert settings["min_free_mb"] == 7
    assert settings["stop_key"] == "f9"
    assert settings["seed"] == 0


def test_game_profile_overrides_game_section() -> None:
    Path("config.toml").write_text(
        "[game]\nfps = 20\nsize = 300\nseed = 3\n"
        '[games."ALE/Pong-v5"]\nfps = 12\nseed = 4\n[games.other]\nfps = 5\n'
    )
    settings = effective_settings()
    assert (settings["fps"], settings["size"], settings["seed"]) == (12, 300, 4)
    settings = effective_settings(AGP_GAME_FPS="9", AGP_GAMES_ALE_PONG_V5_SEED="8", AGP_GAME_SEED="7")
    assert (settings["fps"], settings["size"], settings["seed"]) == (9, 300, 8)


def test_config_show_reports_values_and_sources(tmp_path: Path) -> None:
    Path("config.toml").write_text(
        '[game]\nfps = 20\nkeys = ["up", "SPACE"]\n[games.rally]\nsize = 99\n[train]\nseed = 5\n'
    )
    rows = shown_settings(AGP_TRAIN_EPOCHS="3", AGP_FOLDERS_RUNS="/elsewhere")
    file = str(tmp_path / "config.toml")
    assert rows["[game]", "fps"] == ("20", f"{file} [game]")
    assert rows["[game]", "keys"] == ("up,space", f"{file} [game]")
    assert rows["[game]", "size"] == ("256", "default")
    assert rows["[game]", "seed"] == ("0", "default")
    assert rows["[games.rally]", "size"] == ("99", f"{file} [games.rally]")
    assert rows["[games.rally]", "fps"] == ("20", f"{file} [game]")
    assert rows["[train]", "epochs"] == ("3", "$AGP_TRAIN_EPOCHS")
    assert rows["[train]", "seed"] == ("5", f"{file} [train]")
    assert rows["[folders]", "runs"] == ("/elsewhere", "$AGP_FOLDERS_RUNS")


def test_sections_do_not_share_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """`[game]` and `[train]` both have `seed` and `frame_size`."""
    assert {"seed", "frame_size"} <= {*TrainSettings.__annotations__} & {*GameSettings.__annotations__}
    Path("config.toml").write_text("[game]\nseed = 3\nframe_size = 64\n[games.rally]\nseed = 4\n")
    loaded = load_config()
    assert loaded.config.train == TrainSettings()
    assert loaded.chosen(sections_for(TrainSettings, "rally"), "seed") is None
    given = loaded.chosen(sections_for(GameSettings, "rally"), "seed")
    assert given is not None
    assert given.value == 4
    monkeypatch.setenv("AGP_TRAIN_SEED", "9")
    assert load_config().config.train.seed == 9
    assert load_config().config.game.seed == 3


def test_config_file_lookup_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, place in enumerate(("flag.toml", "variable.toml", "config.toml", "user/agp-tui/config.toml")):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"[game]\nfps = {number + 1}\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    assert effective_settings("--config", "flag.toml", AGP_CONFIG="variable.toml")["fps"] == 1
    assert effective_settings(AGP_CONFIG="variable.toml")["fps"] == 2
    assert effective_settings()["fps"] == 3
    (tmp_path / "config.toml").unlink()
    assert effective_settings()["fps"] == 4


def test_folders_are_relative_to_the_config_file(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('[folders]\nmodels = "m"\nruns = "/abs"\n')
    code, events, _ = agp("config", "path", "--config", "home/config.toml")
    assert code == 0
    where = dict(events[0]["rows"])
    assert where["config.toml"] == str(tmp_path / "home" / "config.toml")
    assert where["models"] == str(tmp_path / "home" / "m")
    assert where["runs"] == "/abs"
    assert where["recordings"] == str(tmp_path / "home" / "recordings")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("TRUE", True), ("false", False), ("0", False)]
)
def test_booleans_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("AGP_PLAY_DRY_RUN", text)
    assert load_config().config.play.dry_run is value


def test_lists_and_strings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGP_GAME_KEYS", "up,Space")
    monkeypatch.setenv("AGP_GAME_CENTER", "640,360")
    monkeypatch.setenv("AGP_PLAY_SECONDS", "2.5")
    monkeypatch.setenv("AGP_TRAIN_MODEL", "large")
    monkeypatch.setenv("AGP_TRAIN_NAME", "60")
    config = load_config().config
    assert config.game.keys == ("up", "space")
    assert config.game.center == (640, 360)
    assert config.play.seconds == 2.5
    assert config.train.model == "large"
    assert config.train.name == "60"


def test_file_lists_and_booleans_reach_the_command() -> None:
    Path("config.toml").write_text(
        '[game]\nkeys = ["up", "down"]\nnative_size = true\ncenter = [5, 6]\n[record]\nepisodes = 1\n'
    )
    settings = effective_settings()
    assert settings["keys"] == ["up", "down"]
    assert settings["native_size"] is True
    assert settings["center"] == [5, 6]
    assert settings["episodes"] == 1


def test_negative_flag_overrides_the_file() -> None:
    Path("config.toml").write_text("[game]\nnative_size = true\n")
    assert effective_settings("--no-native-size")["native_size"] is False


def test_environment_variable_names() -> None:
    assert variable("record", "seconds") == "AGP_RECORD_SECONDS"
    assert variable("games.ALE/Pong-v5", "fps") == "AGP_GAMES_ALE_PONG_V5_FPS"


# Errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[game]\nfsp = 30\n", ": unknown key game.fsp. Did you mean game.fps?"),
        ("[gaem]\nfps = 30\n", ": unknown key gaem. Did you mean game?"),
        ("[train]\nzzz = 1\n", ": unknown key train.zzz. Known here: model, name,"),
        ("[games.rally]\nsze = 1\n", ": unknown key games.rally.sze. Did you mean games.rally.size?"),
        ("fps = 30\n", ": unknown key fps. "),
        ("[game]\nfps = 99\n", ": game.fps: Expected `int` <= 60, found 99."),
        ("[game]\nfps = 0\n", ": game.fps: Expected `int` >= 1, found 0."),
        ("[games.rally]\nfps = 99\n", ": games.rally.fps: Expected `int` <= 60, found 99."),
        ('[record]\nseconds = "ten"\n', ": record.seconds: Expected `float`, got `str`, found 'ten'."),
        ("[record]\nseconds = -1\n", ": record.seconds: Expected `float` > 0"),
        ("[train]\nvalidation = 0.9\n", ": train.validation: Expected `float` < 0.9, found 0.9."),
        ('[train]\nmodel = "big"\n', ": train.model: Expected small or large, found 'big'."),
        ("[game]\ncenter = [1]\n", ": game.center: Expected a list of length 2, got 1, found [1]."),
        ('[game]\nkeys = ["foo"]\n', ": game.keys: Expected the name of a key, found 'foo'."),
        ('[game]\nkeys = ["up", "up"]\n', ": game.keys: Expected each key once, found 'up' twice."),
        ("[game]\nkeys = [1]\n", ": game.keys[0]: Expected `str`, got `int`, found [1]."),
        ("[play]\nchannels = 3\n", ": play.channels: Expected `str`, got `int`, found 3."),
        ("game = 3\n", ": expected a table [game], found 3."),
        ("games = 3\n", ": expected a table [games], found 3."),
        ("[games]\nrally = 3\n", ": expected a table [games.rally], found 3."),
        ("[game\n", ": Expected ']' at the end of a table declaration (at line 1, column 6)."),
        ("[game]\nfps = 1\nfps = 2\n", ": Cannot overwrite a value (at line 3, column 8)."),
    ],
)  # fmt: skip
def test_invalid_file_reports_key_and_found_value(text: str, message: str) -> None:
    Path("config.toml").write_text(text)
    with pytest.raises(SettingError) as caught:
        load_config()
    assert f"{Path.cwd()}/config.toml{message}" in str(caught.value)


def test_invalid_file_exits_with_code_2() -> None:
    message = config_error("[games.rally]\nfps = 99\n")
    assert "config.toml: games.rally.fps: Expected `int` <= 60, found 99." in message
    assert config_error(None, *RECORD) == message


def test_text_mode_prints_the_error_on_stderr() -> None:
    Path("config.toml").write_text("[game]\nfsp = 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "config", "check"], capture_output=True, text=True,
        env=module_environment(), check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("agp: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("AGP_GAME_FPS", "99", "$AGP_GAME_FPS: Expected `int` <= 60, found 99."),
        ("AGP_GAME_FPS", "fast", "$AGP_GAME_FPS: Expected `int`, got `str`, found 'fast'."),
        (
            "AGP_GAME_CENTER",
            "1,2,3",
            "$AGP_GAME_CENTER: Expected a list of length 2, got 3, found [1, 2, 3].",
        ),
        ("AGP_GAME_KEYS", "up,foo", "$AGP_GAME_KEYS: Expected the name of a key, found 'foo'."),
        ("AGP_PLAY_DRY_RUN", "maybe", "$AGP_PLAY_DRY_RUN: Expected `bool`, got `str`, found 'maybe'."),
        ("AGP_TRAIN_MODEL", "big", "$AGP_TRAIN_MODEL: Expected small or large, found 'big'."),
        ("AGP_GAME_FSP", "1", "found $AGP_GAME_FSP. Did you mean AGP_GAME_FPS?"),
    ],
)
def test_invalid_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError) as caught:
        load_config()
    assert message in str(caught.value)


def test_unrelated_agp_variables_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGP_REQUIRE_DISPLAY", "1")
    monkeypatch.setenv("AGP_SOMETHING", "else")
    load_config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--fps", "99"), "--fps: Expected `int` <= 60, found 99."),
        (("--seconds", "0"), "--seconds: Expected `float` > 0.0, found 0.0."),
        (("--frame-size", "8"), "--frame-size: Expected `int` >= 16, found 8."),
        (("--fps", "abc"), 'Invalid value for --fps: unable to convert "abc" into int.'),
        (("--center", "4"), "--center: Expected a list of length 2, got 1, found (4,)."),
        (("--center", "a,b"), "Expected comma-separated integers, such as 640,360, found 'a,b'."),
        (("--keys", "up,foo"), "keys: Expected the name of a key, found 'foo'."),
        (("--fsp", "30"), "--fsp"),
    ],
)
def test_invalid_flags_are_refused(arguments: tuple[str, ...], message: str) -> None:
    assert message in config_error(None, "record", "--game", "ALE/Pong-v5", "--by", "expert", *arguments)


def test_invalid_choice_lists_the_choices() -> None:
    message = config_error(None, "train", "--game", "x", "--model", "big")
    assert '"big"' in message
    assert '"small", "large"' in message


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_missing_or_binary_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "mine.toml"
    if content is not None:
        path.write_bytes(content)
    message = config_error(None, "config", "check", "--config", str(path))
    assert f"{path}" in message


def test_folder_as_config_file_is_refused(tmp_path: Path) -> None:
    assert "Is a directory" in config_error(None, "config", "check", AGP_CONFIG=str(tmp_path))


def test_missing_config_file_means_defaults() -> None:
    assert load_config().path is None
    code, events, _ = agp("config", "check")
    assert code == 0
    assert events[0]["rows"] == [["no file, all defaults"]]
    assert events[-1]["type"] == "finished"


def test_check_names_the_flag_of_an_invalid_setting() -> None:
    with pytest.raises(SettingError, match="--frame-size: Expected `int` >= 16, found 3"):
        check(GameSettings(frame_size=3))
    assert check(GameSettings(fps=60)) == GameSettings(fps=60)


def test_settings_round_trip_through_json() -> None:
    settings = TrainSettings(epochs=2, name="x", recordings=("a", "b"))
    plain = json.loads(json.dumps({name: getattr(settings, name) for name in settings.__annotations__}))
    assert convert(plain, TrainSettings) == settings
