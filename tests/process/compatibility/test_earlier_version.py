"""Tests of compatibility with version 0.1.0: settings, recordings, models, runs and JSON fields.

`data/make_earlier.py` created the files with that version. The tests use commands only, no internals.
"""

import importlib
import json
import pkgutil
import shutil
import signal
import tarfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from support.commands import Event, Result, agp, running_command
from textual.binding import Binding
from textual.dom import DOMNode

EARLIER = Path(__file__).parents[2] / "data/version_0.1.0"
ORIGINAL_HOME = "/home/player"
"""Placeholder in the files for the folder in which they were created."""
JSON_FIELDS: dict[str, dict[str, Any]] = json.loads((EARLIER / "fields.json").read_text())
"""Commands by name: their arguments, and the fields of each type of event in their JSON output."""
PONG = "ALE/Pong-v5"


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked files; read-only."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER / "home.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def home(tmp_path: Path, unpacked: Path) -> Path:
    """A writable copy of the files, with its own path in place of `ORIGINAL_HOME`."""
    home = Path(shutil.copytree(unpacked, tmp_path / "home"))
    for path in home.rglob("*"):
        if path.suffix in (".json", ".jsonl"):
            path.write_text(path.read_text().replace(ORIGINAL_HOME, str(home)))
        elif path.suffix == ".pt":
            torch.save(_with_home(torch.load(path, weights_only=True), str(home)), path)
    return home


def _with_home(value: Any, home: str) -> Any:
    if isinstance(value, str):
        return value.replace(ORIGINAL_HOME, home)
    if isinstance(value, dict):
        return type(value)((key, _with_home(item, home)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_with_home(item, home) for item in value)
    return value


def fields(value: Any, prefix: str = "") -> Iterator[str]:
    """The paths of all fields, such as `report.games[].id`."""
    if isinstance(value, dict):
        for key, item in value.items():
            name = f"{prefix}.{key}".lstrip(".")
            yield name
            yield from fields(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, f"{prefix}[]")


def done(*words: str, home: Path) -> Event:
    """The last event of a successful command."""
    result = agp(*words, home=home)
    assert result.code == 0, result.summary()
    return result.finished


def stopped(*words: str, home: Path, after: Callable[[Event], bool]) -> Result:
    """Run a command and interrupt it after the first event for which `after` is true."""
    with running_command(*words, home=home) as command:
        command.wait_for(after)
        command.send(signal.SIGINT)
        result = command.result()
    assert result.code == 130, result.summary()
    assert result.finished["stopped"] is True
    return result


def has_metrics(event: Event) -> bool:
    """Whether the event is a progress event with training metrics."""
    return event["type"] == "progress" and "metrics" in event


def run_with(home: Path, **settings: object) -> str:
    """The id of the run with these settings."""
    found = []
    for path in home.glob("runs/*/run.json"):
        run_settings = json.loads(path.read_text())["request"]["settings"]
        if settings.items() <= run_settings.items():
            found.append(path.parent.name)
    (run,) = found
    return run


def last_progress(home: Path, run: str) -> Event:
    """The last progress event with metrics of a run."""
    lines = (home / "runs" / run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if has_metrics(event)][-1]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.nightly if name == "train" else ()) for name in JSON_FIELDS]
)
def test_json_output_still_has_every_field_of_the_earlier_version(name: str, home: Path) -> None:
    """New fields are allowed; none may be missing."""
    result = agp(*JSON_FIELDS[name]["words"], home=home)
    assert result.code == 0, result.summary()
    current: dict[str, set[str]] = {}
    for event in result.events:
        current.setdefault(event["type"], set()).update(fields(event))
    missing = {
        kind: sorted(gone)
        for kind, names in JSON_FIELDS[name]["fields"].items()
        # The test helper removes pictures from live events.
        if (gone := set(names) - current.get(kind, set()) - {"thumbnail"})
    }
    assert not missing


def test_settings_files_of_the_earlier_version_are_read(home: Path) -> None:
    for file in (home / "config.toml", EARLIER / "every_setting.toml"):
        assert agp("config", "check", "--config", str(file), home=home).code == 0
        (table,) = (
            event
            for event in agp("config", "show", "--config", str(file), home=home).events
            if event["type"] == "table"
        )
        sources = {(section, key): source for section, key, _, source in table["rows"]}
        tables = tomllib.loads(file.read_text())
        tables |= {f"games.{name}": profile for name, profile in tables.pop("games").items()}
        for section, settings in tables.items():
            for key in settings:
                assert sources[f"[{section}]", key].endswith(f"{file} [{section}]")


def test_every_keymap_id_of_the_earlier_version_exists() -> None:
    """Each id that `[ui] keymap` could contain still belongs to a key binding of the app."""
    import agp_tui.ui

    for module in pkgutil.walk_packages(agp_tui.ui.__path__, "agp_tui.ui."):
        importlib.import_module(module.name)
    found, kinds = set(), [DOMNode]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found |= {key.id for key in kind.__dict__.get("BINDINGS", ()) if isinstance(key, Binding)}
    assert set((EARLIER / "key_ids.txt").read_text().split()) <= found


