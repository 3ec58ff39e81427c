"""Atari games as games like any other: 60 frames a second, RGB pictures, held keys.

The console is ALE's emulator, called directly. It knows nothing of agents or training.
"""

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


FRAMES_A_SECOND = 60
"""Of the console (NTSC; really 59.92, as every player of it rounds)."""

MAX_NOOPS = 30
"""Upper bound of the idle frames at the start of a game, as in Mnih et al. 2015 (Nature 518)."""

CONSOLE_KEYS = ("up", "left", "right", "down", "space")
"""The keys that a joystick has: its four directions, and space for the fire button."""

TWO_PLAYERS_ONLY = frozenset({"combat", "joust", "maze_craze", "warlords"})
"""Cartridges that ALE ships for its many-player mode; loading one alone ends the process."""

TURNED_PADDLES: dict[str, dict[str, str]] = {
    "blackjack": {"up": "left", "down": "right", "space": "space"},
    "casino": {"up": "left", "down": "right", "space": "space"},
    "pong": {"up": "right", "down": "left"},
}
"""Games whose paddle moves something up and down, which ALE does by its RIGHT and LEFT alone.

By cartridge: our key, and the joystick's way that it stands for. These are the game's keys. In the
card games the up arrow raises the bet.
"""


def atari_ids() -> list[str]:
    """The ids of all games there are, such as `ALE/Pong-v5`. Raises `MissingPart`."""
    return sorted(cartridges())


def cartridge_of(game_id: str) -> str:
    """The cartridge's name, such as `pong`, of an id in any case. Raises `SettingError`, `MissingPart`."""
    known = cartridges()
    by_lower = {name.lower(): name for name in known}
    if found := by_lower.get(game_id.lower()):
        return known[found]
    near = difflib.get_close_matches(game_id.lower(), by_lower, n=3, cutoff=0.5)
    names = ", ".join(by_lower[name] for name in near)
    cure = f"Did you mean {names}?" if near else "agp atari list shows them all."
    raise SettingError(f"Expected the id of an Atari game, such as ALE/Pong-v5, found {game_id!r}.", cure)


def atari_id(cartridge: str) -> str:
    """The id of a cartridge, such as `ALE/MsPacman-v5` of `ms_pacman`."""
    return f"{ATARI_PREFIX}{cartridge.title().replace('_', '')}-v5"


def minimal_actions(game_id: str) -> tuple[str, ...]:
    """ALE's names of the actions that do something in this game, such as NOOP, FIRE, UPRIGHT.

    Raises `SettingError` for an unknown id, `MissingPart` without ALE.
    """
    actions = console(cartridge_of(game_id), 0.0, 0).getMinimalActionSet()
    return tuple(str(action.name) for action in actions)


def default_keys(game_id: str) -> tuple[str, ...]:
    """The keys that do something in this game, from ALE's minimal action set.

    Raises `SettingError` for an unknown id, `MissingPart` without ALE.
    """
    return keys_among(game_id, minimal_actions(game_id))


