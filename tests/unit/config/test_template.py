"""Tests of the settings file template: complete, and valid with every line uncommented."""

import dataclasses
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta
from support.paths import ROOT

from agp_tui.config import Config, GameSettings, Output
from agp_tui.config.file import load_config
from agp_tui.config.template import config_text, field_help
from agp_tui.config.validation import bounds_text

SECTIONS: dict[str, type[Any]] = {
    item.name: GameSettings if item.name == "game" else type(getattr(Config(), item.name))
    for item in dataclasses.fields(Config)
    if item.name != "games"
}
SETTING = re.compile(r"^# ([a-z_]+) = ", re.MULTILINE)


def test_repository_config_file_is_up_to_date() -> None:
    assert (ROOT / "config.toml").read_text() == config_text(), "run: agp config text > config.toml"


def test_config_text_command_prints_the_template() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agp_tui", "config", "text"], capture_output=True, text=True, check=True
    )
    assert done.stdout == config_text()


def test_unmodified_template_loads_the_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(config_text())
    assert load_config(tmp_path / "config.toml").config == Config()


def test_every_setting_appears_once() -> None:
    text = config_text()
    for section, kind in SECTIONS.items():
        part = text.partition(f"\n[{section}]\n")[2].partition("\n[")[0].partition("# [games")[0]
        assert SETTING.findall(part) == [item.name for item in dataclasses.fields(kind)]


def test_uncommented_template_loads_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(SETTING.sub(r"\1 = ", config_text().replace("# [games.rally]", "[games.rally]")))
    loaded = load_config(path)
    for section, kind in SECTIONS.items():
        assert set(loaded.file[section]) == {item.name for item in dataclasses.fields(kind)}
        for item in dataclasses.fields(kind):
            if item.default is not None:
                assert getattr(getattr(loaded.config, section), item.name) == item.default
    assert loaded.config.games["rally"].center == (640, 360)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_uncommented_setting_loads_alone(tmp_path: Path, section: str) -> None:
    path = tmp_path / "config.toml"
    part = config_text().partition(f"\n[{section}]\n")[2].partition("\n[")[0].partition("# A profile")[0]
    lines = [line.removeprefix("# ") for line in part.splitlines() if SETTING.match(line)]
    for line in lines:
        path.write_text(f"[{section}]\n{line}\n")
        assert list(tomllib.loads(path.read_text())[section]) == list(load_config(path).file[section])


@pytest.mark.parametrize("kind", [*SECTIONS.values(), Output], ids=lambda kind: kind.__name__)
def test_every_setting_has_a_help_sentence(kind: type[Any]) -> None:
    help_of = field_help(kind)
    for item in dataclasses.fields(kind):
        help_text = help_of.get(item.name, "")
        assert len(help_text) > 8, f"{kind.__name__}.{item.name} needs a docstring"
        assert help_text.endswith("."), f"{kind.__name__}.{item.name}: {help_text}"
        assert "\n" not in help_text


def test_bounds_are_shown_beside_the_value() -> None:
    text = config_text()
    assert "# fps = 30  # 1 to 60\n" in text
    assert '# model = "small"  # small or large\n' in text
    assert re.search(r"# seconds = \S+  # not set by default; above 0\n", text)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, ""),
        (Annotated[int, Meta(ge=1, le=60)], "1 to 60"),
        (Annotated[int, Meta(ge=1)], "at least 1"),
        (Annotated[float, Meta(gt=0.0, lt=0.9)], "above 0, below 0.9"),
        (Annotated[float, Meta(gt=0)] | None, "above 0"),
        (Literal["a", "b", "c"], "a or b or c"),
        (str | None, ""),
    ],
)
def test_bounds_text(hint: Any, text: str) -> None:
    assert bounds_text(hint) == text
