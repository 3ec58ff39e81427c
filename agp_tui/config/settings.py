"""Every setting: its name, type, bounds, default and help, written once.

A field here is a key in `config.toml`, a flag of its command and a line of its help. Values come
from the flag, else the environment, else `config.toml`, else the default (`file`).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from agp_tui.config.atari import AtariSettings
from agp_tui.config.training import ExportSettings, PracticeSettings, TrainSettings
from agp_tui.config.types import (
    Cells,
    Count,
    Flag,
    Fps,
    Fraction,
    KeyName,
    Point,
    Region,
    Shape,
    Size,
    Way,
    Words,
)
from agp_tui.errors import BadSetting, SettingError
from agp_tui.key_names import key_name, key_names


def over_ssh() -> bool:
    """Whether this is a login from another machine, where each byte has a way to go."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def _name_key(settings: object, field_name: str) -> None:
    """Put our own name of a key in place of the one that was written. Raises `BadSetting`."""
    try:
        object.__setattr__(settings, field_name, key_name(getattr(settings, field_name)))
    except SettingError as error:
        raise BadSetting(error.message, error.hint, setting=field_name) from error


@dataclass(frozen=True, kw_only=True)
class GameSettings:
    """A game: where it is on the screen, which keys it takes, how often it is looked at."""

    center: Point | None = None
    """Middle of the region, X,Y in pixels of the display. Neither this nor `region`: you click."""

    size: Size = 256
    """Side of the square region around `center`, in pixels."""

    region: Region | None = None
    """The region itself: X,Y,WIDTH,HEIGHT in pixels. May reach past the screen's edge."""

    display: str | None = None
    """X display of the game, such as :0. Found by itself where it is not given."""

    allow_forwarded_display: bool = False
    """Use a display that ssh -X forwards, although it shows another machine's screen."""

    keys: Words = ()
    """The keys that matter, in order, such as up,left,space,a,f5; else the arrows, or an Atari game's own."""

    fps: Fps = 30
    """Frames, and so decisions, a second."""

    frame_size: Size = 256
    """Side of the square frames that are stored and that a model sees (area interpolation)."""

    native_size: bool = False
    """Store frames as they were grabbed; they are scaled to `frame_size` only for training."""

    sticky: Fraction = 0.0
    """Atari: probability that the console repeats its last action instead of taking ours."""

    seed: int = 0
    """Atari: where the console's randomness starts."""

    def __post_init__(self) -> None:
        if self.keys:
            try:
                object.__setattr__(self, "keys", key_names(self.keys))
            except SettingError as error:
                raise BadSetting(error.message, error.hint, setting="keys") from error


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """Recording: frames of the game with the keys held."""

    by: str = "human"
    """Who plays: human, terminal (you, an Atari game in this terminal), expert (a scripted demonstrator), a
    model, or an Atari agent (a run, a kept name)."""

    shadow: str | None = None
    """A model that watches you play and says what it would press; it presses nothing."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """Stop after so many seconds of play. Otherwise Esc on the game's keyboard, or Ctrl-C, stops."""

    episodes: Count | None = None
    """Stop after so many whole games, where the game tells when one ends."""

    wait_for_enter: bool = False
    """Begin when Enter is pressed on the game's keyboard."""

    start_key: str = "enter"
    """The key that begins, under `wait_for_enter`."""

    stop_key: str = "esc"
    """The key on the game's keyboard that ends the recording."""

    countdown: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Count down so many seconds before the first frame."""

    fast: bool = False
    """Atari: play as fast as the machine allows instead of in real time."""

    min_free_mb: Annotated[int, Meta(ge=0)] = 512
    """Refuse to start, and stop by itself, with less than this free on the disk."""

    def __post_init__(self) -> None:
        _name_key(self, "start_key")
        _name_key(self, "stop_key")


@dataclass(frozen=True, kw_only=True)
class PlaySettings:
    """Autoplay: a model presses the keys."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """Stop after so many seconds."""

    episodes: Count | None = None
    """Stop after so many whole games, where the game tells when one ends."""

    max_episode_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """Atari: a game still running after so many seconds of play counts with the score it has."""

    dry_run: bool = False
    """Decide and show, press nothing."""

    fast: bool = False
    """Atari: play as fast as the machine allows instead of in real time."""

    panic_key: str = "f12"
    """The key on the game's keyboard that stops the player and releases everything."""

    when_unfocused: Literal["pause", "release", "continue"] = "pause"
    """While another window than the game's has the focus (X11): press nothing until the game has it again;
    release every key and wait to be resumed; or go on, whatever the keys reach."""

    takeover: bool = True
    """One of the game's keys under your hand gives you control, and what you show is recorded."""

    takeover_idle: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """The model drives again after so many seconds without a key of yours."""

    hand_back_key: KeyName | None = None
    """A key on the game's keyboard with which the model drives again at once."""

    takeover_before: Annotated[float, Meta(ge=0, le=60)] = 2.0
    """So many seconds before a takeover are recorded with it."""

    activation_threshold: Fraction | None = None
    """Press a key from this probability on; the model's own thresholds otherwise."""

    hysteresis: Fraction | None = None
    """A key that is down goes up only so far below its threshold; the model's own value otherwise."""

    min_hold: Annotated[int, Meta(ge=1, le=60)] | None = None
    """Decisions for which a pressed key stays down at least; the model's own value otherwise."""

    smoothing: Annotated[float, Meta(ge=0, lt=1)] | None = None
    """Share of the decisions before in the probabilities of now; the model's own value otherwise."""

    threads: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Threads of one inference. Where none are given: one, or all cores where a measurement at the start
    says that one is too slow for the frame budget."""

    normalize_images: bool = True
    """Models made elsewhere: frames as 0 to 1 instead of 0 to 255, where the input is float."""

    channels: Literal["rgb", "bgr"] = "bgr"
    """Models made elsewhere: order of the colours in their input."""

    model_input_shape: Shape | None = None
    """Models made elsewhere: FRAMES,HEIGHT,WIDTH,COLOURS, where the file leaves them open."""

    def __post_init__(self) -> None:
        _name_key(self, "panic_key")
        if self.hand_back_key is not None:
            _name_key(self, "hand_back_key")


@dataclass(frozen=True, kw_only=True)
class TerminalSettings:
    """Playing an Atari game by hand in the terminal."""

    holding: Literal["auto", Way] = "auto"
    """How long a key is held: until it is released, where the terminal tells (Kitty protocol); else
    timeout, for `hold_seconds` after each stroke, or latched, the last direction until another. auto: what
    the terminal can."""

    hold_seconds: Annotated[float, Meta(ge=0.03, le=2)] = 0.15
    """How long each stroke of a key holds it, where its release is not told."""

    pictures: Annotated[int, Meta(ge=1, le=60)] = 20
    """Pictures a second while you play, at most; the game runs at 60 whatever this is."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """The whole imitation loop on an Atari game, from nothing to a score."""

    game: str = "ALE/Pong-v5"
    """An Atari game that has a scripted expert."""

    minutes: Annotated[float, Meta(gt=0)] = 8.0
    """About how long the whole takes on 2 cores; training and practice share what the rest leaves."""

    games: Count = 10
    """Games by which each player is judged."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """A game still running after so many seconds of play counts with the score it has."""

    fps: Fps = 30
    """Decisions a second."""

    frame_size: Size = 64
    """Side of the pictures that the model sees."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 4
    """How many pictures a decision sees."""

    sticky: Fraction = 0.25
    """Probability that the console repeats its last action instead of taking ours: without it every
    game is nearly the same, and a model that knows one knows nothing else (Machado et al. 2018)."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of the expert's play that are recorded first."""

    live_seconds: Annotated[float, Meta(gt=0)] = 20.0
    """At the end the model plays so long in real time, where its latency is measured."""

    fast: bool = False
    """Play that last part too as fast as the machine allows."""


