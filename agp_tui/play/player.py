"""The real-time play loop: at each slot of the clock, grab a frame, decide, hold keys.

Knows nothing of how a model is loaded, or of what kind of game it plays.
"""

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PlaySettings, PreviewSettings
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import FocusMonitor, Frame, Game
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.key_names import key_name
from agp_tui.keys.listening import KeyListener
from agp_tui.keys.state import NO_KEYS, Keys, edges_between
from agp_tui.models.key_filter import KeyFilter
from agp_tui.models.policy import Policy, check_keys
from agp_tui.play.episode_tracker import EpisodeTracker
from agp_tui.play.intervention import Intervention, InterventionRecorder
from agp_tui.play.key_gate import GateState, KeyGate
from agp_tui.play.watchdog import Watchdog
from agp_tui.protocol.events import Finished, Live
from agp_tui.protocol.results import PlayResult

TOTAL_STAGE = "total"
"""The stage from before the grab until the keys have been passed on."""

MISS_WARNING_SHARE = 0.01
"""Share of missed deadlines above which the result warns."""


def play(
    game: Game,
    policy: Policy,
    settings: PlaySettings,
    job: Job,
    clock: Clock,
    *,
    listener: KeyListener | None = None,
    forward_human_keys: bool = False,
    focus: FocusMonitor | None = None,
    hang_seconds: float | None = None,
    intervention_recorder: InterventionRecorder | None = None,
    preview: PreviewSettings | None = None,
) -> Finished:
    """Play until a limit of the settings is reached or the job is stopped, then release every key.

    Late slots are skipped and counted; each decision uses the newest frame. Frames before the first one
    are black, as in training. While paused the policy goes on observing, but nothing is pressed.

    `listener` hears the panic key and, with `settings.takeover`, the game's keys, with which a person
    takes over; with `forward_human_keys` those keys are held in the game from here. While the game lacks
    the `focus` nothing is pressed. Without a decision for `hang_seconds` every key is released.
    `intervention_recorder` records the takeovers and is closed; `game`, `listener` and `focus` remain the
    caller's to close.

    A deadline is missed if a decision takes longer than a slot (on the clock's own time: never on a
    simulated one) or if a slot is skipped. Percentiles cover the clock's latest values. The result's
    `report` holds `hangs`, `capped` (episodes ended by `max_episode_seconds`, which count with the score
    they had), `score` of the unfinished episode, `dry_run`, `panic`, `overruns` and `takeovers`; its
    `recordings` are those of the takeovers.

    Raises `ModelError` if the game lacks a key of the model or the model's output is not finite,
    `SettingError` for a limit that the game cannot keep, and what the game raises.
    """
    check_keys(policy.keys, game.keys)
    _check_settings(settings, game)
    if clock.fps != policy.fps:
        job.note(
            f"The model was made for {policy.fps:g} decisions a second, it plays at {clock.fps:g}.",
            level="warning",
        )
    policy.reset()
    gate = KeyGate(game, settings.dry_run, forward_human_keys)
    intervention = None
    if listener is not None and settings.takeover and not settings.dry_run:
        intervention = Intervention(gate, game.keys, settings.takeover_idle, settings.hand_back_key)
    episodes = EpisodeTracker(game, game.status(), settings.max_episode_seconds)
    loop = _PlayLoop(
        gate, policy, settings, job, clock, episodes, Preview(preview), intervention, intervention_recorder
    )
    watchdog = Watchdog(
        gate,
        job,
        listener,
        key_name(settings.panic_key),
        intervention,
        focus=focus,
        pause_on_focus_loss=settings.when_unfocused == "release",
        hang_seconds=hang_seconds,
    )
    try:
        with watchdog:
            loop.run()
    finally:
        gate.close()
        if intervention_recorder is not None:
            intervention_recorder.close()
    if watchdog.failure is not None:
        raise watchdog.failure
    return loop.result(watchdog)


def _check_settings(settings: PlaySettings, game: Game) -> None:
    if settings.episodes is not None and game.status() is None:
        raise SettingError(
            f"Expected a game that reports when it ends, found {game.name}, which does not.",
            "Use --seconds instead of --episodes.",
        )
    for name, flag, key in (
        ("panic key", "--panic-key", settings.panic_key),
        ("key that hands control back", "--hand-back-key", settings.hand_back_key),
    ):
        if key is not None and key in game.keys:
            raise SettingError(
                f"Expected a {name} that the game does not use, found {key}.",
                f"Choose another one with {flag}.",
            )


