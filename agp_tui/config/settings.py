"""All settings: name, type, bounds, default and help text, each defined once.

A field is a key in `config.toml`, a flag of its command, a line of its help and a row in the app's forms.
Precedence: flag, environment, `config.toml`, default (see `file`).
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
    HoldMode,
    KeyName,
    Point,
    Region,
    Shape,
    Size,
    Words,
)
from agp_tui.errors import BadSetting, SettingError
from agp_tui.key_names import key_name, key_names


def over_ssh() -> bool:
    """Whether this is an SSH session."""
    return bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))


def _name_key(settings: object, field_name: str) -> None:
    """Replace the spelling of a key name by the canonical one. Raises `BadSetting`."""
    try:
        object.__setattr__(settings, field_name, key_name(getattr(settings, field_name)))
    except SettingError as error:
        raise BadSetting(error.message, error.hint, setting=field_name) from error


@dataclass(frozen=True, kw_only=True)
class GameSettings:
    """A game: its region on the screen, its keys and the frame rate."""

    center: Point | None = None
    """Centre of the region, X,Y in pixels of the display. Without it and `region`, you click on it."""

    size: Size = 256
    """Side of the square region around `center`, in pixels."""

    region: Region | None = None
    """The region as X,Y,WIDTH,HEIGHT in pixels. It may extend past the edge of the screen."""

    display: str | None = None
    """X display of the game, such as :0. Detected if not set."""

    allow_forwarded_display: bool = False
    """Accept a display forwarded by ssh -X, although it shows the screen of another machine."""

    keys: Words = ()
    """Keys to record and press, such as up,left,space,a,f5. Default: arrows, or those of the Atari game."""

    fps: Fps = 30
    """Frames (and decisions) per second."""

    frame_size: Size = 256
    """Side of the square frames that are stored and that a model sees, in pixels (area interpolation)."""

    native_size: bool = False
    """Store frames at the size of the region; they are resized to `frame_size` for training only."""

    sticky: Fraction = 0.0
    """Atari: probability that the emulator repeats the previous action (sticky actions)."""

    seed: int = 0
    """Atari: random seed of the emulator."""

    def __post_init__(self) -> None:
        if self.keys:
            try:
                object.__setattr__(self, "keys", key_names(self.keys))
            except SettingError as error:
                raise BadSetting(error.message, error.hint, setting="keys") from error


@dataclass(frozen=True, kw_only=True)
class RecordSettings:
    """Recording: frames of the game and the keys held."""

    by: str = "human"
    """Player: human, terminal (you, an Atari game in this terminal), expert (a scripted demonstrator), a
    model, or an Atari agent (a run or a saved name)."""

    human_like: bool = False
    """The expert plays as a person does: it reacts after 100 to 250 ms, holds keys for at least 80 ms, and
    slips now and then."""

    shadow: str | None = None
    """A model that predicts keys while you play, for comparison; it presses nothing."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """Stop after this many seconds of play. Otherwise stop with Esc on the game's keyboard or Ctrl-C."""

    episodes: Count | None = None
    """Stop after this many episodes, for games that report their end."""

    wait_for_enter: bool = False
    """Start when Enter is pressed on the game's keyboard."""

    start_key: str = "enter"
    """The key that starts the recording with `wait_for_enter`."""

    stop_key: str = "esc"
    """The key on the game's keyboard that ends the recording."""

    exclude_key: KeyName | None = "f8"
    """The key on the game's keyboard after a mistake: training does not learn from the last
    `exclude_seconds`. An empty name turns it off."""

    exclude_seconds: Annotated[float, Meta(gt=0, le=600)] = 5.0
    """Seconds before that key press that are left out of training."""

    countdown: Annotated[float, Meta(ge=0, le=60)] = 0.0
    """Countdown before the first frame, in seconds."""

    fast: bool = False
    """Atari: play as fast as the machine allows instead of in real time."""

    nudge: bool = False
    """Now and then hold a wrong key for a moment, so that the recording shows how you recover (DART). Only
    your own keys are learnt. On a screen, never without the focus on the game's window (X11)."""

    nudge_every: Annotated[float, Meta(ge=0.5, le=600)] = 4.0
    """Mean time between two nudges, in seconds (exponentially distributed)."""

    nudge_seconds: Annotated[float, Meta(ge=0.05, le=5)] = 0.3
    """How long a nudge holds its key, in seconds."""

    nudge_keys: Words = ()
    """Keys of the game that nudges may hold. Default: its arrow keys, or all its keys if it has none."""

    min_free_mb: Annotated[int, Meta(ge=0)] = 512
    """Do not start, or stop, with less free disk space than this (MB)."""

    def __post_init__(self) -> None:
        if self.nudge_keys:
            try:
                object.__setattr__(self, "nudge_keys", key_names(self.nudge_keys))
            except SettingError as error:
                raise BadSetting(error.message, error.hint, setting="nudge_keys") from error
        _name_key(self, "start_key")
        _name_key(self, "stop_key")
        if self.exclude_key:
            _name_key(self, "exclude_key")
        else:
            object.__setattr__(self, "exclude_key", None)


