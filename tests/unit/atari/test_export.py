"""Tests of agents as demonstrators of recordings, and of agents exported as models."""

import importlib.util
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.fakes import EventLog
from support.untrained_agents import untrained_agent, write_agent

from agp_tui.atari import export
from agp_tui.atari.agent import Agent
from agp_tui.atari.checkpoint import AgentCheckpoint, load_agent
from agp_tui.atari.driver import AgentDriver
from agp_tui.atari.export import compare_with_network, export_agent
from agp_tui.atari.vector_env import ObservationSpec
from agp_tui.config import ExportSettings, GameSettings, PlaySettings, RecordSettings
from agp_tui.engine.clock import NS, SimulatedTime
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed, MissingPart, ModelError
from agp_tui.games.atari import AtariGame
from agp_tui.imitation.dataset import open_clips
from agp_tui.jobs.export import run_export
from agp_tui.jobs.play import PlayRequest, run_play
from agp_tui.jobs.record import RecordRequest, run_record
from agp_tui.models import conversion
from agp_tui.models.key_filter import KeyFilter
from agp_tui.models.loading import load_policy
from agp_tui.models.manifest import read_manifest, sha256_of
from agp_tui.protocol.events import Finished, Note
from agp_tui.recording.store import Recording

PONG = "ALE/Pong-v5"
KEYS = ("up", "down", "space")

needs_converter = pytest.mark.skipif(
    importlib.util.find_spec("litert_torch") is None, reason="needs litert-torch"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved agent `ponger`."""
    home = tmp_path_factory.mktemp("home")
    write_agent(home / "models/ponger.agent.pt", untrained_agent(PONG))
    return home


@pytest.fixture
def agent(home: Path) -> AgentCheckpoint:
    return load_agent(home / "models/ponger.agent.pt")


def record_agent(home: Path, by: str, **place: Any) -> Finished:
    settings = RecordSettings(by=by, seconds=12.0, fast=True)
    request = RecordRequest(
        game=PONG, place=GameSettings(**place), settings=settings,
        recordings=home / "recordings", models=home / "models", runs=home / "runs",
    )  # fmt: skip
    return run_record(request, Job())


def test_recording_has_the_keys_of_the_agent(home: Path, agent: AgentCheckpoint) -> None:
    done = record_agent(home, "ponger", fps=60, keys=KEYS, seed=5)
    recording = Recording.open(Path(done.recording or ""))
    assert (recording.meta.source, recording.meta.labels, recording.meta.keys) == ("agent", "agent", KEYS)
    source, held = SimulatedTime(), []
    with closing(AtariGame(PONG, GameSettings(keys=KEYS, fps=60, seed=5), source)) as game:
        driver = AgentDriver(Agent(agent.network()), agent.obs_spec, agent.actions, game)
        for number, pixels in enumerate(recording.frames()):
            source.sleep_until(round(number * NS / 60))
            frame = game.grab()
            assert np.array_equal(frame.pixels, pixels)
            held.append(driver.decide(frame))
            game.hold(held[-1])
    expected = np.array([[key in one for key in KEYS] for one in held])
    # A decision at a frame is held from the next frame on.
    assert np.array_equal(recording.key_states()[1:], expected[:-1])
    assert len({*map(tuple, expected.tolist())}) > 2
    changes = np.flatnonzero((expected[1:] != expected[:-1]).any(1)) + 1
    assert len(changes) > 20 and not (changes % agent.skip).any()


def test_agent_recording_can_be_trained_on(home: Path) -> None:
    """Its keys are labels like an expert's, not corrections, so they can be used for validation."""
    done = record_agent(home, str(home / "models/ponger.agent.pt"))
    path = Path(done.recording or "")
    (clip,) = open_clips([path], game=PONG, keys=("up", "down"), fps=30, frame_size=32, lead=1)
    assert not clip.is_correction and 0.02 < clip.labels.mean() < 0.98


def test_unknown_or_unsuitable_agent_is_refused(home: Path) -> None:
    with pytest.raises(ModelError, match="neither a model nor an agent") as error:
        record_agent(home, "pongr")
    assert "ponger" in error.value.hint
    with pytest.raises(ModelError, match=r"Expected an agent of ALE/Breakout-v5, found one of ALE/Pong-v5"):
        run_record(
            RecordRequest(
                game="ALE/Breakout-v5", place=GameSettings(),
                settings=RecordSettings(by="ponger", seconds=1.0, fast=True),
                recordings=home / "none", models=home / "models", runs=home / "runs",
            ),
            Job(),
        )  # fmt: skip
    assert not (home / "none").exists()


@pytest.fixture(scope="module")
def exported(home: Path) -> Path:
    """The agent as a model, exported like `agp export ponger`."""
    done = run_export("ponger", ExportSettings(), home / "models", home / "runs", Job())
    return Path(done.model or "")


@needs_converter
@pytest.mark.nightly
def test_manifest_of_an_exported_agent(exported: Path, home: Path) -> None:
    manifest = read_manifest(exported)
    assert exported == home / "models/ponger" and manifest.name == "ponger"
    assert (manifest.game, manifest.keys, manifest.thresholds) == (PONG, KEYS, (0.5, 0.5, 0.5))
    assert (manifest.fps, manifest.frame_size, manifest.segment, manifest.embedding) == (15, 84, 4, 84 * 84)
    assert manifest.sha256 == sha256_of((exported / "model.tflite").read_bytes())
    assert manifest.parity == 0.0 and manifest.network == "agent ppo" and manifest.versions["torch"]
    assert not [path for path in (home / "models").iterdir() if path.name.startswith(".")]


@needs_converter
@pytest.mark.nightly
def test_exported_agent_presses_the_keys_of_its_best_action(exported: Path, agent: AgentCheckpoint) -> None:
    """On real frames, including the black padding before the first, against torch and cv2 greyscale."""
    import cv2

    from agp_tui.games.atari import keys_for_action

    policy = load_policy(exported, PlaySettings())
    key_filter = KeyFilter(policy)
    network, source = agent.network(), SimulatedTime()
    stack = np.zeros((4, 84, 84), np.float32)
    same, different = 0, set()
    with closing(AtariGame(PONG, GameSettings(keys=KEYS, fps=15, seed=9), source)) as game:
        for number in range(200):
            source.sleep_until(round(number * NS / 15))
            pixels = game.grab().pixels
            found = key_filter.update(policy.decide(pixels))
            small = cv2.resize(pixels, (84, 84), interpolation=cv2.INTER_AREA)
            stack = np.concatenate([stack[1:], cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)[None]])
            with torch.inference_mode():
                scores = network(torch.from_numpy(stack[None]))[0][0]
            two = torch.topk(scores, 2).values
            expected = keys_for_action(agent.actions[int(scores.argmax())], "pong")
            # cv2 rounds grey values, which may decide between nearly equal actions.
            assert found == expected or float(two[0] - two[1]) < 0.2, number
            same += found == expected
            different.add(found)
            game.hold(found)
    assert same > 180 and len(different) > 2