@dataclass
class _PlayLoop:
    """The loop and its counters."""

    gate: KeyGate
    policy: Policy
    settings: PlaySettings
    job: Job
    clock: Clock
    episodes: EpisodeTracker
    preview: Preview
    intervention: Intervention | None
    intervention_recorder: InterventionRecorder | None
    decisions: int = 0
    overruns: int = 0
    """Decisions that took longer than a slot."""
    takeovers: int = 0
    key_filter: KeyFilter = field(init=False)
    policy_held: Keys = NO_KEYS
    """The policy's keys at the previous frame."""

    def __post_init__(self) -> None:
        self.key_filter = KeyFilter(self.policy)

    def run(self) -> None:
        """Run until a limit is reached or the job is to stop."""
        for slot in self.clock.slots(self.settings.seconds):
            if self.job.stopping:
                return
            frame, probabilities = self.decide()
            self.update_control(frame)
            too_long = self.episodes.update(self.gate.status(), self.clock.now_ns())
            if self.preview.due():
                self.job.emit(self.live(slot, frame, probabilities))
            if too_long:
                self.end_episode()
            if self.settings.episodes is not None and len(self.episodes.scores) >= self.settings.episodes:
                return

    def decide(self) -> tuple[Frame, NDArray[np.float32]]:
        """One slot: grab, decide, hold. Gives the probabilities while paused as well."""
        slot_start_ns, start_ns = self.clock.now_ns(), time.perf_counter_ns()
        with self.clock.stage("grab"):
            frame = self.gate.grab()
        with self.clock.stage("encode"):
            self.policy.observe(frame.pixels)
        with self.clock.stage("decide"):
            probabilities = self.policy.probabilities()
            keys = self.key_filter.update(probabilities)
        if self.gate.state is GateState.OPEN:
            with self.clock.stage("press"):
                self.gate.press(keys)
            self.clock.note(TOTAL_STAGE, (time.perf_counter_ns() - start_ns) / 1e6)
            self.decisions += 1
            self.overruns += self.clock.now_ns() - slot_start_ns > self.clock.period_ns
        return frame, probabilities

    def update_control(self, frame: Frame) -> None:
        """Count and record takeovers, with the key edges of both drivers since the previous frame."""
        if self.intervention is None:
            return
        edges, changes = self.intervention.drain()
        for change in changes:
            self.takeovers += change.who == "human"
            self.job.note("You drive." if change.who == "human" else "The model drives again.")
        held = self.gate.held
        changed_ns = changes[0].time_ns if changes else self.clock.now_ns()
        edges += edges_between(self.policy_held, held, changed_ns, "agent")
        self.policy_held = held
        if self.intervention_recorder is not None:
            self.intervention_recorder.add_frame(frame, edges, changes)

    def live(self, slot: int, frame: Frame, probabilities: NDArray[np.float32]) -> Live:
        """The `Live` event of this frame."""
        pace = self.clock.pace()
        driver = self.intervention.driver if self.intervention is not None else None
        held = self.gate.held
        if self.intervention is not None and driver == "human":
            held = self.intervention.held
        return live_event(
            self.preview.thumbnail(frame.pixels),
            seconds=round(slot * self.clock.period_ns / NS, 2),
            pace=pace,
            fps_asked=self.clock.fps,
            status=self.episodes.status,
            keys=self.policy.keys,
            held=held,
            probabilities=_by_key(self.policy.keys, probabilities),
            thresholds=_by_key(self.policy.keys, self.policy.thresholds),
            deadline_misses=self.overruns + pace.missed,
            decisions=self.decisions,
            driver=driver,
            shown=self.gate.region,
            paused=self.gate.state in (GateState.PAUSED, GateState.UNFOCUSED),
        )

    def end_episode(self) -> None:
        """End an episode that exceeded the time limit: its score counts, the next one begins."""
        self.episodes.truncate()
        self.gate.restart()
        self.episodes.update(self.gate.status(), self.clock.now_ns())
        self.job.note(f"A game was ended after {self.settings.max_episode_seconds:g} s; its score counts.")

    def result(self, watchdog: Watchdog) -> Finished:
        """The job's last event."""
        pace = self.clock.pace()
        stages = dict(pace.stages_ms)
        misses = self.overruns + pace.missed
        if misses > MISS_WARNING_SHARE * pace.slots:
            self.job.note(
                f"{misses} of {pace.slots} decisions came late: use a smaller model or fewer fps.",
                level="warning",
            )
        scores = self.episodes.scores
        report = PlayResult(
            capped=self.episodes.truncated,
            dry_run=self.settings.dry_run,
            panic=watchdog.panicked,
            overruns=self.overruns,
            hangs=watchdog.hangs,
            takeovers=self.takeovers if self.intervention is not None else None,
            score=self.episodes.status.score if self.episodes.status is not None else None,
        )
        recordings = self.intervention_recorder.recordings if self.intervention_recorder is not None else []
        return Finished(
            job="play",
            recordings=[str(path) for path in recordings] or None,
            frames=pace.filled,
            seconds=round(pace.slots / self.clock.fps, 2),
            fps=pace.fps,
            missed=pace.missed,
            jitter_ms=pace.jitter_ms,
            latency_ms=stages.pop(TOTAL_STAGE, None),
            stages_ms=stages,
            deadline_misses=misses,
            decisions=self.decisions,
            scores=scores or None,
            score_mean=round(sum(scores) / len(scores), 3) if scores else None,
            report=report,
        )


def _by_key(keys: tuple[str, ...], values: NDArray[np.float32]) -> dict[str, float]:
    return {key: round(float(value), 3) for key, value in zip(keys, values, strict=True)}
