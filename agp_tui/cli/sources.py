"""Where a flag that was not given gets its value: the environment, then `config.toml`."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token

from agp_tui.config import Loaded, load_config


def environment_name(section: str, key: str) -> str:
    """The variable of a setting: `AGP_RECORD_SECONDS` for `[record] seconds`."""
    return f"AGP_{section}_{key}".upper().replace(".", "_")


def fill_from_settings(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Give every argument that has no flag the value of the environment or the settings file.

    A command's own section comes first (`[record]`), then the game's profile (`[games.NAME]`),
    then `[game]`. Raises `SettingError` where the file does not fit.
    """
    section = commands[0] if commands else ""
    loaded = load_config(_path(arguments))
    sources = list(_sources(loaded, section, _first_value(arguments, "game")))
    for argument in arguments:
        if argument.tokens or len(argument.keys) != 1 or argument.name == "--config":
            continue
        key = argument.keys[0]
        for name, table in sources:
            if (text := os.environ.get(environment_name(name, key))) is not None:
                argument.append(Token(keyword=argument.name, value=text, source=environment_name(name, key)))
                break
            if key in table:
                argument.append(_token(argument.name, table[key], f"{loaded.path} [{name}] {key}"))
                break


def _sources(loaded: Loaded, section: str, game: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    yield section, loaded.given.get(section, {})
    if game is not None:
        yield f"games.{game}", loaded.given.get("games", {}).get(game, {})
    yield "game", loaded.given.get("game", {})


def _token(flag: str, value: Any, source: str) -> Token:
    if isinstance(value, bool):
        return Token(keyword=flag, implicit_value=value, source=source)
    text = ",".join(str(item) for item in value) if isinstance(value, list) else str(value)
    return Token(keyword=flag, value=text, source=source)


def _first_value(arguments: ArgumentCollection, key: str) -> str | None:
    for argument in arguments:
        if argument.tokens and argument.name in (f"--{key}", key.upper()):
            return argument.tokens[0].value
    return None


def _path(arguments: ArgumentCollection) -> Path | None:
    text = _first_value(arguments, "config")
    return Path(text) if text else None
