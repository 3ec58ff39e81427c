"""Screens of the app as readable text files.

A snapshot has the characters of the screen and, below, the emphasis of every cell: one letter per style,
explained at the end. It holds names of hues, not exact colours. `AGP_UPDATE_SNAPSHOTS=1` rewrites the
files; review the difference in git.
"""

import colorsys
import difflib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.pilot import Pilot

UPDATE = "AGP_UPDATE_SNAPSHOTS"
GREY_RANGE = 0.2
"""Colours whose components differ by less than this are greys."""
FAINT_LIGHTNESS = 0.66
HUES = (
    (15, "red"),
    (45, "orange"),
    (70, "yellow"),
    (170, "green"),
    (260, "blue"),
    (330, "purple"),
    (361, "red"),
)
"""Upper bounds of hues, in degrees."""
EMPHASES = ("bold", "dim", "italic", "underline", "reverse", "strike")
LETTERS = ".abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&*+,-/:;<=>?@^_~"


def screen_snapshot(app: App[object]) -> str:
    """The current screen of the app: text, styles, and a legend of the styles."""
    names: dict[str, str] = {}
    texts, styles = [], []
    for strip in app.screen._compositor.render_strips():
        text, letters = "", ""
        for segment in strip:
            if not segment.control:
                name = style_name(segment.style)
                letter = names.setdefault(name, LETTERS[len(names) % len(LETTERS)])
                text += segment.text
                letters += letter * segment.cell_length
        texts.append(text.rstrip())
        styles.append(letters)
    width, height = app.size
    legend = [f"{letter} {name}" for name, letter in names.items()]
    return "\n".join(
        [f"{width}x{height}", *texts, "-- styles", *run_lengths(styles), "-- legend", *legend, ""]
    )


def style_name(style: Style | None) -> str:
    """The name of a style, such as `orange bold` or `plain on blue`; shades are ignored."""
    if style is None:
        return "plain"
    kinds = [
        kind for kind in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, kind)
    ]
    background = colour_name(style.bgcolor)
    return " ".join(
        [
            colour_name(style.color),
            *([] if background in ("plain", "faint") else ["on", background]),
            *kinds,
        ]
    )


def colour_name(color: Color | None) -> str:
    """The hue of a colour; `plain` or `faint` for greys, by their lightness."""
    if color is None or color.is_default:
        return "plain"
    red, green, blue = color.get_truecolor().normalized
    hue, lightness, _ = colorsys.rgb_to_hls(red, green, blue)
    if max(red, green, blue) - min(red, green, blue) < GREY_RANGE:
        return "plain" if lightness > FAINT_LIGHTNESS else "faint"
    return next(name for end, name in HUES if hue * 360 < end)


def run_lengths(lines: Iterable[str]) -> list[str]:
    """Run-length encoding of each line, such as `12. 3a 5.`."""
    result = []
    for line in lines:
        runs: list[tuple[str, int]] = []
        for letter in line:
            if runs and runs[-1][0] == letter:
                runs[-1] = (letter, runs[-1][1] + 1)
            else:
                runs.append((letter, 1))
        result.append(" ".join(f"{count}{letter}" for letter, count in runs))
    return result


@dataclass(frozen=True)
class Snapshot:
    """Compares the screen with a snapshot file in `folder`."""

    folder: Path
    timeout: float = 2.0
    """Seconds to wait for a match: charts are drawn at intervals, logs at the end."""

    async def __call__(self, pilot: Pilot[object], name: str) -> None:
        """Compare once the app is idle, until it matches; fails with the difference."""
        deadline = time.monotonic() + self.timeout
        await pilot.pause()
        while time.monotonic() < deadline and (
            self.updates or not self.matches(screen_snapshot(pilot.app), name)
        ):
            await pilot.pause(0.05)
        self.compare(screen_snapshot(pilot.app), name)

    @property
    def updates(self) -> bool:
        """Whether files are written instead of compared."""
        return os.environ.get(UPDATE) == "1"

    def matches(self, actual: str, name: str) -> bool:
        """Whether the screen equals the file."""
        file = self.folder / f"{name}.txt"
        return file.exists() and file.read_text(encoding="utf-8") == actual

    def compare(self, actual: str, name: str) -> None:
        """Compare the screen with the file, or write the file."""
        file = self.folder / f"{name}.txt"
        if self.updates:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(actual, encoding="utf-8")
            return
        if not file.exists():
            pytest.fail(f"Expected the snapshot {file}, found none. Write it with {UPDATE}=1 and review it.")
        expected = file.read_text(encoding="utf-8")
        if not self.matches(actual, name):
            lines = difflib.unified_diff(
                expected.splitlines(), actual.splitlines(), "expected", "found", lineterm=""
            )
            pytest.fail(
                f"{name} differs from its snapshot; if intended, set {UPDATE}=1.\n" + "\n".join(lines)
            )