@needs_converter
@pytest.mark.nightly
def test_exported_agent_plays_in_real_time(exported: Path, home: Path) -> None:
    request = PlayRequest(
        recordings=home / "recordings",
        model="ponger", game=PONG, place=GameSettings(), models=home / "models",
        settings=PlaySettings(fast=True, seconds=60.0),
    )  # fmt: skip
    done = run_play(request, Job())
    assert done.model == str(exported) and done.decisions == 900 and done.fps == 15
    assert done.scores or done.report.score < 0


@needs_converter
@pytest.mark.nightly
def test_quantization_cost_is_reported(exported: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quantizes the exported model again, which saves the conversion of ten seconds."""

    def convert(*_words: str, out: Path, quantize: str, **_others: object) -> None:
        out.write_bytes(conversion.quantized(exported / "model.tflite", quantize))  # type: ignore[arg-type]

    monkeypatch.setattr(export, "run_converter", convert)
    event_log = EventLog()
    settings = ExportSettings(quantize="fp16", name="small")
    done = run_export("ponger", settings, home / "models", home / "runs", Job(event_log))
    assert (done.bytes or 0) < 0.6 * (exported / "model.tflite").stat().st_size
    (note,) = [event for event in event_log.events if isinstance(event, Note)]
    found = compare_with_network(
        load_agent(home / "models/ponger.agent.pt"), (Path(done.model or "") / "model.tflite").read_bytes()
    )
    assert note.text.startswith(f"fp16: other keys in {found.different} of {found.decisions} decisions")
    assert found.decisions > 250 and found.different < 0.1 * found.decisions
    assert read_manifest(Path(done.model or "")).quantize == "fp16"


@needs_converter
def test_export_with_different_decisions_fails(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter returns the model of another agent."""
    old = (exported / "model.tflite").read_bytes()

    def convert(*_words: str, out: Path, **_others: object) -> None:
        out.write_bytes(old)

    monkeypatch.setattr(export, "run_converter", convert)
    other = write_agent(tmp_path / "other.pt", untrained_agent(PONG, seed=1))
    with pytest.raises(JobFailed, match=r"Expected the network's keys in \d+ decisions"):
        export_agent(other, ExportSettings(), tmp_path / "models", Job(), "other")
    assert list((tmp_path / "models").iterdir()) == []


def test_unsupported_agents_are_refused_before_writing(tmp_path: Path) -> None:
    wide = write_agent(
        tmp_path / "wide.pt", untrained_agent(PONG, obs_spec=ObservationSpec(height=105, width=80))
    )
    odd = write_agent(tmp_path / "odd.pt", untrained_agent(PONG, obs_spec=ObservationSpec(skip=7)))
    for path, words in ((wide, "square observations, found 80x105"), (odd, "skip_frames 7")):
        with pytest.raises(ModelError, match=words) as error:
            run_export(str(path), ExportSettings(), tmp_path / "models", tmp_path, Job())
        assert "agp atari watch" in error.value.hint
    with pytest.raises(ModelError, match="neither"):
        run_export("nobody", ExportSettings(), tmp_path / "models", tmp_path, Job())
    assert not (tmp_path / "models").exists()


def test_missing_converter_is_reported(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingPart, match="litert-torch"):
        run_export(str(home / "models/ponger.agent.pt"), ExportSettings(), tmp_path, tmp_path, Job())
    assert list(tmp_path.iterdir()) == []
