"""What is drawn beside a game in a video: score, time, value with its last seconds, action preferences.

Knows pictures and figures, nothing of agents or files.
"""

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from agp_tui.games.base import Pixels

WIDTH = 360
"""Of the panel, in pixels."""
MARGIN = 24

BACKGROUND = (17, 19, 26)
TRACK = (36, 40, 52)
FAINT = (118, 126, 144)
PLAIN = (206, 212, 224)
BRIGHT = (247, 249, 252)
ACCENT = (86, 204, 156)
BAR = (72, 104, 168)
CURVE = (238, 178, 86)

Colour = tuple[int, int, int]

RIGHT = WIDTH - MARGIN
TIME_X, LIVES_X = 214, 298
CURVE_TOP, CURVE_BOTTOM = 232, 296
BARS_TOP, BARS_LEFT, BARS_RIGHT = 344, 148, RIGHT - 44

FONT = cv2.FONT_HERSHEY_DUPLEX
HISTORY = 150
"""Values in the curve: ten seconds where there are fifteen decisions in one."""
ROW, SMALLEST_ROW = 28, 15


@dataclass(frozen=True)
class Facts:
    """What the panel shows of one moment."""

    score: float
    lives: int
    seconds: int
    """Of the game."""
    preferences: dict[str, float]
    """By the action's name; they sum to 1."""
    action: str
    """The one that is done."""


class Panel:
    """Draws the panel of one game, `height` pixels high."""

    def __init__(self, height: int, title: str, subtitle: str, actions: dict[str, str]) -> None:
        """`actions` are ALE's names of what can be done, each with words for people."""
        self._values: deque[float] = deque(maxlen=HISTORY)
        self._actions = actions
        room = height - MARGIN - BARS_TOP - 8
        self._row = min(ROW, max(SMALLEST_ROW, room // len(actions)))
        self._size = 0.42 if self._row > 18 else 0.34
        self._plain: Pixels = np.full((height, WIDTH, 3), BACKGROUND, np.uint8)
        """What is always the same."""
        self._canvas = self._plain
        self._text(title, MARGIN, 48, 1.0, BRIGHT)
        self._text(subtitle, MARGIN, 74, 0.44, FAINT)
        for label, x, y in (
            ("SCORE", MARGIN, 122), ("TIME", TIME_X, 122), ("LIVES", LIVES_X, 122),
            ("VALUE OF THE STATE", MARGIN, 204), ("ACTIONS", MARGIN, BARS_TOP),
        ):  # fmt: skip
            self._text(label, x, y, 0.4, FAINT)
        self._box(MARGIN, CURVE_TOP - 8, RIGHT, CURVE_BOTTOM + 8, TRACK)

    def judged(self, value: float) -> None:
        """What the newest state is worth: the next point of the curve."""
        self._values.append(value)

    def draw(self, facts: Facts) -> Pixels:
        """The panel, (height, WIDTH, 3) RGB. Something was judged before."""
        self._canvas = self._plain.copy()
        minutes, seconds = divmod(facts.seconds, 60)
        self._text(f"{facts.score:,.0f}", MARGIN, 160, 1.25, BRIGHT, room=TIME_X - MARGIN - 16)
        self._text(f"{minutes}:{seconds:02}", TIME_X, 158, 0.8, PLAIN)
        self._text(f"{facts.lives or '-'}", LIVES_X, 158, 0.8, PLAIN)
        self._text(f"{self._values[-1]:+.2f}", RIGHT, 206, 0.62, CURVE, to_the_left=True)
        self._curve()
        for place, (action, words) in enumerate(self._actions.items()):
            self._bar(place, words, facts.preferences.get(action, 0.0), action == facts.action)
        return self._canvas

    def _curve(self) -> None:
        """How the value came where it is, against a line at 0."""
        values = np.array(self._values)
        low, high = min(values.min(), 0.0), max(values.max(), 0.0)
        scale = (CURVE_BOTTOM - CURVE_TOP) / max(high - low, 0.5)
        heights = CURVE_BOTTOM - (np.array([*values, 0.0]) - low) * scale
        across = np.linspace(MARGIN + 8, RIGHT - 8, HISTORY)[HISTORY - len(values) :]
        zero = round(heights[-1])
        cv2.line(self._canvas, (MARGIN + 8, zero), (RIGHT - 8, zero), FAINT, 1)
        points = np.rint(np.stack([across, heights[:-1]], 1)).astype(np.int32)
        cv2.polylines(self._canvas, [points], False, CURVE, 1, cv2.LINE_AA)
        cv2.circle(self._canvas, tuple(map(int, points[-1])), 3, CURVE, cv2.FILLED, cv2.LINE_AA)

    def _bar(self, place: int, words: str, share: float, done: bool) -> None:
        """How much an action is preferred; the one that is done stands out."""
        middle = BARS_TOP + 14 + place * self._row + self._row // 2
        baseline, half = middle + round(11 * self._size), max(2, self._row // 4)
        self._text(words, MARGIN, baseline, self._size, BRIGHT if done else PLAIN)
        self._box(BARS_LEFT, middle - half, BARS_RIGHT, middle + half, TRACK)
        end = max(BARS_LEFT + 1, BARS_LEFT + round(share * (BARS_RIGHT - BARS_LEFT)))
        self._box(BARS_LEFT, middle - half, end, middle + half, ACCENT if done else BAR)
        self._text(f"{share:.0%}", RIGHT, baseline, self._size, BRIGHT if done else FAINT, to_the_left=True)

    def _text(
        self, text: str, x: int, baseline: int, size: float, colour: Colour,
        *, to_the_left: bool = False, room: int | None = None,
    ) -> None:  # fmt: skip
        """Smaller where it has no room; `to_the_left`: it ends at `x`."""
        thick = max(1, round(size))
        (width, _), _ = cv2.getTextSize(text, FONT, size, thick)
        room = WIDTH - MARGIN - x if room is None else room
        if not to_the_left and width > room:
            size, width = size * room / width, room
        start = x - width if to_the_left else x
        cv2.putText(self._canvas, text, (start, baseline), FONT, size, colour, thick, cv2.LINE_AA)

    def _box(self, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
        self._canvas[top:bottom, left:right] = colour
