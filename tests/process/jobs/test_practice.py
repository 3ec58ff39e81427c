"""Tests of practice (DAgger): recordings, teacher, settings, best round."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.commands import agp
from support.fakes import EventLog
from support.recordings import key_edge, recording_meta, write_recording
from support.untrained_agents import untrained_agent, write_agent

from agp_tui.config import GameSettings, PracticeSettings, TrainSettings
from agp_tui.engine.clock import Clock, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import JobFailed
from agp_tui.games.atari import AtariGameFactory
from agp_tui.games.experts import expert_driver
from agp_tui.imitation import dagger
from agp_tui.imitation.checkpoint import Checkpoint, load_checkpoint
from agp_tui.imitation.dagger import DaggerConfig, DaggerRound, best_round, rounds_since_best, run_dagger
from agp_tui.imitation.dataset import Dataset, open_clips
from agp_tui.imitation.network import NetworkSpec, PolicyNetwork
from agp_tui.imitation.trainer import FitResult, Trainer
from agp_tui.jobs.practice import matching_recordings, practice_games, prepare_practice, run_practice
from agp_tui.models.manifest import read_manifest
from agp_tui.protocol.events import Note
from agp_tui.protocol.requests import as_request
from agp_tui.recording.store import Recording

KEYS = ("up", "left")
PONG = "ALE/Pong-v5"


def test_recordings_with_other_keys_or_rate_are_left_out(tmp_path: Path) -> None:
    def recorded(keys: tuple[str, ...], fps: int = 30) -> Path:
        return write_recording(
            tmp_path, 20, [key_edge(3, "up", True)], meta=recording_meta(keys=keys, fps=fps)
        )

    good, reversed_keys = recorded(KEYS), recorded(KEYS[::-1])
    extra_key, low_fps, broken = recorded((*KEYS, "space")), recorded(KEYS, fps=15), recorded(KEYS)
    (broken / "frames.mkv").write_bytes(b"")
    event_log = EventLog()
    matching = matching_recordings(
        [extra_key, good, low_fps, broken, reversed_keys], KEYS, 30, Job(event_log)
    )
    assert matching == [good, reversed_keys]
    notes = [event for event in event_log.events if isinstance(event, Note)]
    assert [note.level for note in notes] == ["info", "info", "warning"]
    for note, path in zip(notes, (extra_key, low_fps, broken), strict=True):
        assert str(path) in note.text
    clips = open_clips(matching, game="box", keys=KEYS, fps=30, frame_size=32, lead=1)
    assert [clip.labels[:, 0].sum() for clip in clips] == [17, 17]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a briefly trained model `pong`, and untrained agents for Pong and Breakout."""
    home = tmp_path_factory.mktemp("home")
    write_agent(home / "models/ponger.agent.pt", untrained_agent(PONG))
    write_agent(home / "models/breaker.agent.pt", untrained_agent("ALE/Breakout-v5"))
    record = ("record", "--game", PONG, "--by", "expert", "--fps", "15", "--seconds", "20", "--fast")
    assert agp(*record, "--frame-size", "64", home=home).code == 0
    flags = ("--frame-size", "32", "--segment", "3", "--epochs", "1", "--threads", "1")
    assert agp("train", "--game", PONG, "--name", "pong", *flags, home=home).code == 0
    return home


@pytest.mark.nightly
def test_practice_with_an_agent_as_teacher(home: Path) -> None:
    flags = ("--rounds", "1", "--games", "2", "--round-seconds", "8", "--minutes-per-round", "0.02")
    done = agp("practice", "pong", "--teacher", "ponger", *flags, home=home)
    assert done.code == 0, done.summary()
    (table,) = [one for one in done.events if one["type"] == "table" and one["title"] == "Practice"]
    assert [row[0] for row in table["rows"]] == [0, 1] and " to " in table["rows"][0][2]
    corrections = [Recording.open(Path(path)) for path in done.finished["recordings"]]
    assert len(corrections) == 4
    for one in corrections:
        assert (one.meta.source, one.meta.labels) == ("agent", "expert")
        assert {edge.who for edge in one.timeline.edges} >= {"expert"}


