"""Load settings: the environment overrides `config.toml`, which overrides the defaults; all are validated."""

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec

from agp_tui.config import Config, GameSettings, convert
from agp_tui.errors import BadSetting, SettingError

FILE_NAME = "config.toml"
PREFIX = "AGP_"

Table = dict[str, Any]


class FileError(SettingError):
    """An invalid settings file or environment variable, with its position for display."""

    def __init__(
        self, message: str, hint: str = "", *, file: Path | None = None, section: str = "", key: str = ""
    ) -> None:
        super().__init__(message, hint, setting=f"{section}.{key}" if section and key else None)
        self.file = file
        """None for an environment variable."""
        self.section = section
        """Such as `game` or `games.rally`; empty if the whole file is invalid."""
        self.key = key


@dataclass(frozen=True)
class ExplicitValue:
    """A value that was set explicitly, and its source: a variable or a position in the file."""

    value: Any
    source: str


@dataclass(frozen=True)
class LoadedConfig:
    """The settings in effect and the sources of those that were set explicitly."""

    config: Config
    path: Path | None
    file: Mapping[str, Mapping[str, ExplicitValue]] = field(default_factory=dict)
    """The contents of `config.toml`, by section (`game`, `games.rally`) and key."""
    environment: Mapping[str, Mapping[str, ExplicitValue]] = field(default_factory=dict)
    """The settings from environment variables, in the same form."""

    @property
    def home(self) -> Path:
        """The base folder of relative paths."""
        return self.path.parent if self.path else Path.cwd()

    def folder(self, name: Literal["recordings", "models", "runs"]) -> Path:
        """The absolute path of a folder."""
        folder: Path = getattr(self.config.folders, name)
        return (self.home / folder).resolve()

    def chosen(self, sections: tuple[str, ...], key: str) -> ExplicitValue | None:
        """The explicit value of `key` in the first section that has it: environment first, then file."""
        for place in (self.environment, self.file):
            for section in sections:
                if key in place.get(section, {}):
                    return place[section][key]
        return None


def sections_for(kind: type[Any], game: str | None = None) -> tuple[str, ...]:
    """The sections that supply the values of a settings class, most specific first."""
    if kind is GameSettings:
        return (f"games.{game}", "game") if game is not None else ("game",)
    return tuple(name for name, section in sections() if section is kind)


def variable(section: str, key: str) -> str:
    """The environment variable of a setting: `AGP_RECORD_SECONDS` for `[record] seconds`."""
    return PREFIX + re.sub(r"[^A-Za-z0-9]", "_", f"{section}_{key}").upper()


def find_config() -> Path | None:
    """`$AGP_CONFIG`, `config.toml` in the working directory, or the user's configuration folder."""
    if named := os.environ.get("AGP_CONFIG"):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    for candidate in (Path(FILE_NAME), Path(base) / "agp-tui" / FILE_NAME):
        if candidate.is_file():
            return candidate.resolve()
    return None


def load_config(path: Path | None = None) -> LoadedConfig:
    """Load and validate the settings. Raises `SettingError` with file or variable, key and bound."""
    path = path or find_config()
    flat = read_sections(path) if path else {}
    for section, table in flat.items():
        check_section(path, section, table)
    profiles = [section.partition(".")[2] for section in flat if section.startswith("games.")]
    kinds = dict(sections()) | {f"games.{name}": GameSettings for name in profiles}
    environment = {section: dict(_from_environment(section, kind)) for section, kind in kinds.items()}
    _refuse_unknown_variables(kinds)
    file = {
        section: {key: ExplicitValue(value, f"{path} [{section}]") for key, value in table.items()}
        for section, table in flat.items()
    }
    loaded = LoadedConfig(Config(), path.resolve() if path else None, file, environment)
    return dataclasses.replace(loaded, config=_config(loaded, tuple(profiles)))


def sections() -> Iterator[tuple[str, type[Any]]]:
    """All sections with their classes, except the profiles of games."""
    for name, kind in get_type_hints(Config).items():
        if dataclasses.is_dataclass(kind):
            yield name, kind  # type: ignore[misc]


def _config(loaded: LoadedConfig, profiles: tuple[str, ...]) -> Config:
    parts = {name: _settings(loaded, kind, sections_for(kind)) for name, kind in sections()}
    games = {name: _settings(loaded, GameSettings, sections_for(GameSettings, name)) for name in profiles}
    return Config(**parts, games=games)


def _settings(loaded: LoadedConfig, kind: type[Any], sections: tuple[str, ...]) -> Any:
    chosen = {item.name: loaded.chosen(sections, item.name) for item in dataclasses.fields(kind)}
    return convert({name: given.value for name, given in chosen.items() if given is not None}, kind)


