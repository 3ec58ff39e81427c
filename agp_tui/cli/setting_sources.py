"""Fill unset flags from the environment and `config.toml`."""

from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, Token

from agp_tui.config import GameSettings
from agp_tui.config.file import ExplicitValue, LoadedConfig, load_config, sections_for
from agp_tui.errors import ModelError


def fill_from_settings(_app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Set every flag that was not given to its value in the environment or the settings file.

    A flag only takes values from the section of its settings class: `--seed` of training never takes the
    seed of a game. Raises `SettingError` for an invalid file or variable.
    """
    if commands[:1] == ("config",):
        # Nothing to fill, and an invalid file must not prevent the command that corrects it.
        return
    path = _first_value(arguments, "config")
    loaded = load_config(Path(path) if path else None)
    game = _first_value(arguments, "game")
    if game is None and commands[:1] in (("play",), ("practice",)):
        game = game_of_model(loaded, _first_value(arguments, "model"))
    sections: tuple[str, ...] = ()
    for argument in arguments:
        if not argument.keys:
            # A settings class; its fields follow.
            sections = sections_for(argument.hint, game)
        elif not argument.tokens and (given := loaded.chosen(sections, argument.keys[0])) is not None:
            argument.append(_token(argument.name, given))


def is_region_chosen(loaded: LoadedConfig, game: str | None, place: GameSettings) -> bool:
    """Whether the region of `place` comes from a flag or a variable, as opposed to the settings file."""
    sections = sections_for(GameSettings, game)

    def in_file(key: str) -> object:
        value = next(
            (loaded.file[name][key].value for name in sections if key in loaded.file.get(name, {})), None
        )
        return tuple(value) if isinstance(value, list) else value

    if place.region is not None:
        return in_file("region") != place.region
    return in_file("center") != place.center or (in_file("size") or GameSettings.size) != place.size


def game_of_model(loaded: LoadedConfig, model: str | None) -> str | None:
    """The game of a model's manifest; errors are reported later, when the model is loaded."""
    from agp_tui.models.manifest import find_model, read_manifest

    try:
        return read_manifest(find_model(loaded.folder("models"), model)).game if model else None
    except ModelError:
        return None


def _token(flag: str, given: ExplicitValue) -> Token:
    value = given.value
    if isinstance(value, bool):
        return Token(keyword=flag, implicit_value=value, source=given.source)
    return Token(keyword=flag, value=_text(value), source=given.source)


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _first_value(arguments: ArgumentCollection, key: str) -> str | None:
    for argument in arguments:
        if argument.tokens and argument.name in (f"--{key}", key.upper()):
            return argument.tokens[0].value
    return None
