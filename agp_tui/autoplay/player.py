"""The job in which a model plays: at each slot of the clock, look, decide, hold.

Knows nothing of how a model is loaded, or of what kind of game it plays.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agp_tui.autoplay.live import LiveReport
from agp_tui.autoplay.oversight import Oversight
from agp_tui.autoplay.policy import Policy, check_keys, pressed
from agp_tui.autoplay.seat import Seat, State
from agp_tui.autoplay.tally import Tally
from agp_tui.config import PlaySettings, PreviewSettings
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.events import Finished
from agp_tui.engine.job import Job
from agp_tui.errors import SettingError
from agp_tui.games.base import Frame, Game
from agp_tui.games.preview import Preview
from agp_tui.keys.listening import KeyListener
from agp_tui.keys.names import key_name

TOTAL = "total"
"""The stage from before the grab to the keys being handed over."""

MANY_MISSES = 0.01
"""Share of missed deadlines from which on a person is told."""


def play(
    game: Game,
    policy: Policy,
    settings: PlaySettings,
    job: Job,
    clock: Clock,
    *,
    listener: KeyListener | None = None,
    preview: PreviewSettings | None = None,
) -> Finished:
    """Play until a bound of the settings is reached or somebody stops it. Every key is released at the end.

    Only the newest picture is looked at: late slots are skipped and counted. The model decides from
    the first frame on; before it has seen a whole window, black frames stand in, as in training.
    While paused it goes on looking but presses nothing. `listener` hears the panic key and stays the
    caller's to close, as does the game.

    A deadline is missed where a decision took longer than a slot (on the clock's own time: never on
    a simulated one) or where a slot was skipped. Percentiles are those of the clock: over its latest
    values. The result's `report` holds `capped` (games ended by `max_episode_seconds`; they count
    with the score they had), `score` of the game that was still running, `dry_run`, `panic` and
    `overruns`.

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
    seat = Seat(game, settings.dry_run)
    tally = Tally(game, game.status(), settings.max_episode_seconds)
    player = _Player(seat, policy, settings, job, clock, tally, Preview(preview))
    oversight = Oversight(seat, job, listener, key_name(settings.panic_key))
    try:
        with oversight:
            player.play()
    finally:
        seat.leave()
    if oversight.failure is not None:
        raise oversight.failure
    return player.finished(oversight.panicked)


def _check_settings(settings: PlaySettings, policy: Policy, game: Game) -> None:
    if settings.episodes is not None and game.status() is None:
        raise SettingError(
            f"Expected a game that tells when it ends, found {game.name}, which does not.",
            "Use --seconds instead of --episodes.",
        )
    if key_name(settings.panic_key) in policy.keys:
        raise SettingError(
            f"Expected a panic key that the model does not press, found {settings.panic_key}.",
            "Choose another one with --panic-key.",
        )


@dataclass
class _Player:
    """The loop and what it counts."""

    seat: Seat
    policy: Policy
    settings: PlaySettings
    job: Job
    clock: Clock
    tally: Tally
    preview: Preview
    decisions: int = 0
    overruns: int = 0
    """Decisions that took longer than a slot lasts."""

    def play(self) -> None:
        """Until a bound is reached or the job is to stop."""
        live = LiveReport(self.policy, self.clock, self.preview)
        for slot in self.clock.slots(self.settings.seconds):
            if self.job.stopping:
                return
            frame, probabilities = self.decide()
            too_long = self.tally.look(self.seat.status(), self.clock.now_ns())
            if live.due():
                self.job.emit(
                    live.event(
                        seconds=slot * self.clock.period_ns / NS,
                        pixels=frame.pixels,
                        held=self.seat.held,
                        probabilities=probabilities,
                        status=self.tally.latest,
                        decisions=self.decisions,
                        overruns=self.overruns,
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
            keys = pressed(self.policy, probabilities)
        if self.seat.state is State.PLAYING:
            with self.clock.stage("press"):
                self.seat.press(keys)
            self.clock.note(TOTAL, (time.perf_counter_ns() - began) / 1e6)
            self.decisions += 1
            self.overruns += self.clock.now_ns() - began_ns > self.clock.period_ns
        return frame, probabilities

    def end_game(self) -> None:
        """A game went on for too long: its score counts, the next one begins."""
        self.tally.cap()
        self.seat.restart()
        self.tally.look(self.seat.status(), self.clock.now_ns())
        self.job.note(f"A game was ended after {self.settings.max_episode_seconds:g} s; its score counts.")

    def finished(self, panicked: bool) -> Finished:
        """The result."""
        pace = self.clock.pace()
        stages = dict(pace.stages_ms)
        misses = self.overruns + pace.missed
        if misses > MANY_MISSES * pace.slots:
            self.job.note(
                f"{misses} of {pace.slots} decisions came late: a smaller model or fewer fps would fit.",
                level="warning",
            )
        scores = self.tally.scores
        report: dict[str, Any] = {
            "capped": self.tally.capped,
            "dry_run": self.settings.dry_run,
            "panic": panicked,
            "overruns": self.overruns,
        }
        if self.tally.latest is not None:
            report["score"] = self.tally.latest.score
        return Finished(
            job="play",
            frames=pace.filled,
            seconds=round(pace.slots / self.clock.fps, 2),
            fps=pace.fps,
            missed=pace.missed,
            jitter_ms=pace.jitter_ms,
            latency_ms=stages.pop(TOTAL, None),
            stages_ms=stages,
            deadline_misses=misses,
            decisions=self.decisions,
            scores=scores or None,
            score_mean=round(sum(scores) / len(scores), 3) if scores else None,
            report=report,
        )