def section_class(section: str) -> type[Any] | None:
    """The settings class of a section; None for an unknown section."""
    game, _, name = section.partition(".")
    if game == "games":
        return GameSettings if name else None
    return dict(sections()).get(section)


def read_settings_text(path: Path) -> str:
    """Read the text of a settings file. Raises `FileError`."""
    try:
        return path.read_text()
    except OSError as error:
        raise FileError(
            f"Expected a settings file at {path}, found none that can be read: {error.strerror}.",
            "Name another with --config or $AGP_CONFIG.",
            file=path,
        ) from error
    except UnicodeDecodeError as error:
        raise _no_toml(path, error) from error


def read_sections(path: Path, text: str | None = None) -> dict[str, Table]:
    """The tables of a settings file by section (`game`, `games.rally`); only names are validated.

    `text` is the content, if it has not been written to the file yet. Raises `FileError`.
    """
    try:
        tables = tomllib.loads(read_settings_text(path) if text is None else text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(path, error) from error
    _refuse_unknown_keys(tables, get_type_hints(Config), path, "")
    profiles: dict[str, Table] = tables.pop("games", {})
    return tables | {f"games.{name}": table for name, table in profiles.items()}


def check_section(path: Path | None, section: str, table: Table) -> None:
    """Validate the values of a section. Raises `FileError` with file, section, key and bound."""
    kind = section_class(section)
    assert kind is not None
    try:
        convert(table, kind)
    except BadSetting as error:
        key = (error.setting or "").partition("[")[0]
        raise FileError(
            f"{path}: {section}.{error.message}", error.hint, file=path, section=section, key=key
        ) from error


def _no_toml(path: Path, error: Exception) -> FileError:
    return FileError(f"Expected TOML in {path}: {error}.", "Correct the line it names.", file=path)


def _refuse_unknown_keys(table: Any, types: Mapping[str, Any], path: Path, prefix: str) -> None:
    if not isinstance(table, dict):
        raise FileError(
            f"{path}: expected a table [{prefix.rstrip('.')}], found {table!r}.",
            "Write the name in brackets and its settings in the lines below it.",
            file=path,
            section=prefix.rstrip("."),
        )
    for key, value in table.items():
        if key not in types:
            raise FileError(
                f"{path}: unknown key {prefix}{key}.",
                _nearest(key, types, prefix),
                file=path,
                section=prefix.rstrip("."),
                key=key,
            )
        if key == "games" and not prefix:
            _refuse_unknown_keys(value, dict.fromkeys(value, GameSettings) if isinstance(value, dict) else {},
                                 path, "games.")  # fmt: skip
        elif dataclasses.is_dataclass(types[key]):
            _refuse_unknown_keys(value, get_type_hints(types[key]), path, f"{prefix}{key}.")


def _nearest(key: str, known: Mapping[str, Any], prefix: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"Did you mean {prefix}{near[0]}?" if near else f"Known here: {', '.join(known)}."


def _from_environment(section: str, kind: type[Any]) -> Iterator[tuple[str, ExplicitValue]]:
    hints = get_type_hints(kind, include_extras=True)
    for item in dataclasses.fields(kind):
        name = variable(section, item.name)
        if (text := os.environ.get(name)) is not None:
            value = parse_value(text, hints[item.name])
            try:
                convert({item.name: value}, kind)
            except BadSetting as error:
                raise FileError(
                    f"${name}: {error.reason}", error.hint, section=section, key=item.name
                ) from error
            yield item.name, ExplicitValue(value, f"${name}")


def parse_value(text: str, hint: Any) -> Any:
    """Parse text as a value of a type; invalid text is returned unparsed, for the validation to report."""
    for plain in (text, re.sub(r"(?<=\d)x(?=\d)", ",", text).split(",")):
        try:
            return msgspec.convert(plain, hint, strict=False, dec_hook=lambda _kind, value: Path(value))
        except msgspec.ValidationError:
            continue
    return [_number(part) for part in text.split(",")] if "," in text else _number(text)


def _number(text: str) -> Any:
    """Parse a number even if it is out of bounds, so that the error shows it as a number."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _refuse_unknown_variables(kinds: Mapping[str, type[Any]]) -> None:
    known = {
        variable(section, item.name) for section, kind in kinds.items() for item in dataclasses.fields(kind)
    }
    beginnings = tuple(variable(section, "") for section, _ in sections())
    for name in os.environ:
        if name.startswith(beginnings) and name not in known:
            raise FileError(
                f"Expected environment variables of known settings, found ${name}.",
                _nearest(name, dict.fromkeys(sorted(known)), "") if difflib.get_close_matches(name, known)
                else "Unset it; agp config show lists the settings.",
            )  # fmt: skip