@dataclass(frozen=True, kw_only=True)
class PlaySettings:
    """Autoplay: a model presses the keys."""

    seconds: Annotated[float, Meta(gt=0)] | None = None
    """Stop after this many seconds."""

    episodes: Count | None = None
    """Stop after this many episodes, for games that report their end."""

    max_episode_seconds: Annotated[float, Meta(gt=0)] = 600.0
    """Atari: an episode that lasts longer than this is truncated; its score so far counts. Seconds."""

    dry_run: bool = False
    """Show the decisions without pressing any key."""

    fast: bool = False
    """Atari: play as fast as the machine allows instead of in real time."""

    panic_key: str = "f12"
    """The key on the game's keyboard that stops the player and releases all keys."""

    when_unfocused: Literal["pause", "release", "continue"] = "pause"
    """While the game's window does not have the focus (X11): pause, until it has the focus again; release all
    keys and wait until you resume; or continue, whichever window receives the keys."""

    takeover: bool = True
    """Pressing one of the game's keys gives you control; your play is recorded as corrections."""

    takeover_idle: Annotated[float, Meta(gt=0, le=60)] = 1.0
    """Seconds without your input before the model resumes."""

    hand_back_key: KeyName | None = None
    """A key on the game's keyboard that makes the model resume immediately."""

    takeover_before: Annotated[float, Meta(ge=0, le=60)] = 2.0
    """Seconds before a takeover that are recorded with it."""

    activation_threshold: Fraction | None = None
    """Press a key if its probability is at least this. Default: the thresholds of the model."""

    hysteresis: Fraction | None = None
    """Release a key only this far below its threshold. Default: the model's value."""

    min_hold: Annotated[int, Meta(ge=1, le=60)] | None = None
    """Minimum number of decisions for which a pressed key stays down. Default: the model's value."""

    smoothing: Annotated[float, Meta(ge=0, lt=1)] | None = None
    """Weight of past probabilities (exponential smoothing). Default: the model's value."""

    threads: Annotated[int, Meta(ge=1, le=64)] | None = None
    """Threads of one inference. Default: one, or all cores if one thread is measured to exceed the frame
    budget at the start."""

    normalize_images: bool = True
    """Models from elsewhere: scale float input to 0 to 1 instead of 0 to 255."""

    channels: Literal["rgb", "bgr"] = "bgr"
    """Models from elsewhere: colour order of the input."""

    model_input_shape: Shape | None = None
    """Models from elsewhere: FRAMES,HEIGHT,WIDTH,CHANNELS, if the file leaves them open."""

    def __post_init__(self) -> None:
        _name_key(self, "panic_key")
        if self.hand_back_key is not None:
            _name_key(self, "hand_back_key")


