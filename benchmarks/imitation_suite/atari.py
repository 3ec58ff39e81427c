"""The Atari games of the suite, which run faster than real time; the demonstrators are human-like experts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agp_tui.config import GameSettings
from agp_tui.evaluation.rollouts import play_episode
from agp_tui.games.atari import AtariGameFactory, rom_name
from agp_tui.games.base import Driver, Frame, Game
from agp_tui.games.experts import human_like_driver
from agp_tui.keys.state import NO_KEYS, Keys, Who
from benchmarks.command_runner import CommandRunner
from benchmarks.imitation_suite.base import Reference, Session, SuiteGame

FPS, STICKY = 30, 0.25


@dataclass(frozen=True, kw_only=True)
class AtariSuiteGame(SuiteGame):
    """An Atari game with a scripted expert. The raw score is that of one game, truncated after the drive."""

    name: str
    game: str
    """As in `ALE/Pong-v5`."""
    keys: tuple[str, ...]
    constant: Keys

    @property
    def game_id(self) -> str:
        return self.game

    def require(self) -> None:
        rom_name(self.game)

    @contextmanager
    def session(self, commands: CommandRunner) -> Iterator[Session]:
        yield AtariSession(self, commands)


ATARI_GAMES = (
    # Thin and fast objects.
    AtariSuiteGame(name="pong", game="ALE/Pong-v5", keys=("up", "down"), constant=NO_KEYS),
    AtariSuiteGame(
        name="breakout",
        game="ALE/Breakout-v5",
        keys=("left", "right", "space"),
        constant=frozenset({"space"}),
    ),
    # Many objects.
    AtariSuiteGame(name="freeway", game="ALE/Freeway-v5", keys=("up", "down"), constant=frozenset({"up"})),
    # Scrolling.
    AtariSuiteGame(
        name="enduro",
        game="ALE/Enduro-v5",
        keys=("left", "right", "space"),
        constant=frozenset({"space"}),
    ),
)


class ConstantDriver:
    """Holds the same keys all the time."""

    who: Who = "agent"

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def decide(self, frame: Frame) -> Keys:
        """The keys, whatever the frame shows."""
        return self._keys


@dataclass(frozen=True)
class AtariSession:
    """Implements `base.Session` on simulated time."""

    game: AtariSuiteGame
    commands: CommandRunner

    def record(self, seconds: float, seed: int, *options: str) -> Path | None:
        recorded = self.commands.run(
            "record", "--game", self.game.game_id, "--by", "expert", "--human-like", "--fast",
            "--keys", ",".join(self.game.keys), "--fps", str(FPS), "--sticky", str(STICKY),
            "--seed", str(seed), "--seconds", f"{seconds:g}", *options,
        )  # fmt: skip
        return Path(recorded.recording) if recorded and recorded.recording else None

    def drive(self, player: Reference | Path, seconds: float, seed: int) -> float | None:
        if isinstance(player, Path):
            return self._drive_model(player, seconds, seed)
        if self.commands.stopped:
            return None
        settings = GameSettings(keys=self.game.keys, fps=FPS, sticky=STICKY)
        game = AtariGameFactory(self.game.game_id, settings)
        driver = human_like_driver if player == "demonstrator" else self._constant_driver
        return play_episode(game, driver, seed, FPS, max_seconds=seconds).score

    def _constant_driver(self, game: Game) -> Driver:
        return ConstantDriver(self.game.constant)

    def _drive_model(self, model: Path, seconds: float, seed: int) -> float | None:
        played = self.commands.run(
            "play", str(model), "--game", self.game.game_id, "--fast", "--sticky", str(STICKY),
            "--seed", str(seed), "--episodes", "1", "--max-episode-seconds", f"{seconds:g}",
        )  # fmt: skip
        return played.scores[0] if played and played.scores else None