def played(number: int, *scores: float, averaged: int = 1) -> DaggerRound:
    return DaggerRound(number, scores, (), Path(), averaged)


@pytest.mark.parametrize(
    ("rounds", "best"),
    [
        ([played(0, -20), played(1, 3, 5), played(2, 1, 1)], 1),
        # A difference of 2.3 points, less than the spread between games.
        ([played(2, 0, 4), played(3, 10, 4, 4, 4), played(4, 3, 7, -5, 8, averaged=2)], 2),
        ([played(3, 10, 9, 10, 9), played(4, 3, 4, 3, 2, averaged=2)], 0),
        ([played(3, 1, 2), played(4, 3, 3, averaged=2)], 1),
        ([played(3, 10), played(4, 3, averaged=2)], 1),
    ],
)
def test_best_round_prefers_averaged_weights(rounds: list[DaggerRound], best: int) -> None:
    assert best_round(rounds) is rounds[best]


class _RecordingTrainer(Trainer):
    """Records the requested training times instead of training."""

    requests: list[tuple[int, float]]

    def fit(self, dataset: Dataset, job: Job, **how: Any) -> FitResult:
        self.requests.append((sum(len(r) for r in dataset.train), how["minutes"]))
        with torch.no_grad():
            self.network.head.bias += 1.0
        return FitResult("minutes", self.state, 0.0, None)


@pytest.mark.parametrize("scaled", [pytest.param(False, marks=pytest.mark.nightly), True])
def test_training_time_scales_with_the_data(tmp_path: Path, scaled: bool) -> None:
    """With averaging, the mean of the later half of the networks is evaluated last."""
    keys = ("up", "down")
    spec = NetworkSpec("small", 32, 3, len(keys))
    trainer = _RecordingTrainer(PolicyNetwork(spec), TrainSettings(segment=3), keys, threads=1)
    trainer.requests = []
    model = Checkpoint(spec=spec, game=PONG, keys=keys, fps=15, lead=1, thresholds=(0.5, 0.5),
                       weights=trainer.network.state_dict())  # fmt: skip
    config = DaggerConfig(
        make_game=AtariGameFactory(PONG, GameSettings(keys=keys, fps=15)), make_teacher=expert_driver,
        recordings=tmp_path / "recordings", rounds=3, games=1, game_seconds=6.0, minutes=0.5,
        scale_minutes=scaled, average_weights=scaled, threshold=0.3 if scaled else None, seed=1,
    )  # fmt: skip
    rounds = run_dagger(trainer, model, Dataset((), (), (), segment=3), config, tmp_path, Job())
    biases = [load_checkpoint(one.checkpoint).weights["head.bias"].tolist() for one in rounds]
    mean = [(2.5, 2.5)] if scaled else []
    assert biases == pytest.approx(np.array([(0, 0), (1, 1), (2, 2), (3, 3), *mean]))
    thresholds = [load_checkpoint(one.checkpoint).thresholds[0] for one in rounds]
    assert thresholds == ([0.5, *[0.3] * 4] if scaled else [0.5] * 4)
    assert [one.averaged for one in rounds[4:]] == [2] * len(mean)
    amounts, minutes = zip(*trainer.requests, strict=True)
    assert amounts[0] < amounts[1] < amounts[2]
    if scaled:
        assert minutes == pytest.approx([0.5 * amount / amounts[0] for amount in amounts])
    else:
        assert minutes == (0.5, 0.5, 0.5)