def keys_among(game_id: str, actions: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that these actions of a game (ALE's names) are made of. Raises `SettingError`."""
    if turned := TURNED_PADDLES.get(cartridge_of(game_id)):
        return tuple(key for key in CONSOLE_KEYS if key in turned)
    names = " ".join(actions)
    parts = {"up": "UP", "left": "LEFT", "right": "RIGHT", "down": "DOWN", "space": "FIRE"}
    return tuple(key for key in CONSOLE_KEYS if parts[key] in names)


class AtariGame:
    """An Atari game in real time, without a thread.

    `grab` and `hold` first emulate what is due by now, so the console is always where it would
    be had it run on by itself at 60 frames a second. On a simulated clock it is exact. A game
    that nobody looked at for long (the process was stopped) goes on from where it was.

    Keys are the arrows and space for fire; opposite arrows cancel. In Pong the up arrow moves
    the paddle up and the down arrow down. A game that is over starts again by itself after a
    number of idle frames (0 to 30, from the seed and the games before), so that games differ: 31
    games with seeds in a row, or in a row on one console, all have another number.

    Raises `SettingError` for an unknown id or a key that a joystick has not, `MissingPart`
    where ALE is not installed.
    """

    origin = Origin("ale")

    def __init__(self, game_id: str, settings: GameSettings, source: Time) -> None:
        self.cartridge = cartridge_of(game_id)
        self.name = atari_id(self.cartridge)
        self.keys = settings.keys
        self.fps = settings.fps
        for key in self.keys:
            if key not in CONSOLE_KEYS:
                raise SettingError(
                    f"Expected keys that a joystick has, found {key!r}.", f"Use {', '.join(CONSOLE_KEYS)}."
                )
        self.emulated = 0
        """Frames emulated so far in play."""
        self.keeps_greys = False
        """Whether the picture before the newest is kept for `greys`; it costs a quarter of a frame's time."""
        self._source = source
        self._ale = console(self.cartridge, settings.sticky, settings.seed)
        height, width = self._ale.getScreenDims()
        self._shape = (int(height), int(width))
        self._seed = settings.seed
        self._late_frames = max(FRAMES_A_SECOND // 2, 2 * FRAMES_A_SECOND // settings.fps)
        self._origin_ns: int | None = None
        self._origin_frame = 0
        self._action = 0
        self._score = 0.0
        self._finished: tuple[float, ...] = ()
        self._memory_before: NDArray[np.uint8] = self._ale.getRAM()
        self._grey_before: NDArray[np.uint8] | None = None
        self._start()

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Height and width of the frames: 210x160 for most games."""
        return self._shape

    def grab(self) -> Frame:
        """The console's picture now, native size."""
        before_ns = self._source.now_ns()
        self._advance(before_ns)
        pixels = np.empty((*self._shape, 3), np.uint8)
        self._ale.getScreenRGB(pixels)
        return Frame(pixels, before_ns, self._source.now_ns())

    def hold(self, keys: Keys) -> None:
        """From now on exactly these keys are held; keys that are not the game's do nothing."""
        self.hold_at(keys, self._source.now_ns())

    def hold_at(self, keys: Keys, time_ns: int) -> None:
        """The same from `time_ns` on, for each emulated frame after it that was not emulated yet."""
        self._advance(time_ns)
        self._action = _action(keys & frozenset(self.keys), TURNED_PADDLES.get(self.cartridge))

    def status(self) -> GameStatus:
        """Score and lives as of the last grab."""
        return GameStatus(self._score, self._ale.lives(), len(self._finished), self._finished)

    def restart(self) -> None:
        """End the current game, count the score it has, begin the next one."""
        self._finished = (*self._finished, self._score)
        self._start()

    def memory(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The console's memory at the emulated frame before the newest and at the newest.

        Shape (128,), uint8 each. Scripted experts read it: some values, such as a paddle's
        aim in Pong, are in it only at every other frame.
        """
        return self._memory_before, np.asarray(self._ale.getRAM(), np.uint8)

    def greys(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The console's picture at the emulated frame before the newest and at the newest, in ALE's grey.

        Shape as of `frame_shape`, uint8 each. Agents look at the brighter of both, since some games draw
        things in turn. They are the same at a game's first frame, and where `keeps_greys` is not set.
        """
        now = np.asarray(self._ale.getScreenGrayscale(), np.uint8)
        return (now if self._grey_before is None else self._grey_before), now

    def close(self) -> None:
        """Release every key."""
        self._action = _action(NO_KEYS, None)

    def _advance(self, now_ns: int) -> None:
        if self._origin_ns is None:
            self._origin_ns = now_ns
        # Rounded, not floored: deadlines are whole frames apart, and a little jitter around them
        # must not make one picture a frame early and the next one late.
        since = ((now_ns - self._origin_ns) * FRAMES_A_SECOND + NS // 2) // NS
        due = self._origin_frame + since - self.emulated
        if due > self._late_frames:
            self._origin_ns, self._origin_frame = now_ns, self.emulated
            return
        for _ in range(due):
            self._memory_before = self._ale.getRAM()
            if self.keeps_greys:
                self._grey_before = self._ale.getScreenGrayscale()
            self._score += self._ale.act(self._action)
            self.emulated += 1
            if self._ale.game_over():
                self.restart()

    def _start(self) -> None:
        self._score = 0.0
        self._ale.reset_game()
        for _ in range(_noops(self._seed + len(self._finished))):
            self._score += self._ale.act(0)
        self._memory_before, self._grey_before = self._ale.getRAM(), None


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


def _action(keys: Keys, turned: dict[str, str] | None) -> int:
    """ALE's action for the held keys. Opposite directions cancel."""
    if turned:
        keys = frozenset(turned.get(key, "") for key in keys if key != "space") | (keys & {"space"})
    x = ("right" in keys) - ("left" in keys)
    y = ("up" in keys) - ("down" in keys)
    return _actions()[x, y, "space" in keys]


def keys_of(action: str, cartridge: str) -> Keys:
    """The keys that stand for ALE's action of that name, such as UPRIGHTFIRE, in a game."""
    ways = {"up": "UP", "down": "DOWN", "left": "LEFT", "right": "RIGHT"}
    turned = {way: key for key, way in TURNED_PADDLES.get(cartridge, {}).items()}
    held = {turned.get(way, way) for way, word in ways.items() if word in action}
    return frozenset(held | ({"space"} if "FIRE" in action else set()))


def _noops(game: int) -> int:
    """How many idle frames a game starts with: all of 0 to 30 in 31 games, neighbours far apart."""
    return game * 12 % (MAX_NOOPS + 1)


def _ale_py() -> ModuleType:
    try:
        import ale_py
        import ale_py.roms
    except ImportError as error:
        cure = 'Install it: pip install "agp-tui[train]"'
        raise MissingPart(f"Expected the Atari emulator ale-py, found none here ({error}).", cure) from error
    return ale_py


def cartridges() -> dict[str, str]:
    """Names of the cartridges by the games' ids, in the order of the ids. Raises `MissingPart`."""
    names: list[str] = _ale_py().roms.get_all_rom_ids()
    return {atari_id(name): name for name in sorted(names) if name not in TWO_PLAYERS_ONLY}


def console(cartridge: str, sticky: float, seed: int) -> "ALEInterface":
    """A console with the cartridge in it. Raises `MissingPart` without emulator or cartridge."""
    ale_py: Any = _ale_py()
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    ale: ALEInterface = ale_py.ALEInterface()
    ale.setFloat("repeat_action_probability", sticky)
    ale.setInt("random_seed", seed & 0x7FFFFFFF)
    try:
        # It prints where it looks, and stdout belongs to the events.
        with contextlib.redirect_stdout(sys.stderr):
            path: Path = ale_py.roms.get_rom_path(cartridge)
    except OSError as error:
        cure = "Install it again: pip install --force-reinstall ale-py"
        raise MissingPart(f"Expected the cartridge {cartridge} of ale-py: {error}.", cure) from error
    ale.loadROM(path)
    return ale


@dataclass(frozen=True)
class AtariGameFactory:
    """Makes games from seeds; can be sent to another process."""

    name: str
    settings: GameSettings

    def __call__(self, seed: int, source: Time) -> AtariGame:
        """A game of that seed on that clock."""
        return AtariGame(self.name, replace(self.settings, seed=seed), source)
