"""What version 0.1.0 wrote goes on working: its settings, recordings, models and runs, and what it told.

`data/make_earlier.py` made the files with that version. Only commands are used here, as a person or a program
uses them: nothing of how they are built.
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
THEIR_HOME = "/home/player"
"""Stands in the files for the folder that they were made in."""
TOLD: dict[str, dict[str, Any]] = json.loads((EARLIER / "fields.json").read_text())
"""Commands by name: their words, and the fields of each type of event that they told."""
PONG = "ALE/Pong-v5"


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as they are kept; not to be written to."""
    folder = tmp_path_factory.mktemp("earlier")
    with tarfile.open(EARLIER / "home.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def home(tmp_path: Path, unpacked: Path) -> Path:
    """A folder with all of them, whose own name they hold."""
    home = Path(shutil.copytree(unpacked, tmp_path / "home"))
    for path in home.rglob("*"):
        if path.suffix in (".json", ".jsonl"):
            path.write_text(path.read_text().replace(THEIR_HOME, str(home)))
        elif path.suffix == ".pt":
            torch.save(_moved(torch.load(path, weights_only=True), str(home)), path)
    return home


def _moved(value: Any, home: str) -> Any:
    if isinstance(value, str):
        return value.replace(THEIR_HOME, home)
    if isinstance(value, dict):
        return type(value)((key, _moved(item, home)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(_moved(item, home) for item in value)
    return value


def fields(value: Any, place: str = "") -> Iterator[str]:
    """The names of all fields, `report.games[].id` for one within others."""
    if isinstance(value, dict):
        for key, item in value.items():
            name = f"{place}.{key}".lstrip(".")
            yield name
            yield from fields(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, f"{place}[]")


def done(*words: str, home: Path) -> Event:
    """What a command told last, which must have gone well."""
    result = agp(*words, home=home)
    assert result.code == 0, result.story()
    return result.finished


def stopped(*words: str, home: Path, after: Callable[[Event], bool]) -> Result:
    """A command that is stopped after the first event like that."""
    with running_command(*words, home=home) as command:
        command.wait_for(after)
        command.send(signal.SIGINT)
        result = command.result()
    assert result.code == 130, result.story()
    assert result.finished["stopped"] is True
    return result


def learning(event: Event) -> bool:
    """Whether a training told a figure of what it learned."""
    return event["type"] == "progress" and "metrics" in event


def run_of(home: Path, **settings: object) -> str:
    """The id of the run that was asked for so."""
    found = []
    for path in home.glob("runs/*/run.json"):
        asked = json.loads(path.read_text())["request"]["settings"]
        if settings.items() <= asked.items():
            found.append(path.parent.name)
    (run,) = found
    return run


def latest(home: Path, run: str) -> Event:
    """The progress that a run told last."""
    lines = (home / "runs" / run / "events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if learning(event)][-1]


@pytest.mark.parametrize("name", TOLD)
def test_commands_tell_the_fields_that_they_told(name: str, home: Path) -> None:
    """More may have come; what programs read then is still there."""
    result = agp(*TOLD[name]["words"], home=home)
    assert result.code == 0, result.story()
    now: dict[str, set[str]] = {}
    for event in result.events:
        now.setdefault(event["type"], set()).update(fields(event))
    lacking = {
        kind: sorted(gone)
        for kind, names in TOLD[name]["fields"].items()
        # Pictures are taken out of live events by who listens here.
        if (gone := set(names) - now.get(kind, set()) - {"thumbnail"})
    }
    assert not lacking


def test_settings_hold(home: Path) -> None:
    for file in (home / "config.toml", EARLIER / "every_setting.toml"):
        assert agp("config", "check", "--config", str(file), home=home).code == 0
        (table,) = (
            event
            for event in agp("config", "show", "--config", str(file), home=home).events
            if event["type"] == "table"
        )
        held = {(section, key): source for section, key, _, source in table["rows"]}
        tables = tomllib.loads(file.read_text())
        tables |= {f"games.{name}": profile for name, profile in tables.pop("games").items()}
        for section, settings in tables.items():
            for key in settings:
                assert held[f"[{section}]", key].endswith(f"{file} [{section}]")


def test_own_keys_are_for_what_they_were_for() -> None:
    """Each name that `[ui] keymap` may hold is still that of something in the app."""
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
    listed = done("recordings", "list", home=home)["report"]["recordings"]
    states = sorted((one["game"], one["source"], one["labels"], one["state"]) for one in listed)
    assert states == [
        ("ALE/Breakout-v5", "expert", "expert", "broken off"),
        (PONG, "agent", "expert", "complete"),
        (PONG, "agent", "expert", "complete"),
        (PONG, "expert", "expert", "complete"),
    ]
    for one in listed:
        path = one["path"]
        facts = done("recordings", "info", path, home=home)["report"]["facts"]
        assert int(facts["frames"]) == one["frames"] > 20
        whole = one["state"] == "complete"
        checked = agp("recordings", "check", path, home=home)
        if one["source"] == "expert":
            # In the others, which are short, not every key was pressed.
            assert checked.code == (0 if whole else 1), checked.story()
        if whole:
            target = Path(path).name + ".npz"
            done("recordings", "export", path, "--to", "npz", "--target", target, home=home)
            assert (home / target).is_file()
    corrected = next(one for one in listed if one["source"] == "agent")
    with running_command("recordings", "replay", corrected["path"], "--speed", "8", home=home) as replay:
        replay.wait_for_live(frames=corrected["frames"])


def test_a_recording_that_was_cut_off_is_repaired(home: Path) -> None:
    (broken,) = (home / "recordings/ALE-Breakout-v5").iterdir()
    repaired = done("recordings", "repair", str(broken), home=home)["recording"]
    assert agp("recordings", "check", repaired, home=home).code == 0
    (one,) = (
        one
        for one in done("recordings", "list", home=home)["report"]["recordings"]
        if one["game"] == "ALE/Breakout-v5"
    )
    assert one["state"] == "recovered"


def test_a_pickle_of_the_original_script_comes_in(home: Path) -> None:
    imported = done("recordings", "import", "original.pkl", "--game", "rally", home=home)["recording"]
    facts = done("recordings", "info", imported, home=home)["report"]
    assert int(facts["facts"]["frames"]) == 12
    assert facts["presses"] == {"up": 3, "left": 2, "right": 1, "down": 1}


def test_models_play(home: Path) -> None:
    facts = done("models", "info", "steadied", home=home)["report"]["facts"]
    assert facts["steadiness"] == {"hysteresis": 0.1, "min_hold": 2, "smoothing": 0.0}
    for model in ("pong", "steadied"):
        played = done("play", model, "--fast", home=home)
        assert played["decisions"] == 30 and not played["report"]["dry_run"]
    assert done("play", "pong", "--dry-run", "--fast", home=home)["report"]["dry_run"]
    assert done("record", "--game", PONG, "--by", "steadied", home=home)["frames"] == 60


@pytest.mark.nightly
def test_a_checkpoint_is_exported(home: Path) -> None:
    run = run_of(home, name="pong", epochs=1)
    done("export", run, "--name", "again", home=home)
    assert done("play", "again", "--fast", "--dry-run", home=home)["decisions"] == 30


def test_a_training_that_was_stopped_goes_on(home: Path) -> None:
    run = run_of(home, name="stopped")
    before = latest(home, run)
    words = ("train", "--game", PONG, "--resume", run)
    told = stopped(*words, home=home, after=learning)
    first = next(filter(learning, told.events))
    assert first["done"] > before["done"]
    assert first["metrics"]["epoch"] == before["metrics"]["epoch"] > 0


@pytest.mark.parametrize("more", [(), ("--corrections",)])
def test_a_training_begins_from_a_model(more: tuple[str, ...], home: Path) -> None:
    """With corrections it also goes on with the recordings that the model was trained on."""
    words = ("train", "--from-model", "pong", "--name", "next", "--epochs", "100000", "--patience", "100000")
    stopped(*words, *more, home=home, after=learning)


@pytest.mark.parametrize("algorithm", ["ppo", "monte_carlo"])
def test_the_training_of_an_agent_goes_on(algorithm: str, home: Path) -> None:
    run = run_of(home, algorithm=algorithm)
    before = latest(home, run)["metrics"]["steps"]
    words = ("atari", "train", "--resume", run)
    stopped(
        *words,
        home=home,
        after=lambda event: learning(event) and event["metrics"]["steps"] > before,
    )


def test_a_kept_agent_plays_and_is_trained_further(home: Path) -> None:
    assert done("record", "--game", PONG, "--by", "ponger", "--keys", "up,down", home=home)["frames"] == 60
    words = ("atari", "train", "--from-model", "ponger", "--environments", "2", "--steps", "1000000")
    stopped(*words, home=home, after=learning)


def test_runs_are_listed_and_followed(home: Path) -> None:
    listed = done("runs", "list", home=home)["report"]["runs"]
    assert [one["state"] for one in listed] == ["finished"] * 5
    for one in listed:
        told = agp("runs", "follow", one["id"], home=home)
        assert told.finished["job"] == one["job"]
        assert any(event["type"] == "progress" for event in told.events)
    run = run_of(home, algorithm="ppo")
    done("runs", "delete", run, "--yes", home=home)
    assert not (home / "runs" / run).exists()