@dataclass(frozen=True, kw_only=True)
class PreviewSettings:
    """Preview: the small live picture of the game in the app."""

    fps: Annotated[int, Meta(ge=1, le=30)] = 10
    """Pictures a second, at most."""

    colors: Literal["auto", "truecolor", "256", "off"] = "auto"
    """Colours of the picture; off shows none. auto: 256 over SSH, else what the terminal can."""

    size: Cells | None = None
    """Largest size in cells of the terminal, WIDTH,HEIGHT; 80x40 here and 48x24 over SSH otherwise."""

    @property
    def cells(self) -> tuple[int, int]:
        """Width and height in cells that hold here."""
        if self.size is not None:
            return self.size
        return (48, 24) if over_ssh() else (80, 40)


@dataclass(frozen=True, kw_only=True)
class UiSettings:
    """The app: how it looks and which keys it has."""

    theme: str = "textual-dark"
    """One of its themes; ctrl+p lists them. ansi-dark and ansi-light use the terminal's own colours."""

    keymap: Words = ()
    """Other keys for what the app does, each as ID=KEY, such as record.start=f5; F1 shows the keys."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """How a command speaks, and which settings it reads."""

    json: Annotated[bool, Flag()] = False
    """One JSON object a line on stdout, for programs."""

    config: Path | None = None
    """The settings file; otherwise $AGP_CONFIG, ./config.toml or the one in ~/.config/agp-tui."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Where things are kept. Relative to the folder of `config.toml`, or to where you are."""

    recordings: Path = Path("recordings")
    """Recordings, a folder for each game."""

    models: Path = Path("models")
    """Exported models, a folder each."""

    runs: Path = Path("runs")
    """Runs of long jobs: settings, events, checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All of `config.toml`."""

    folders: Folders = field(default_factory=Folders)
    game: GameSettings = field(default_factory=GameSettings)
    games: dict[str, GameSettings] = field(default_factory=dict)
    record: RecordSettings = field(default_factory=RecordSettings)
    train: TrainSettings = field(default_factory=TrainSettings)
    export: ExportSettings = field(default_factory=ExportSettings)
    play: PlaySettings = field(default_factory=PlaySettings)
    practice: PracticeSettings = field(default_factory=PracticeSettings)
    terminal: TerminalSettings = field(default_factory=TerminalSettings)
    demo: DemoSettings = field(default_factory=DemoSettings)
    atari: AtariSettings = field(default_factory=AtariSettings)
    preview: PreviewSettings = field(default_factory=PreviewSettings)
    ui: UiSettings = field(default_factory=UiSettings)
