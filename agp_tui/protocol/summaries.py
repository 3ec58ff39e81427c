"""Items of the lists that commands report: recordings, models, games, runs, displays, findings.

The fields are those of the JSON. They have defaults, so that an item of another version can be read.
"""

from typing import Any

import msgspec


class RecordingSummary(msgspec.Struct, frozen=True):
    """A recording in `agp recordings list`. If it cannot be read, `problem` says why and figures are 0."""

    path: str
    game: str
    stamp: str
    state: str
    """`complete`, `recovered`, `recording` (in progress), `broken off` (usable) or `unreadable`."""
    frames: int = 0
    seconds: float = 0.0
    fps: int = 0
    filled: float = 0.0
    """Share of the requested frames that were captured, 0 to 1."""
    held: dict[str, float] = {}
    """By key: share of the frames at which the player held it, 0 to 1."""
    bytes: int = 0
    problem: str = ""
    source: str = ""
    """Who played: `human`, `agent` or `expert`."""
    labels: str = ""
    """Whose keys are the labels for training."""
    view: dict[str, Any] | None = None
    """Of a screen game: `games.view.View` as plain data."""
    excluded: float = 0.0
    """Seconds that training does not learn from."""


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A model in `agp models list`. What a model made elsewhere does not say is None or empty."""

    name: str
    path: str
    created: float | None = None
    """When it was exported or copied here, seconds since 1970."""
    bytes: int = 0
    """Size of the model itself, without its checkpoint."""
    game: str | None = None
    keys: tuple[str, ...] = ()
    thresholds: tuple[float, ...] = ()
    fps: int | None = None
    frame_size: int | None = None
    """Side of its square input frames in pixels."""
    segment: int | None = None
    """Frames of a window."""
    network: str | None = None
    quantize: str | None = None
    f1: float | None = None
    """On held-out frames."""
    no_better_than: str | None = None
    """The model to play instead."""
    view: dict[str, Any] | None = None
    """Of a screen game: `games.view.View` as plain data."""
    problem: str = ""
    """Why it cannot be used; empty if nothing is known against it."""

    @property
    def remark(self) -> str | None:
        """What speaks against it, as text."""
        if self.problem:
            return self.problem
        return f"no better than {self.no_better_than}" if self.no_better_than else None


class Finding(msgspec.Struct, frozen=True):
    """A result of one check of `agp doctor`."""

    name: str
    ok: bool | None
    """True: good; False: a problem; None: informative, or needed only for some games or jobs."""
    found: str
    cure: str = ""
    """What to do or to type; empty if nothing has to be done."""


class AtariGameSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A game in `agp atari list`."""

    id: str
    keys: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    """ALE's minimal action set."""
    expert: bool = False
    """Whether there is a scripted expert."""
    random: float | None = None
    """Score of random play; None for a game without published scores."""
    human: float | None = None
    """Score of a person."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in `agp runs list`; of a damaged one only `id` and `started` are known."""

    id: str
    job: str | None = None
    state: str = ""
    """`running`, `finished`, `failed`, `died`, `waiting` or `damaged`."""
    started: float = 0.0
    """Seconds since 1970."""
    ended: float | None = None
    seconds: float | None = None
    """Duration so far."""
    result: dict[str, Any] | None = None
    """Its last event, `finished` or `failed`, without the report."""


class AgentRunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A training of an agent in `agp atari runs`. What it has not reached yet is None."""

    id: str
    game: str = ""
    algorithm: str = ""
    protocol: str = ""
    """Scores of different protocols cannot be compared."""
    state: str = ""
    """As of `RunSummary`, or `stopped`."""
    steps: int | None = None
    """Decisions."""
    minutes: float | None = None
    """Training time."""
    score_mean: float | None = None
    """Of the best evaluation; of the final, longer one if the training was completed."""
    score_low: float | None = None
    """Lower end of the 95 % interval of the mean."""
    score_high: float | None = None
    games: int | None = None
    """Games of the evaluation."""
    human_normalised: float | None = None
    """0 is random play, 1 a person."""


class DisplaySummary(msgspec.Struct, frozen=True, kw_only=True):
    """A display in `agp screen list`."""

    name: str
    """Such as `:0`; empty for the desktop of this machine."""
    usable: bool
    size: tuple[int, int] | None = None
    """Width and height in pixels."""
    reason: str = ""
    """Why it can or cannot be used."""
    source: str = ""
    """How it was found."""
