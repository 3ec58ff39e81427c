"""The view of a game: its region, its display and its window. Finding the window again, placing the region.

Knows no window system: `WindowSystem` is the interface to one (on X11 `x_windows`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Annotated, Any, Protocol

import msgspec
from msgspec import Meta

from agp_tui.errors import DisplayError

Side = Annotated[int, Meta(ge=1, le=65535)]
Position = Annotated[int, Meta(ge=-(1 << 20), le=1 << 20)]
Box = tuple[Position, Position, Side, Side]
"""X, y, width and height in pixels of the display."""

SIMILAR_TITLE = 0.6
"""Titles with at least this similarity (0 to 1) count as the same title with other figures in it."""
CLEARLY_CLOSER = 0.1
"""A title is chosen among several if its similarity exceeds that of every other by this much."""
SAME_SIZE = 0.02
"""Sizes whose ratio differs from 1 by less than this count as equal."""
SHOWN_TITLE, SHORT_TITLE = 60, 30
"""Characters of a title in a sentence, and where there is little room."""
LISTED = 5
"""Windows listed in a message."""


class WindowInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A top-level window, without its decoration."""

    title: str = ""
    class_name: str = ""
    """The class of the program, the second part of `WM_CLASS`, such as `Chromium`."""
    instance: str = ""
    """The first part of `WM_CLASS`."""
    box: Box

    @property
    def size_text(self) -> str:
        return f"{self.box[2]}x{self.box[3]}"

    @property
    def name(self) -> str:
        """Title and class for a sentence."""
        title = repr(self.title[:SHOWN_TITLE]) if self.title else "without a title"
        return f"{title} ({self.class_name})" if self.class_name else title


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Where the frames of a recording came from."""

    region: Box
    display_size: tuple[Side, Side] | None = None
    """Width and height of the display in pixels."""
    window: WindowInfo | None = None
    """The window at the middle of the region; None if there was none, or if it cannot be known."""

    @property
    def text(self) -> str:
        """The window and the size of the region, for people."""
        size = f"{self.region[2]}x{self.region[3]}"
        if self.window is None:
            return f"{size} of the screen"
        title = self.window.title or self.window.class_name
        short = title if len(title) <= SHORT_TITLE else f"{title[: SHORT_TITLE - 1]}…"
        return f"{size} in the window {short!r}"


def view_of(plain: dict[str, Any] | None) -> View | None:
    """The view in the summary of a recording or model; None if it has none or cannot be read."""
    try:
        return msgspec.convert(plain, View | None)
    except msgspec.ValidationError:
        return None


@dataclass(frozen=True)
class Window:
    """A window that is open now."""

    id: int
    info: WindowInfo
    visible: bool = True
    """False if it is minimised or on another desktop."""


class WindowSystem(Protocol):
    """The windows of a display. Raises `JobFailed` if the display is gone."""

    def windows(self) -> list[Window]:
        """All top-level windows."""
        ...

    def at(self, x: int, y: int) -> Window | None:
        """The top-level window at a point; None for the background."""
        ...

    def box(self, number: int) -> Box | None:
        """Position and size of the window of this id; None if it is closed."""
        ...

    def close(self) -> None:
        """May be called after the display is gone."""
        ...


class Tracked(Protocol):
    """The region and the window of a game, which may move."""

    @property
    def box(self) -> Box:
        """The region now."""
        ...

    @property
    def window_id(self) -> int | None:
        """The window of the game; None if it has none or if it is closed."""
        ...

    @property
    def window_lost(self) -> bool:
        """Whether the window of the game is closed."""
        ...


# --- the window --------------------------------------------------------------------------------------


def find_window(view: View, windows: Sequence[Window], owner: str) -> Window:
    """The open window of a view: of the same class, and the closest title among several.

    `owner` is the view's origin in sentences, such as `the last recording`. Raises `DisplayError` if there
    is none, if it is not visible, or if several match equally well; the sentence lists the windows.
    """
    assert view.window is not None
    found = matching_windows(view.window, windows)
    if not found:
        others = [one for one in windows if one.visible]
        raise DisplayError(
            f"Expected the window {view.window.name} of {owner}, "
            f"found {_listed(others) if others else 'no window'}.",
            "Start the game, or choose its place with --region X,Y,W,H.",
        )
    if len(found) > 1:
        regions = [f"--region {comma_separated(placed(view, one.info.box))}" for one in found[:LISTED]]
        raise DisplayError(
            f"Expected one window {view.window.name} of {owner}, found {len(found)}: {_listed(found)}.",
            "Close the others, or choose one: " + " or ".join(regions),
        )
    (window,) = found
    if not window.visible:
        raise DisplayError(
            f"Expected to see the window {window.info.name} of {owner}, found that it is minimised or on "
            "another desktop.",
            "Bring it to the front.",
        )
    return window


def matching_windows(wanted: WindowInfo, windows: Sequence[Window]) -> list[Window]:
    """The windows that may be `wanted`: one if the class or the title decides, else all that match."""
    found = [one for one in windows if one.info.class_name == wanted.class_name]
    if not wanted.class_name:
        # Without a class only the title says anything.
        found = [one for one in found if title_similarity(wanted, one.info) >= SIMILAR_TITLE]
    for better in (
        [one for one in found if one.visible],
        [one for one in found if one.info.instance == wanted.instance],
    ):
        found = [one for one in found if one in better] or found
    if len(found) < 2:
        return found
    by_title = sorted(found, key=lambda one: -title_similarity(wanted, one.info))
    first, second = (title_similarity(wanted, one.info) for one in by_title[:2])
    decided = first > second if first == 1.0 else first >= SIMILAR_TITLE and first - second >= CLEARLY_CLOSER
    return by_title[:1] if decided else by_title


def title_similarity(one: WindowInfo, other: WindowInfo) -> float:
    """0 to 1; 1 if the titles are equal."""
    return SequenceMatcher(None, one.title, other.title, autojunk=False).ratio()


def _listed(windows: Sequence[Window]) -> str:
    named = [
        f"{one.info.name} {one.info.size_text} at {one.info.box[0]},{one.info.box[1]}" for one in windows
    ]
    more = [f"{len(named) - LISTED} more"] if len(named) > LISTED else []
    return ", ".join([*named[:LISTED], *more])


# --- the region --------------------------------------------------------------------------------------


def placed(view: View, window: Box) -> Box:
    """The region of a view for its window at `window`: it moves and scales with the window."""
    if view.window is None:
        return view.region
    (x, y, width, height), (left, top, old_width, old_height) = view.region, view.window.box
    across, down = window[2] / old_width, window[3] / old_height
    return (
        window[0] + round((x - left) * across),
        window[1] + round((y - top) * down),
        max(1, round(width * across)),
        max(1, round(height * down)),
    )


def resize_warning(view: View, window: WindowInfo, owner: str) -> str:
    """A sentence if the window has another size than in the view; else an empty string."""
    if view.window is None or view.window.box[2:] == window.box[2:]:
        return ""
    _, _, width, height = placed(view, window.box)
    sizes = f"The window {window.name} is {window.size_text} now, {view.window.size_text} in {owner}"
    if proportions_differ(view.window.box, window.box):
        return (
            f"{sizes}: its proportions differ, so the picture may differ too. The region is scaled to "
            f"{width}x{height}; give the window its old proportions if it plays badly."
        )
    return f"{sizes}: the region is scaled to {width}x{height}."


def size_warning(view: View, region: Box, window: WindowInfo | None, owner: str, source: str) -> str:
    """A sentence if a chosen region shows another scale or other proportions than the view; else empty.

    `source` names the region, such as `the chosen region`. Sizes are compared relative to the window if
    both have one.
    """
    expected = placed(view, window.box) if window is not None else view.region
    if not proportions_differ(expected, region) and _is_near(region[2], expected[2]):
        return ""
    what = "other proportions" if proportions_differ(expected, region) else "another scale"
    scaled = "" if expected == view.region else f", now {expected[2]}x{expected[3]}"
    return (
        f"{source[:1].upper()}{source[1:]} is {region[2]}x{region[3]} pixels, that of {owner} "
        f"{view.region[2]}x{view.region[3]}{scaled}: frames have {what}."
    )


def differing_views(views: Sequence[View]) -> str:
    """A sentence if views show different scales or proportions of the game; `views` are newest first."""
    others = [
        view
        for view in views[1:]
        if size_warning(views[0], view.region, view.window if views[0].window else None, "", "")
    ]
    if not others:
        return ""
    return (
        f"The recordings show the game differently: {views[0].text}, and {others[0].text}. The model plays "
        "with the view of the newest one."
    )


def proportions_differ(one: Box, other: Box) -> bool:
    """Whether width to height differs."""
    return not _is_near(one[2] * other[3], one[3] * other[2])


def _is_near(one: int, other: int) -> bool:
    return abs(one / other - 1) <= SAME_SIZE


def comma_separated(box: Box) -> str:
    """A region as `--region` takes it."""
    return ",".join(map(str, box))