@dataclass(frozen=True, kw_only=True)
class TerminalSettings:
    """Playing an Atari game by hand in the terminal."""

    holding: Literal["auto", HoldMode] = "auto"
    """How typed keys are held: releases, until the terminal reports the release (Kitty keyboard protocol);
    timeout, for `hold_seconds` after each key event; latched, until another direction is pressed; auto,
    releases if the terminal supports it, else timeout."""

    hold_seconds: Annotated[float, Meta(ge=0.03, le=2)] = 0.15
    """How long a key event holds the key if releases are not reported, in seconds."""

    pictures: Annotated[int, Meta(ge=1, le=60)] = 20
    """Maximum pictures per second while you play; the game itself runs at 60."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """Demo: the whole imitation loop on an Atari game, from recording to a table of scores."""

    game: str = "ALE/Pong-v5"
    """An Atari game that has a scripted expert."""

    minutes: Annotated[float, Meta(gt=0)] = 8.0
    """Approximate duration on 2 cores; training and practice share what the other parts leave."""

    games: Count = 10
    """Episodes to evaluate each player."""

    game_seconds: Annotated[float, Meta(gt=0)] = 120.0
    """An evaluation episode that lasts longer than this is truncated; its score so far counts. Seconds."""

    fps: Fps = 30
    """Decisions per second."""

    frame_size: Size = 64
    """Side of the frames that the model sees, in pixels."""

    segment: Annotated[int, Meta(ge=1, le=64)] = 4
    """Number of frames that a decision sees."""

    sticky: Fraction = 0.25
    """Probability of a sticky action. Without sticky actions all episodes are nearly the same and a model can
    memorise one (Machado et al. 2018)."""

    demonstration: Annotated[float, Meta(gt=0)] = 5.0
    """Minutes of expert demonstrations to record."""

    live_seconds: Annotated[float, Meta(gt=0)] = 20.0
    """Seconds of real-time play at the end, which measures the latency."""

    fast: bool = False
    """Run that last part as fast as the machine allows, too."""


@dataclass(frozen=True, kw_only=True)
class PreviewSettings:
    """Preview: the live picture of the game in the app."""

    fps: Annotated[int, Meta(ge=1, le=30)] = 10
    """Maximum pictures per second."""

    colors: Literal["auto", "truecolor", "256", "off"] = "auto"
    """Colours of the preview; off hides it. auto: 256 over SSH, else what the terminal supports."""

    size: Cells | None = None
    """Maximum size in terminal cells, WIDTH,HEIGHT. Default: 80x40, and 48x24 over SSH."""

    @property
    def cells(self) -> tuple[int, int]:
        """Maximum width and height in this session, in cells."""
        if self.size is not None:
            return self.size
        return (48, 24) if over_ssh() else (80, 40)


@dataclass(frozen=True, kw_only=True)
class UiSettings:
    """The app: its theme and key bindings."""

    theme: str = "textual-dark"
    """Theme; ctrl+p lists them. ansi-dark and ansi-light use the colours of the terminal."""

    keymap: Words = ()
    """Key bindings to change, each as ID=KEY, such as record.start=f5; F1 shows the keys."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """Output format and settings file of a command."""

    json: Annotated[bool, Flag()] = False
    """Print events as JSON lines on stdout, for programs."""

    config: Path | None = None
    """Settings file. Default: $AGP_CONFIG, ./config.toml or ~/.config/agp-tui/config.toml."""


@dataclass(frozen=True, kw_only=True)
class Folders:
    """Folders of recordings, models and runs, relative to `config.toml` or else to the working directory."""

    recordings: Path = Path("recordings")
    """Recordings, one folder per game."""

    models: Path = Path("models")
    """Exported models, one folder per model."""

    runs: Path = Path("runs")
    """Runs of long jobs: settings, events, checkpoints."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The contents of `config.toml`."""

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
