"""Atari games in real time: 60 frames per second, RGB frames, held keys, through ALE's emulator."""

import contextlib
import difflib
import functools
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import GameSettings
from agp_tui.engine.clock import NS, Time
from agp_tui.errors import MissingPart, SettingError
from agp_tui.games.base import Frame, GameStatus, Origin
from agp_tui.games.ids import ATARI_PREFIX
from agp_tui.keys.state import NO_KEYS, Keys

if TYPE_CHECKING:
    from ale_py import ALEInterface


FRAMES_PER_SECOND = 60
"""Frame rate of the console (NTSC: 59.92)."""

MAX_NOOPS = 30
"""Bound on the no-op frames at the start of an episode, as in Mnih et al. 2015 (Nature 518)."""

JOYSTICK_KEYS = ("up", "left", "right", "down", "space")
"""The joystick as keys: its four directions, and space as the fire button."""

MULTIPLAYER_ONLY = frozenset({"combat", "joust", "maze_craze", "warlords"})
"""ROMs that ALE ships for its multiplayer mode; loading one in single-player mode aborts the process."""

ROTATED_PADDLES: dict[str, dict[str, str]] = {
    "blackjack": {"up": "left", "down": "right", "space": "space"},
    "casino": {"up": "left", "down": "right", "space": "space"},
    "pong": {"up": "right", "down": "left"},
}
"""Games in which ALE's RIGHT and LEFT move something up and down.

By ROM: the keys of the game, and the joystick direction of each. In the card games, up raises the bet.
"""


def atari_ids() -> list[str]:
    """The ids of all games, such as `ALE/Pong-v5`. Raises `MissingPart` without ALE."""
    return sorted(rom_names())


def rom_name(game_id: str) -> str:
    """The ROM, such as `pong`, of an id in any case. Raises `SettingError`, `MissingPart`."""
    known = rom_names()
    by_lower = {name.lower(): name for name in known}
    if found := by_lower.get(game_id.lower()):
        return known[found]
    near = difflib.get_close_matches(game_id.lower(), by_lower, n=3, cutoff=0.5)
    names = ", ".join(by_lower[name] for name in near)
    hint = f"Did you mean {names}?" if near else "agp atari list shows them all."
    raise SettingError(f"Expected the id of an Atari game, such as ALE/Pong-v5, found {game_id!r}.", hint)


def atari_id(rom: str) -> str:
    """The id of a ROM, such as `ALE/MsPacman-v5` for `ms_pacman`."""
    return f"{ATARI_PREFIX}{rom.title().replace('_', '')}-v5"


def minimal_actions(game_id: str) -> tuple[str, ...]:
    """ALE's minimal action set of a game, such as NOOP, FIRE, UPRIGHT.

    Raises `SettingError` for an unknown id, `MissingPart` without ALE.
    """
    actions = open_emulator(rom_name(game_id), 0.0, 0).getMinimalActionSet()
    return tuple(str(action.name) for action in actions)


def default_keys(game_id: str) -> tuple[str, ...]:
    """The keys of a game, from ALE's minimal action set.

    Raises `SettingError` for an unknown id, `MissingPart` without ALE.
    """
    return keys_for_actions(game_id, minimal_actions(game_id))


