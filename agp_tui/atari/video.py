"""Videos of an agent's games: the game enlarged, beside it score, value and preferences, at right speed."""

import os
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from agp_tui.atari.agent import Agent, Judged
from agp_tui.atari.checkpoint import AgentCheckpoint
from agp_tui.atari.driver import AgentDriver, keys_for
from agp_tui.atari.evaluate import EPSILON
from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.runs import process_start
from agp_tui.errors import JobFailed
from agp_tui.games.atari import (
    FRAMES_PER_SECOND,
    JOYSTICK_KEYS,
    AtariGame,
    default_keys,
    keys_for_action,
    rom_name,
)
from agp_tui.games.base import Pixels
from agp_tui.recording.disk_space import DiskSpace
from agp_tui.recording.mp4 import Mp4Writer

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


SCALE = 3
"""A pixel of the console is so many wide and high."""
MIN_FREE_MB = 512
"""With less free on the disk nothing is recorded."""
STILL_FRAMES = FRAMES_PER_SECOND
"""The end of a game stands still for so long."""
PRESET = "ultrafast"
"""x264's: twice as quick as veryfast; a minute of a game takes 1.3 MB (Pong) to 5 MB (Assault)."""
ENDING = ".mp4"

Told = Callable[[int], bool]
"""Hears how many frames of the game are recorded, and says whether to go on."""


@dataclass(frozen=True)
class Filmed:
    """A game that was recorded."""

    path: Path
    score: float
    frames: int
    """Of the console."""
    cut: bool
    """The frame cap ended it."""


def film(
    kept: AgentCheckpoint,
    folder: Path,
    *,
    name: str,
    seed: int,
    epsilon: float = EPSILON,
    told: Told | None = None,
) -> Filmed | None:
    """Record one whole game as `folder`/`name`_score_S.mp4, under the protocol of the agent's training.

    None where `told` says to stop. Under a hidden name until it is complete. Raises `JobFailed` where the
    disk has no room or cannot be written, `MissingPart` without an encoder.
    """
    require_room(folder)
    part = folder / f".{name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(_Filming(kept, part, seed, epsilon)) as filming:
            if not filming.play(told, DiskSpace(folder, MIN_FREE_MB)):
                return None
        path = folder / f"{name}_score_{filming.score:g}{ENDING}"
        part.rename(path)
    except OSError as error:
        raise JobFailed(
            f"Expected to write a video to {folder}: {error.strerror or error}.",
            "Name another folder, or make room.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Filmed(path, filming.score, filming.frames, filming.cut)


def require_room(folder: Path) -> None:
    """Raises `JobFailed` where too little is free for a video."""
    free = DiskSpace(folder, MIN_FREE_MB).free_mb()
    if free < MIN_FREE_MB:
        raise JobFailed(
            f"Expected {MIN_FREE_MB} MB free for a video on the disk of {folder}, found {free}.", "Make room."
        )


def clear_unfinished(folder: Path) -> None:
    """Remove what was left by processes that ended while they recorded."""
    for part in folder.glob(".*.part"):
        number = part.name.split(".")[-2]
        if not (number.isdecimal() and process_start(int(number))):
            part.unlink(missing_ok=True)


def words(action: str, cartridge: str) -> str:
    """An action in words, as the keys that stand for it: RIGHTFIRE is up fire in Pong, NOOP is rest."""
    keys = keys_for_action(action, cartridge)
    held = ("fire" if key == "space" else key for key in JOYSTICK_KEYS if key in keys)
    return " ".join(held) or "rest"


class _Filming:
    """One game, its agent, the file, and the picture that is put together for each frame."""

    def __init__(self, kept: AgentCheckpoint, path: Path, seed: int, epsilon: float) -> None:
        self.score, self.frames, self.cut = 0.0, 0, False
        self._cap = kept.played_under.frame_cap
        self._source = SimulatedTime()
        keys = keys_for(kept.actions, rom_name(kept.game), default_keys(kept.game))
        place = GameSettings(keys=keys, fps=FRAMES_PER_SECOND, sticky=kept.played_under.sticky, seed=seed)
        self._game = AtariGame(kept.game, place, self._source)
        agent = Agent(kept.network())
        self._driver = AgentDriver(agent, kept.view, kept.actions, self._game, epsilon=epsilon, seed=seed)
        self._judged: Judged | None = None
        height, width = self._game.frame_shape
        self._size = SCALE * height, SCALE * width
        whole = (self._size[0] + 2 * MARGIN, MARGIN + self._size[1] + WIDTH)
        self._canvas: Pixels = np.full((*whole, 3), BACKGROUND, np.uint8)
        title = self._game.rom.replace("_", " ").title()
        trained = f"{kept.algorithm.replace('_', ' ')}   {kept.counters.get('steps', 0):,} steps"
        actions = {action: words(action, self._game.rom) for action in kept.actions}
        self._panel = Panel(whole[0], title, trained, actions)
        self._shown: Facts | None = None
        unit = Fraction(1, FRAMES_PER_SECOND)
        self._video = Mp4Writer(path, *whole, fps=FRAMES_PER_SECOND, unit=unit, preset=PRESET)

    def play(self, told: Told | None, space: DiskSpace) -> bool:
        """To the end of the game; False where it was stopped before."""
        while told is None or told(self.frames):
            if space.is_low():
                raise JobFailed("The disk runs low, so the video was given up.", "Make room.")
            self._source.sleep_until(round(self.frames * NS / FRAMES_PER_SECOND))
            frame = self._game.grab()
            if self._over():
                self._stand_still()
                return True
            self._game.hold(self._driver.decide(frame))
            self._show_game(frame.pixels)
            self._show_panel()
            self._video.write(self._canvas, self.frames)
            self.frames += 1
        return False

    def close(self) -> None:
        """Finish the file, whatever is in it."""
        self._video.close()

    def _stand_still(self) -> None:
        """The last picture, for a while, with the score that the game ended with."""
        self._show_panel()
        for still in range(STILL_FRAMES):
            self._video.write(self._canvas, self.frames + still)

    def _over(self) -> bool:
        status = self._game.status()
        self.cut = not status.episode and self.frames >= self._cap
        self.score = status.finished_scores[0] if status.episode else status.score
        return bool(status.episode) or self.cut

    def _show_game(self, pixels: Pixels) -> None:
        height, width = self._size
        place = self._canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        place[:] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST)

    def _show_panel(self) -> None:
        """Draw it again where something on it is another."""
        driver = self._driver
        facts = Facts(
            score=self.score,
            lives=self._game.status().lives,
            seconds=self.frames // FRAMES_PER_SECOND,
            preferences=driver.preferences,
            action=driver.actions[driver.action],
        )
        if driver.judged is not self._judged:
            self._judged = driver.judged
            self._panel.judged(driver.value or 0.0)
        elif facts == self._shown:
            return
        self._shown = facts
        self._canvas[:, -WIDTH:] = self._panel.draw(facts)
