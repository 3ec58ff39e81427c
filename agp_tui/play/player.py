"""The job in which a model plays: at each slot of the clock, look, decide, hold.

Knows nothing of how a model is loaded, or of what kind of game it plays.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.config import PlaySettings, PreviewSettings
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import Frame, Game
from agp_tui.games.live_preview import Preview
from agp_tui.key_names import key_name
from agp_tui.keys.listening import KeyListener
from agp_tui.keys.state import NO_KEYS, Keys, edges_between
from agp_tui.models.key_filter import KeyFilter
from agp_tui.models.policy import Policy, check_keys
from agp_tui.play.episode_tracker import EpisodeTracker
from agp_tui.play.intervention import Intervention, InterventionRecorder
from agp_tui.play.key_gate import GateState, KeyGate
from agp_tui.play.telemetry import PlayTelemetry
from agp_tui.play.watchdog import FocusMonitor, Watchdog
from agp_tui.protocol.events import Finished

TOTAL_STAGE = "total"
"""The stage from before the grab to the keys being handed over."""

MISS_WARNING_SHARE = 0.01
"""Share of missed deadlines from which on a person is told."""


def play(
    game: Game,
    policy: Policy,
    settings: PlaySettings,
    job: Job,
    clock: Clock,
    *,
    listener: KeyListener | None = None,
    forwards: bool = False,
    focus: FocusMonitor | None = None,
    hang_seconds: float | None = None,
    corrections: InterventionRecorder | None = None,
    preview: PreviewSettings | None = None,
) -> Finished:
    """Play until a bound of the settings is reached or somebody stops it. Every key is released at the end.

    Only the newest picture is looked at: late slots are skipped and counted. The model decides from
    the first frame on; before it has seen a whole window, black frames stand in, as in training.
    While paused it goes on looking but presses nothing. `listener` hears the panic key, and with
    `settings.takeover` the game's keys under a person's hand, who then drives; it stays the caller's
    to close, as does the game. With `forwards` the game does not hear that person itself: we hold their
    keys in it. While `focus` says that keys do not reach the game, nothing is pressed; it stays the caller's
    to close. Where no decision comes for `hang_seconds`, no key stays down. `corrections` keeps what a
    person shows, and is closed.

    A deadline is missed where a decision took longer than a slot (on the clock's own time: never on
    a simulated one) or where a slot was skipped. Percentiles are those of the clock: over its latest
    values. The result's `report` holds `hangs`, `capped` (games ended by `max_episode_seconds`; they count
    with the score they had), `score` of the game that was still running, `dry_run`, `panic`, `overruns`,
    and `takeovers`; its `recordings` are those of the takeovers.

    Raises `ModelError` where the model's keys are not the game's, or it gives no numbers;
    `SettingError` for a bound that the game cannot keep, and what the game raises.
    """
    check_keys(policy.keys, game.keys)
    _check_settings(settings, policy, game)
    if clock.fps != policy.fps:
        job.note(
            f"The model was made for {policy.fps:g} decisions a second, it plays at {clock.fps:g}.",
            level="warning",
        )
    policy.reset()
    seat = KeyGate(game, settings.dry_run, forwards)
    tally = EpisodeTracker(game, game.status(), settings.max_episode_seconds)
    takeover = _make_intervention(seat, game, settings) if listener is not None else None
    player = _PlayLoop(seat, policy, settings, job, clock, tally, Preview(preview), takeover, corrections)
    oversight = Watchdog(
        seat,
        job,
        listener,
        key_name(settings.panic_key),
        takeover,
        focus=focus,
        stay_away=settings.when_unfocused == "release",
        hang_seconds=hang_seconds,
    )
    try:
        with oversight:
            player.play()
    finally:
        seat.leave()
        if corrections is not None:
            corrections.close()
    if oversight.failure is not None:
        raise oversight.failure
    return player.finished(oversight)


def _make_intervention(seat: KeyGate, game: Game, settings: PlaySettings) -> Intervention | None:
    if settings.dry_run or not settings.takeover:
        return None
    return Intervention(seat, game.keys, settings.takeover_idle, settings.hand_back_key)


def _check_settings(settings: PlaySettings, policy: Policy, game: Game) -> None:
    if settings.episodes is not None and game.status() is None:
        raise SettingError(
            f"Expected a game that tells when it ends, found {game.name}, which does not.",
            "Use --seconds instead of --episodes.",
        )
    for what, flag, key in (
        ("panic key", "--panic-key", settings.panic_key),
        ("key that hands control back", "--hand-back-key", settings.hand_back_key),
    ):
        if key is not None and key in game.keys:
            raise SettingError(
                f"Expected a {what} that the game is not played with, found {key}.",
                f"Choose another one with {flag}.",
            )


@dataclass
class _PlayLoop:
    """The loop and what it counts."""

    seat: KeyGate
    policy: Policy
    settings: PlaySettings
    job: Job
    clock: Clock
    tally: EpisodeTracker
    preview: Preview
    takeover: Intervention | None
    corrections: InterventionRecorder | None
    decisions: int = 0
    overruns: int = 0
    """Decisions that took longer than a slot lasts."""
    takeovers: int = 0
    hands: KeyFilter = field(init=False)
    held: Keys = NO_KEYS
    """What the model held at the last frame."""

    def __post_init__(self) -> None:
        self.hands = KeyFilter(self.policy)

    def play(self) -> None:
        """Until a bound is reached or the job is to stop."""
        live = PlayTelemetry(self.policy, self.clock, self.preview)
        for slot in self.clock.slots(self.settings.seconds):
            if self.job.stopping:
                return
            frame, probabilities = self.decide()
            self.look_who_drives(frame)
            too_long = self.tally.look(self.seat.status(), self.clock.now_ns())
            if live.due():
                self.job.emit(
                    live.event(
                        seconds=slot * self.clock.period_ns / NS,
                        pixels=frame.pixels,
                        held=self.held_by_driver(),
                        probabilities=probabilities,
                        status=self.tally.latest,
                        decisions=self.decisions,
                        overruns=self.overruns,
                        driver=self.takeover.driver if self.takeover is not None else None,
                        paused=self.seat.state in (GateState.PAUSED, GateState.AWAY),
                    )
                )
            if too_long:
                self.end_game()
            if self.settings.episodes is not None and len(self.tally.scores) >= self.settings.episodes:
                return

    def decide(self) -> tuple[Frame, NDArray[np.float32]]:
        """One slot: look, decide, hold. The probabilities are there while paused as well."""
        began_ns, began = self.clock.now_ns(), time.perf_counter_ns()
        with self.clock.stage("grab"):
            frame = self.seat.grab()
        with self.clock.stage("encode"):
            self.policy.see(frame.pixels)
        with self.clock.stage("decide"):
            probabilities = self.policy.probabilities()
            keys = self.hands.hold(probabilities)
        if self.seat.state is GateState.PLAYING:
            with self.clock.stage("press"):
                self.seat.press(keys)
            self.clock.note(TOTAL_STAGE, (time.perf_counter_ns() - began) / 1e6)
            self.decisions += 1
            self.overruns += self.clock.now_ns() - began_ns > self.clock.period_ns
        return frame, probabilities

    def held_by_driver(self) -> Keys:
        """The keys of whoever plays now."""
        if self.takeover is not None and self.takeover.driver == "human":
            return self.takeover.held
        return self.seat.held

    def look_who_drives(self, frame: Frame) -> None:
        """What happened to the keys, and to whom they belong, since the last frame."""
        if self.takeover is None:
            return
        edges, turns = self.takeover.take()
        for turn in turns:
            self.takeovers += turn.who == "human"
            self.job.note("You drive." if turn.who == "human" else "The model drives again.")
        held = self.seat.held
        changed_ns = turns[0].time_ns if turns else self.clock.now_ns()
        edges += edges_between(self.held, held, changed_ns, "agent")
        self.held = held
        if self.corrections is not None:
            self.corrections.see(frame, edges, turns)

    def end_game(self) -> None:
        """A game went on for too long: its score counts, the next one begins."""
        self.tally.cap()
        self.seat.restart()
        self.tally.look(self.seat.status(), self.clock.now_ns())
        self.job.note(f"A game was ended after {self.settings.max_episode_seconds:g} s; its score counts.")

    def finished(self, oversight: Watchdog) -> Finished:
        """The result."""
        pace = self.clock.pace()
        stages = dict(pace.stages_ms)
        misses = self.overruns + pace.missed
        if misses > MISS_WARNING_SHARE * pace.slots:
            self.job.note(
                f"{misses} of {pace.slots} decisions came late: a smaller model or fewer fps would fit.",
                level="warning",
            )
        scores = self.tally.scores
        report: dict[str, Any] = {
            "capped": self.tally.capped,
            "dry_run": self.settings.dry_run,
            "panic": oversight.panicked,
            "overruns": self.overruns,
            "hangs": oversight.hangs,
        }
        if self.takeover is not None:
            report["takeovers"] = self.takeovers
        if self.tally.latest is not None:
            report["score"] = self.tally.latest.score
        kept = [str(path) for path in self.corrections.kept] if self.corrections is not None else []
        return Finished(
            job="play",
            recordings=kept or None,
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