def test_recordings_are_listed_checked_replayed_and_exported(home: Path) -> None:
    entries = done("recordings", "list", home=home)["report"]["recordings"]
    states = sorted((one["game"], one["source"], one["labels"], one["state"]) for one in entries)
    assert states == [
        ("ALE/Breakout-v5", "expert", "expert", "broken off"),
        (PONG, "agent", "expert", "complete"),
        (PONG, "agent", "expert", "complete"),
        (PONG, "expert", "expert", "complete"),
    ]
    for one in entries:
        path = one["path"]
        facts = done("recordings", "info", path, home=home)["report"]["facts"]
        assert int(facts["frames"]) == one["frames"] > 20
        complete = one["state"] == "complete"
        checked = agp("recordings", "check", path, home=home)
        if one["source"] == "expert":
            # In the other, short recordings not every key was pressed.
            assert checked.code == (0 if complete else 1), checked.summary()
        if complete:
            target = Path(path).name + ".npz"
            done("recordings", "export", path, "--to", "npz", "--target", target, home=home)
            assert (home / target).is_file()
    corrected = next(one for one in entries if one["source"] == "agent")
    with running_command("recordings", "replay", corrected["path"], "--speed", "8", home=home) as replay:
        replay.wait_for_live(frames=corrected["frames"])


def test_interrupted_recording_is_repaired(home: Path) -> None:
    (broken,) = (home / "recordings/ALE-Breakout-v5").iterdir()
    repaired = done("recordings", "repair", str(broken), home=home)["recording"]
    assert agp("recordings", "check", repaired, home=home).code == 0
    (one,) = (
        one
        for one in done("recordings", "list", home=home)["report"]["recordings"]
        if one["game"] == "ALE/Breakout-v5"
    )
    assert one["state"] == "recovered"


def test_pickle_of_the_original_script_is_imported(home: Path) -> None:
    imported = done("recordings", "import", "original.pkl", "--game", "rally", home=home)["recording"]
    facts = done("recordings", "info", imported, home=home)["report"]
    assert int(facts["facts"]["frames"]) == 12
    assert facts["presses"] == {"up": 3, "left": 2, "right": 1, "down": 1}


def test_models_of_the_earlier_version_play(home: Path) -> None:
    facts = done("models", "info", "steadied", home=home)["report"]["facts"]
    assert facts["steadiness"] == {"hysteresis": 0.1, "min_hold": 2, "smoothing": 0.0}
    for model in ("pong", "steadied"):
        played = done("play", model, "--fast", home=home)
        assert played["decisions"] == 30 and not played["report"]["dry_run"]
    assert done("play", "pong", "--dry-run", "--fast", home=home)["report"]["dry_run"]
    assert done("record", "--game", PONG, "--by", "steadied", home=home)["frames"] == 60


@pytest.mark.nightly
def test_checkpoint_of_the_earlier_version_is_exported(home: Path) -> None:
    run = run_with(home, name="pong", epochs=1)
    done("export", run, "--name", "again", home=home)
    assert done("play", "again", "--fast", "--dry-run", home=home)["decisions"] == 30


def test_stopped_training_resumes(home: Path) -> None:
    run = run_with(home, name="stopped")
    before = last_progress(home, run)
    words = ("train", "--game", PONG, "--resume", run)
    result = stopped(*words, home=home, after=has_metrics)
    first = next(filter(has_metrics, result.events))
    assert first["done"] > before["done"]
    assert first["metrics"]["epoch"] == before["metrics"]["epoch"] > 0


@pytest.mark.parametrize("more", [pytest.param((), marks=pytest.mark.nightly), ("--corrections",)])
def test_training_starts_from_a_model(more: tuple[str, ...], home: Path) -> None:
    """With corrections it also uses the recordings of the model's training."""
    words = ("train", "--from-model", "pong", "--name", "next", "--epochs", "100000", "--patience", "100000")
    stopped(*words, *more, home=home, after=has_metrics)


@pytest.mark.parametrize("algorithm", ["ppo", pytest.param("monte_carlo", marks=pytest.mark.nightly)])
def test_agent_training_resumes(algorithm: str, home: Path) -> None:
    run = run_with(home, algorithm=algorithm)
    before = last_progress(home, run)["metrics"]["steps"]
    words = ("atari", "train", "--resume", run)
    stopped(
        *words,
        home=home,
        after=lambda event: has_metrics(event) and event["metrics"]["steps"] > before,
    )


@pytest.mark.nightly
def test_saved_agent_plays_and_is_trained_further(home: Path) -> None:
    assert done("record", "--game", PONG, "--by", "ponger", "--keys", "up,down", home=home)["frames"] == 60
    words = ("atari", "train", "--from-model", "ponger", "--environments", "2", "--steps", "1000000")
    stopped(*words, home=home, after=has_metrics)


def test_runs_are_listed_and_followed(home: Path) -> None:
    entries = done("runs", "list", home=home)["report"]["runs"]
    assert [one["state"] for one in entries] == ["finished"] * 5
    for one in entries:
        followed = agp("runs", "follow", one["id"], home=home)
        assert followed.finished["job"] == one["job"]
        assert any(event["type"] == "progress" for event in followed.events)
    run = run_with(home, algorithm="ppo")
    done("runs", "delete", run, "--yes", home=home)
    assert not (home / "runs" / run).exists()
