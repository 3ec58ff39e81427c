"""Video recording of an agent's episodes: the game, and a panel with score, value and preferences."""

import os
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from agp_tui.atari.agent import Agent, PolicyOutput
from agp_tui.atari.checkpoint import AgentCheckpoint
from agp_tui.atari.driver import AgentDriver, keys_with_agent
from agp_tui.atari.vector_env import EVAL_EPSILON
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
"""Width of the panel in pixels."""
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
"""Values in the curve: ten seconds at fifteen decisions per second."""
ROW, SMALLEST_ROW = 28, 15


@dataclass(frozen=True)
class PanelState:
    """Contents of the panel for one frame."""

    score: float
    lives: int
    seconds: int
    """Of the episode."""
    preferences: dict[str, float]
    """By action; they sum to 1."""
    action: str
    """The current one."""


class Panel:
    """Draws the panel of one episode, `height` pixels high."""

    def __init__(self, height: int, title: str, subtitle: str, actions: dict[str, str]) -> None:
        """`actions` maps ALE's names of the actions to their labels."""
        self._values: deque[float] = deque(maxlen=HISTORY)
        self._actions = actions
        room = height - MARGIN - BARS_TOP - 8
        self._row = min(ROW, max(SMALLEST_ROW, room // len(actions)))
        self._size = 0.42 if self._row > 18 else 0.34
        self._plain: Pixels = np.full((height, WIDTH, 3), BACKGROUND, np.uint8)
        """The static part."""
        self._canvas = self._plain
        self._text(title, MARGIN, 48, 1.0, BRIGHT)
        self._text(subtitle, MARGIN, 74, 0.44, FAINT)
        for label, x, y in (
            ("SCORE", MARGIN, 122), ("TIME", TIME_X, 122), ("LIVES", LIVES_X, 122),
            ("VALUE OF THE STATE", MARGIN, 204), ("ACTIONS", MARGIN, BARS_TOP),
        ):  # fmt: skip
            self._text(label, x, y, 0.4, FAINT)
        self._box(MARGIN, CURVE_TOP - 8, RIGHT, CURVE_BOTTOM + 8, TRACK)

    def add_value(self, value: float) -> None:
        """Add the value of the newest observation to the curve."""
        self._values.append(value)

    def draw(self, state: PanelState) -> Pixels:
        """The panel, (height, WIDTH, 3) RGB. Needs at least one value."""
        self._canvas = self._plain.copy()
        minutes, seconds = divmod(state.seconds, 60)
        self._text(f"{state.score:,.0f}", MARGIN, 160, 1.25, BRIGHT, room=TIME_X - MARGIN - 16)
        self._text(f"{minutes}:{seconds:02}", TIME_X, 158, 0.8, PLAIN)
        self._text(f"{state.lives or '-'}", LIVES_X, 158, 0.8, PLAIN)
        self._text(f"{self._values[-1]:+.2f}", RIGHT, 206, 0.62, CURVE, to_the_left=True)
        self._curve()
        for place, (action, label) in enumerate(self._actions.items()):
            self._bar(place, label, state.preferences.get(action, 0.0), action == state.action)
        return self._canvas

    def _curve(self) -> None:
        """The last values, and a line at 0."""
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

    def _bar(self, place: int, label: str, share: float, chosen: bool) -> None:
        """The preference of an action; the chosen one is highlighted."""
        middle = BARS_TOP + 14 + place * self._row + self._row // 2
        baseline, half = middle + round(11 * self._size), max(2, self._row // 4)
        self._text(label, MARGIN, baseline, self._size, BRIGHT if chosen else PLAIN)
        self._box(BARS_LEFT, middle - half, BARS_RIGHT, middle + half, TRACK)
        end = max(BARS_LEFT + 1, BARS_LEFT + round(share * (BARS_RIGHT - BARS_LEFT)))
        self._box(BARS_LEFT, middle - half, end, middle + half, ACCENT if chosen else BAR)
        self._text(f"{share:.0%}", RIGHT, baseline, self._size, BRIGHT if chosen else FAINT, to_the_left=True)

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
"""Enlargement of the game's pixels."""
MIN_FREE_MB = 512
"""Free space on the disk that recording needs."""
FINAL_FRAMES = FRAMES_PER_SECOND
"""Frames for which the end of an episode stands still."""
PRESET = "ultrafast"
"""Of x264: twice as fast as veryfast; a minute takes 1.3 MB (Pong) to 5 MB (Assault)."""
SUFFIX = ".mp4"

ProgressCallback = Callable[[int], bool]
"""Gets the number of recorded frames, returns whether to go on."""


@dataclass(frozen=True)
class EpisodeVideo:
    """A recorded episode."""

    path: Path
    score: float
    frames: int
    """Emulator frames."""
    truncated: bool
    """The frame cap ended it."""


def record_episode(
    checkpoint: AgentCheckpoint,
    folder: Path,
    *,
    name: str,
    seed: int,
    epsilon: float = EVAL_EPSILON,
    on_progress: ProgressCallback | None = None,
) -> EpisodeVideo | None:
    """Record one whole episode as `folder`/`name`_score_S.mp4, under the protocol of the agent's training.

    Returns None if `on_progress` stops it. The file has a hidden name until it is complete. Raises
    `JobFailed` if the disk is full or not writable, `MissingPart` without an encoder.
    """
    require_disk_space(folder)
    part = folder / f".{name}.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with closing(_EpisodeRecorder(checkpoint, part, seed, epsilon)) as recorder:
            if not recorder.play(on_progress, DiskSpace(folder, MIN_FREE_MB)):
                return None
        path = folder / f"{name}_score_{recorder.score:g}{SUFFIX}"
        part.rename(path)
    except OSError as error:
        raise JobFailed(
            f"Expected to write a video to {folder}: {error.strerror or error}.",
            "Name another folder, or make room.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return EpisodeVideo(path, recorder.score, recorder.frames, recorder.truncated)


def require_disk_space(folder: Path) -> None:
    """Raises `JobFailed` if less than `MIN_FREE_MB` is free."""
    free = DiskSpace(folder, MIN_FREE_MB).free_mb()
    if free < MIN_FREE_MB:
        raise JobFailed(
            f"Expected {MIN_FREE_MB} MB free for a video on the disk of {folder}, found {free}.", "Make room."
        )


def remove_partial_videos(folder: Path) -> None:
    """Remove unfinished files of processes that ended."""
    for part in folder.glob(".*.part"):
        number = part.name.split(".")[-2]
        if not (number.isdecimal() and process_start(int(number))):
            part.unlink(missing_ok=True)


def action_text(action: str, rom: str) -> str:
    """Label of an action, from its keys: RIGHTFIRE is "up fire" in Pong, NOOP is "rest"."""
    keys = keys_for_action(action, rom)
    held = ("fire" if key == "space" else key for key in JOYSTICK_KEYS if key in keys)
    return " ".join(held) or "rest"


class _EpisodeRecorder:
    """Plays one episode and writes its frames."""

    def __init__(self, checkpoint: AgentCheckpoint, path: Path, seed: int, epsilon: float) -> None:
        self.score, self.frames, self.truncated = 0.0, 0, False
        self._cap = checkpoint.eval_protocol.frame_cap
        self._clock = SimulatedTime()
        keys = keys_with_agent(checkpoint.actions, rom_name(checkpoint.game), default_keys(checkpoint.game))
        game_settings = GameSettings(
            keys=keys, fps=FRAMES_PER_SECOND, sticky=checkpoint.eval_protocol.sticky, seed=seed
        )
        self._game = AtariGame(checkpoint.game, game_settings, self._clock)
        agent = Agent(checkpoint.network())
        self._driver = AgentDriver(
            agent, checkpoint.obs_spec, checkpoint.actions, self._game, epsilon=epsilon, seed=seed
        )
        self._output: PolicyOutput | None = None
        height, width = self._game.frame_shape
        self._size = SCALE * height, SCALE * width
        whole = (self._size[0] + 2 * MARGIN, MARGIN + self._size[1] + WIDTH)
        self._canvas: Pixels = np.full((*whole, 3), BACKGROUND, np.uint8)
        title = self._game.rom.replace("_", " ").title()
        trained = f"{checkpoint.algorithm.replace('_', ' ')}   {checkpoint.counters.get('steps', 0):,} steps"
        actions = {action: action_text(action, self._game.rom) for action in checkpoint.actions}
        self._panel = Panel(whole[0], title, trained, actions)
        self._panel_state: PanelState | None = None
        unit = Fraction(1, FRAMES_PER_SECOND)
        self._video = Mp4Writer(path, *whole, fps=FRAMES_PER_SECOND, unit=unit, preset=PRESET)

    def play(self, on_progress: ProgressCallback | None, space: DiskSpace) -> bool:
        """Play to the end of the episode; False if stopped before."""
        while on_progress is None or on_progress(self.frames):
            if space.is_low():
                raise JobFailed("The disk is nearly full, so the video was stopped.", "Make room.")
            self._clock.sleep_until(round(self.frames * NS / FRAMES_PER_SECOND))
            frame = self._game.grab()
            if self._episode_ended():
                self._write_final_frames()
                return True
            self._game.hold(self._driver.decide(frame))
            self._draw_game(frame.pixels)
            self._draw_panel()
            self._video.write(self._canvas, self.frames)
            self.frames += 1
        return False

    def close(self) -> None:
        """Finish the file."""
        self._video.close()

    def _write_final_frames(self) -> None:
        """Repeat the last frame with the final score."""
        self._draw_panel()
        for still in range(FINAL_FRAMES):
            self._video.write(self._canvas, self.frames + still)

    def _episode_ended(self) -> bool:
        status = self._game.status()
        self.truncated = not status.episode and self.frames >= self._cap
        self.score = status.finished_scores[0] if status.episode else status.score
        return bool(status.episode) or self.truncated

    def _draw_game(self, pixels: Pixels) -> None:
        height, width = self._size
        place = self._canvas[MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        place[:] = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_NEAREST)

    def _draw_panel(self) -> None:
        """Redraw the panel if its contents changed."""
        driver = self._driver
        state = PanelState(
            score=self.score,
            lives=self._game.status().lives,
            seconds=self.frames // FRAMES_PER_SECOND,
            preferences=driver.preferences,
            action=driver.actions[driver.action],
        )
        if driver.output is not self._output:
            self._output = driver.output
            self._panel.add_value(driver.value or 0.0)
        elif state == self._panel_state:
            return
        self._panel_state = state
        self._canvas[:, -WIDTH:] = self._panel.draw(state)