def keys_for_actions(game_id: str, actions: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that make up these actions of a game (ALE's names). Raises `SettingError`."""
    if rotated := ROTATED_PADDLES.get(rom_name(game_id)):
        return tuple(key for key in JOYSTICK_KEYS if key in rotated)
    names = " ".join(actions)
    parts = {"up": "UP", "left": "LEFT", "right": "RIGHT", "down": "DOWN", "space": "FIRE"}
    return tuple(key for key in JOYSTICK_KEYS if parts[key] in names)


class AtariGame:
    """An Atari game in real time, without a thread.

    `grab` and `hold` first emulate the frames that are due, so the console is where it would be had it
    run by itself at 60 frames per second (exactly so on a simulated clock). After a long pause, such as
    a stopped process, the game continues from its last state.

    Keys are the arrows and space for fire; opposite arrows cancel. In Pong, up and down move the paddle.
    A finished episode is followed by the next one after 0 to 30 no-op frames, given by the seed and the
    episodes before: 31 consecutive seeds, or episodes, all differ.

    Raises `SettingError` for an unknown id or a key without a joystick action, `MissingPart` without ALE.
    """

    origin = Origin("ale")

    def __init__(self, game_id: str, settings: GameSettings, source: Time) -> None:
        self.rom = rom_name(game_id)
        self.name = atari_id(self.rom)
        self.keys = settings.keys
        self.fps = settings.fps
        for key in self.keys:
            if key not in JOYSTICK_KEYS:
                raise SettingError(
                    f"Expected keys with a joystick action, found {key!r}.",
                    f"Use {', '.join(JOYSTICK_KEYS)}.",
                )
        self.emulated_frames = 0
        """Frames emulated so far, without no-ops at the start of episodes."""
        self.keep_grayscale = False
        """Whether `grayscale_pair` has the frame before the newest; it costs a quarter of a frame's time."""
        self._source = source
        self._ale = open_emulator(self.rom, settings.sticky, settings.seed)
        height, width = self._ale.getScreenDims()
        self._shape = (int(height), int(width))
        self.seed = settings.seed
        self._late_frames = max(FRAMES_PER_SECOND // 2, 2 * FRAMES_PER_SECOND // settings.fps)
        self._origin_ns: int | None = None
        self._origin_frame = 0
        self._action = 0
        self._score = 0.0
        self._finished: tuple[float, ...] = ()
        self._ram_before: NDArray[np.uint8] = self._ale.getRAM()
        self._gray_before: NDArray[np.uint8] | None = None
        self._start()

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of the frames: 210x160 for most games."""
        return self._shape

    def grab(self) -> Frame:
        """The current frame, in native size."""
        before_ns = self._source.now_ns()
        self._advance(before_ns)
        pixels = np.empty((*self._shape, 3), np.uint8)
        self._ale.getScreenRGB(pixels)
        return Frame(pixels, before_ns, self._source.now_ns())

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys from now on; keys of other games have no effect."""
        self.hold_at(keys, self._source.now_ns())

    def hold_at(self, keys: Keys, time_ns: int) -> None:
        """Hold exactly these keys from `time_ns` on, in all frames not yet emulated."""
        self._advance(time_ns)
        self._action = _action(keys & frozenset(self.keys), ROTATED_PADDLES.get(self.rom))

    def status(self) -> GameStatus:
        """Score and lives as of the last grab."""
        return GameStatus(self._score, self._ale.lives(), len(self._finished), self._finished)

    def restart(self) -> None:
        """End the episode, counting its score, and begin the next one."""
        self._finished = (*self._finished, self._score)
        self._start()

    def ram_pair(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The console's RAM at the frame before the newest and at the newest, shape (128,) uint8 each.

        Read by the scripted experts: some values are valid only in every other frame.
        """
        return self._ram_before, np.asarray(self._ale.getRAM(), np.uint8)

    def grayscale_pair(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The frame before the newest and the newest in grayscale, shape `frame_shape`, uint8 each.

        Agents take their maximum, since some games draw objects in alternate frames. Both are the same
        in the first frame of an episode, and without `keep_grayscale`.
        """
        now = np.asarray(self._ale.getScreenGrayscale(), np.uint8)
        return (now if self._gray_before is None else self._gray_before), now

    def close(self) -> None:
        """Release every key."""
        self._action = _action(NO_KEYS, None)

    def _advance(self, now_ns: int) -> None:
        if self._origin_ns is None:
            self._origin_ns = now_ns
        # Rounded, not floored: with deadlines whole frames apart, jitter must not make one picture a frame
        # early and the next one late.
        since = ((now_ns - self._origin_ns) * FRAMES_PER_SECOND + NS // 2) // NS
        due = self._origin_frame + since - self.emulated_frames
        if due > self._late_frames:
            self._origin_ns, self._origin_frame = now_ns, self.emulated_frames
            return
        for _ in range(due):
            self._ram_before = self._ale.getRAM()
            if self.keep_grayscale:
                self._gray_before = self._ale.getScreenGrayscale()
            self._score += self._ale.act(self._action)
            self.emulated_frames += 1
            if self._ale.game_over():
                self.restart()

    def _start(self) -> None:
        self._score = 0.0
        self._ale.reset_game()
        for _ in range(_noops(self.seed + len(self._finished))):
            self._score += self._ale.act(0)
        self._ram_before, self._gray_before = self._ale.getRAM(), None


@functools.cache
def _actions() -> dict[tuple[int, int, bool], int]:
    """ALE's 18 joystick actions by (right minus left, up minus down, fire)."""
    from ale_py import Action

    rows, columns = {1: "UP", 0: "", -1: "DOWN"}, {1: "RIGHT", 0: "", -1: "LEFT"}
    return {
        (x, y, fire): Action.__members__[rows[y] + columns[x] + ("FIRE" if fire else "") or "NOOP"].value
        for x in columns
        for y in rows
        for fire in (False, True)
    }


def _action(keys: Keys, rotated: dict[str, str] | None) -> int:
    """ALE's action for the held keys. Opposite directions cancel."""
    if rotated:
        keys = frozenset(rotated.get(key, "") for key in keys if key != "space") | (keys & {"space"})
    x = ("right" in keys) - ("left" in keys)
    y = ("up" in keys) - ("down" in keys)
    return _actions()[x, y, "space" in keys]


def keys_for_action(action: str, rom: str) -> Keys:
    """The keys of an action of ALE, such as UPRIGHTFIRE, in a game."""
    directions = {"up": "UP", "down": "DOWN", "left": "LEFT", "right": "RIGHT"}
    rotated = {direction: key for key, direction in ROTATED_PADDLES.get(rom, {}).items()}
    held = {rotated.get(direction, direction) for direction, name in directions.items() if name in action}
    return frozenset(held | ({"space"} if "FIRE" in action else set()))


def _noops(episode: int) -> int:
    """The number of no-op frames: a permutation of 0 to 30 in 31 episodes, with neighbors far apart."""
    return episode * 12 % (MAX_NOOPS + 1)


def _ale_py() -> ModuleType:
    try:
        import ale_py
        import ale_py.roms
    except ImportError as error:
        hint = 'Install it: pip install "agp-tui[train]"'
        raise MissingPart(
            f"Expected the Atari emulator ale-py, which is not installed ({error}).", hint
        ) from error
    return ale_py


def rom_names() -> dict[str, str]:
    """ROMs by the id of their game, sorted by id. Raises `MissingPart`."""
    names: list[str] = _ale_py().roms.get_all_rom_ids()
    return {atari_id(name): name for name in sorted(names) if name not in MULTIPLAYER_ONLY}


def open_emulator(rom: str, sticky: float, seed: int) -> "ALEInterface":
    """An emulator with a ROM loaded. Raises `MissingPart` without ALE or the ROM."""
    ale_py: Any = _ale_py()
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale: ALEInterface = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", sticky)
    ale.setInt("random_seed", seed & 0x7FFFFFFF)
    try:
        # It prints to stdout, which may carry JSON events.
        with contextlib.redirect_stdout(sys.stderr):
            path: Path = ale_py.roms.get_rom_path(rom)
    except OSError as error:
        hint = "Install it again: pip install --force-reinstall ale-py"
        raise MissingPart(f"Expected the ROM {rom} of ale-py: {error}.", hint) from error
    ale.loadROM(path)
    return ale


@dataclass(frozen=True)
class AtariGameFactory:
    """Makes a game for a seed; picklable."""

    name: str
    settings: GameSettings

    def __call__(self, seed: int, source: Time) -> AtariGame:
        """The game with this seed and clock."""
        return AtariGame(self.name, replace(self.settings, seed=seed), source)