def test_practice_settings_reach_run_dagger(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captures the arguments of `run_dagger` instead of running it."""
    calls: list[tuple[Trainer, DaggerConfig]] = []

    def no_rounds(
        trainer: Trainer, _model: object, _dataset: object, config: DaggerConfig, *_more: object
    ) -> list[DaggerRound]:
        calls.append((trainer, config))
        return []

    monkeypatch.setattr(dagger, "run_dagger", no_rounds)
    settings = PracticeSettings(sticky=0.5, minutes_per_round=0.3)
    request = prepare_practice("pong", None, settings, home / "recordings", home / "models", home / "runs")
    with pytest.raises(JobFailed, match="before the first round"):
        run_practice(as_request(request), Job(), Run.create(home / "runs", "practice", as_request(request)))
    ((trainer, config),) = calls
    cloned = load_checkpoint(request.checkpoint).settings["learning_rate"]
    assert trainer.settings.learning_rate == cloned / 2
    assert trainer.settings.balance_cap == trainer.settings.change_weight == 1.0
    assert config.scale_minutes and config.minutes == 0.3
    assert config.average_weights and config.threshold == 0.5
    assert isinstance(config.make_game, AtariGameFactory) and config.make_game.settings.sticky == 0.5


def test_sticky_setting_applies_to_practice_games() -> None:
    """With sticky = 1 the first action (no operation) repeats, so the paddle does not move."""

    def heights(sticky: float) -> int:
        clock = Clock(15, SimulatedTime())
        game = practice_games(PONG, ("up", "down"), 15, PracticeSettings(sticky=sticky))(1, clock.source)
        seen = set()
        for _ in clock.slots(8.0):
            pixels = game.grab().pixels.astype(np.int16)
            # On the right side only the paddle is green; the ball is white, the ground brown.
            green = pixels[34:194, 139:146, 1] - pixels[34:194, 139:146, 0] > 60
            if green.any():
                seen.add(int(green.any(axis=1).nonzero()[0].min()))
            game.hold(frozenset({"down"}))
        game.close()
        return len(seen)

    assert heights(1.0) == 1 < heights(0.0)


def test_unsuitable_or_unknown_teacher_is_rejected(home: Path) -> None:
    rejected = agp("practice", "pong", "--teacher", "breaker", home=home)
    assert (
        rejected.code == 2
        and "a teacher of ALE/Pong-v5, found an agent of ALE/Breakout-v5"
        in rejected.only_event("failed")["error"]
    )
    unknown = agp("practice", "pong", "--teacher", "nobody", home=home)
    assert unknown.code == 2 and "nobody" in unknown.only_event("failed")["error"]


@pytest.mark.parametrize(
    ("means", "since"), [([-3.0], 0), ([-3.0, -2.0], 0), ([-1.0, -2.0, -1.0], 2), ([-3.0, -1.0, -2.0], 1)]
)
def test_rounds_since_best(means: list[float], since: int) -> None:
    rounds = [DaggerRound(number, (mean,), (), Path()) for number, mean in enumerate(means)]
    assert rounds_since_best(rounds) == since


@pytest.mark.nightly
def test_key_filter_search_command_updates_the_manifest(home: Path) -> None:
    before = read_manifest(home / "models/pong")
    done = agp("models", "steady", "pong", "--games", "2", home=home)
    assert done.code == 0, done.summary()
    tables = {one["title"]: one["rows"] for one in done.events if one["type"] == "table"}
    assert tables["On the held-out frames"][0][0] == "plain"
    assert len([row for row in tables["By play"] if row[0] == "to choose"]) == 4
    after = read_manifest(home / "models/pong")
    report = done.finished["report"]
    assert report["by"] == "play"
    # Whatever two games of a weak model yield, report and manifest must agree.
    assert (after.key_filter is not None) == report["helps"] == (report["gain_low"] > 0)
    assert after.key_filter_search is not None and after.key_filter_search["tried"] == report["tried"]
    assert (after.keys, after.sha256) == (before.keys, before.sha256)
    assert agp("models", "steady", "pong", "--games", "0", home=home).code == 2
