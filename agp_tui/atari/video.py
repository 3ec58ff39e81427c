"""Videos of an agent's games: the game enlarged, beside it score, value and preferences, at right speed."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from agp_tui.atari.agents import Agent, Judged
from agp_tui.atari.checkpoint import AgentCheckpoint
from agp_tui.atari.driver import AgentDriver, keys_for
from agp_tui.atari.evaluate import EPSILON
from agp_tui.atari.panel import BACKGROUND, MARGIN, WIDTH, Facts, Panel
from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.runs import process_start
from agp_tui.errors import JobFailed
from agp_tui.games.atari import (
    CONSOLE_KEYS,
    FRAMES_A_SECOND,
    AtariGame,
    cartridge_of,
    default_keys,
    keys_of,
)
from agp_tui.games.base import Pixels
from agp_tui.recording.mp4 import Mp4Writer
from agp_tui.recording.space import DiskSpace

SCALE = 3
"""A pixel of the console is so many wide and high."""
MIN_FREE_MB = 512
"""With less free on the disk nothing is recorded."""
STILL_FRAMES = FRAMES_A_SECOND
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
    keys = keys_of(action, cartridge)
    held = ("fire" if key == "space" else key for key in CONSOLE_KEYS if key in keys)
    return " ".join(held) or "rest"


class _Filming:
    """One game, its agent, the file, and the picture that is put together for each frame."""

    def __init__(self, kept: AgentCheckpoint, path: Path, seed: int, epsilon: float) -> None:
        self.score, self.frames, self.cut = 0.0, 0, False
        self._cap = kept.played_under.frame_cap
        self._source = SimulatedTime()
        keys = keys_for(kept.actions, cartridge_of(kept.game), default_keys(kept.game))
        place = GameSettings(keys=keys, fps=FRAMES_A_SECOND, sticky=kept.played_under.sticky, seed=seed)
        self._game = AtariGame(kept.game, place, self._source)
        agent = Agent(kept.network())
        self._driver = AgentDriver(agent, kept.view, kept.actions, self._game, epsilon=epsilon, seed=seed)
        self._judged: Judged | None = None
        height, width = self._game.frame_shape
        self._size = SCALE * height, SCALE * width
        whole = (self._size[0] + 2 * MARGIN, MARGIN + self._size[1] + WIDTH)
        self._canvas: Pixels = np.full((*whole, 3), BACKGROUND, np.uint8)
        title = self._game.cartridge.replace("_", " ").title()
        trained = f"{kept.algorithm.replace('_', ' ')}   {kept.counters.get('steps', 0):,} steps"
        actions = {action: words(action, self._game.cartridge) for action in kept.actions}
        self._panel = Panel(whole[0], title, trained, actions)
        self._shown: Facts | None = None
        unit = Fraction(1, FRAMES_A_SECOND)
        self._video = Mp4Writer(path, *whole, fps=FRAMES_A_SECOND, unit=unit, preset=PRESET)

    def play(self, told: Told | None, space: DiskSpace) -> bool:
        """To the end of the game; False where it was stopped before."""
        while told is None or told(self.frames):
            if space.low():
                raise JobFailed("The disk runs low, so the video was given up.", "Make room.")
            self._source.sleep_until(round(self.frames * NS / FRAMES_A_SECOND))
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
            seconds=self.frames // FRAMES_A_SECOND,
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
