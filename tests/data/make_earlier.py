"""Makes the files of an earlier version that `process/compatibility/test_earlier_version.py` opens.

Run it with the version that is to make them, here in a checkout of that version:

    PYTHONPATH=CHECKOUT python make_earlier.py tests/data/version_0.1.0

It runs the commands of that version and keeps what they wrote: `home.tar.xz`, a folder with settings,
recordings, models and runs; `every_setting.toml`, a settings file in which every setting has a value;
`fields.json`, the names of the fields that the commands tell under `--json`; and `key_ids.txt`, what `[ui]
keymap` gives other keys to.

Two things are changed so that the files are small and name no machine's folders. The home is `/home/player`
in them. Numbers in checkpoints are rounded to powers of two before anything else is made of them, which lets
them be compressed; their types, shapes and names stay.
"""

import importlib
import json
import os
import pickle
import pkgutil
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tomlkit
import torch

AGP = Path(sys.executable).parent / "agp"
HOME = "/home/player"
"""Stands in the files for the folder that they were made in."""
PONG, BREAKOUT = "ALE/Pong-v5", "ALE/Breakout-v5"

CONFIG = """\
# Settings of agp-tui 0.1.0: a value in every section, for jobs that take moments.
[folders]
recordings = "recordings"
models = "models"
runs = "runs"

[game]
fps = 15
frame_size = 16
sticky = 0.25
seed = 1

[games.rally]
center = [640, 360]
size = 512
keys = ["up", "left", "right", "down", "space"]
fps = 30

[record]
by = "expert"
seconds = 4
fast = true
start_key = "enter"
stop_key = "esc"
min_free_mb = 64

[train]
model = "small"
frame_size = 16
segment = 2
stretch = 16
epochs = 1
threads = 1
precision = "float32"

[export]
quantize = "none"

[play]
seconds = 2
takeover = false
when_unfocused = "pause"
panic_key = "f12"

[practice]
teacher = "expert"
rounds = 1
games = 1
round_seconds = 4
minutes_per_round = 0.01

[terminal]
holding = "auto"
hold_seconds = 0.15

[demo]
game = "ALE/Pong-v5"
minutes = 1.5

[atari]
game = "ALE/Pong-v5"
frame_count = 1
hidden_layers = 0
workers = 1
precision = "float32"
evaluate_games = 1
final_games = 1
save_seconds = 0
render = false

[preview]
fps = 5
colors = "256"

[ui]
theme = "nord"
keymap = ["record.start=f5"]
"""

AGENTS = {
    "pqn": ("--environments", "2", "--steps", "2000", "--save-best-as", "ponger"),
    "ppo": ("--environments", "2"),
    "monte_carlo": ("--optimizer", "sgd"),
}
"""Each algorithm's flags; what is not told to end by itself is stopped."""

TOLD = {
    "record": ("record", "--game", PONG),
    "recordings list": ("recordings", "list"),
    "recordings info": ("recordings", "info", "{complete}"),
    "recordings check": ("recordings", "check", "{complete}"),
    "models list": ("models", "list"),
    "models info": ("models", "info", "steadied"),
    "play": ("play", "pong"),
    "train": ("train", "--game", PONG, "--name", "trained"),
    "atari list": ("atari", "list"),
    "atari eval": ("atari", "eval", "ponger", "--episodes", "1"),
    "runs list": ("runs", "list"),
    "doctor": ("doctor",),
}
"""The commands whose fields are kept, by name."""

Event = dict[str, Any]


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        (home / "config.toml").write_text(CONFIG)
        complete = make_recordings(home)
        make_models(home)
        make_agents(home)
        clean(home)
        pack(home, target / "home.tar.xz")
        names = {name: words_and_fields(home, words, complete) for name, words in TOLD.items()}
    (target / "fields.json").write_text(json.dumps(names, indent=1) + "\n")
    (target / "every_setting.toml").write_text(every_setting())
    (target / "key_ids.txt").write_text("\n".join(key_ids()) + "\n")


def make_recordings(home: Path) -> str:
    """A complete one, one that was cut off, a pickle of the original script; the name of the first."""
    agp(home, "record", "--game", PONG)
    (complete,) = (home / "recordings/ALE-Pong-v5").iterdir()
    slowly = ("record", "--game", BREAKOUT, "--no-fast", "--seconds", "60")
    stopped(home, *slowly, when=lambda event: event.get("frames", 0) > 30, by=signal.SIGKILL)
    place = np.arange(12 * 24 * 24 * 3, dtype=np.uint32).reshape(12, 24, 24, 3)
    frames = (place // 97 % 256).astype(np.uint8)
    keys = np.arange(12)[:, None] // np.array([2, 3, 4, 5]) % 2 == 1
    content = {"screen_frames": frames, "key_frames": keys}
    (home / "original.pkl").write_bytes(pickle.dumps(content, protocol=4))
    return f"{complete.parent.name}/{complete.name}"


def make_models(home: Path) -> None:
    """A training that ended and one that was stopped, a model, one with a filter of its keys, corrections."""
    agp(home, "train", "--game", PONG, "--name", "pong")
    stopped(home, "train", "--game", PONG, "--name", "stopped", "--epochs", "100000", "--patience", "100000",
            when=learning, by=signal.SIGINT)  # fmt: skip
    for checkpoint in home.glob("runs/*/checkpoints/*.pt"):
        make_small(checkpoint)
    best = next(home.glob("runs/*/checkpoints/best.pt"))
    for name in ("pong", "steadied"):
        shutil.rmtree(home / "models" / name, ignore_errors=True)
        agp(home, "export", str(best), "--name", name)
    report = agp(home, "models", "steady", "steadied", "--games", "1")[-1]["report"]
    manifest = home / "models/steadied/model.toml"
    body = tomlkit.parse(manifest.read_text())
    if "steadiness" not in body:
        # With few games nothing is found to help; what would be written then, with the report as it is.
        body["steadiness"] = {"hysteresis": 0.1, "min_hold": 2, "smoothing": 0.0}
        body["steadied"] = report
        manifest.write_text(tomlkit.dumps(body))
    agp(home, "practice", "pong", "--name", "practised")
    shutil.rmtree(home / "models/practised")
    for practice in home.glob("runs/*-practice-*"):
        shutil.rmtree(practice)


def make_agents(home: Path) -> None:
    """A training of each algorithm: one ended and keeps its agent, the others were stopped."""
    for algorithm, flags in AGENTS.items():
        words = ("atari", "train", "--algorithm", algorithm, *flags)
        if "--steps" in flags:
            agp(home, *words)
        else:
            stopped(home, *words, when=learning, by=signal.SIGINT)
    for checkpoint in (*home.glob("runs/*-atari-*/checkpoints/*.pt"), *home.glob("models/*.agent.pt")):
        make_small(checkpoint)


def agp(home: Path, *words: str) -> list[Event]:
    """Run a command to its end; what it told."""
    print("agp", *words, file=sys.stderr, flush=True)
    done = subprocess.run([AGP, *words, "--json"], cwd=home, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def stopped(home: Path, *words: str, when: Any, by: signal.Signals) -> None:
    """Run a command and stop it by a signal after the first event like that."""
    print("agp", *words, file=sys.stderr, flush=True)
    with subprocess.Popen([AGP, *words, "--json"], cwd=home, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        sent = False
        for line in process.stdout:
            if not sent and when(json.loads(line)):
                process.send_signal(by)
                sent = True
    assert sent


def learning(event: Event) -> bool:
    """Whether a training told a figure of what it learned."""
    return event["type"] == "progress" and "metrics" in event


def make_small(path: Path) -> None:
    """Round the numbers of a checkpoint, so that it can be compressed, and name its folder as everywhere."""
    torch.save(rounded(torch.load(path, weights_only=True)), path)


def rounded(value: Any) -> Any:
    """The same with the numbers of large tensors as powers of two."""
    if isinstance(value, torch.Tensor):
        if not value.is_floating_point() or value.numel() < 64:
            return value
        mantissa, exponent = torch.frexp(value)
        return torch.ldexp((mantissa * 2).round() / 2, exponent).to(value.dtype)
    if isinstance(value, dict):
        return type(value)((key, rounded(item)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(rounded(item) for item in value)
    return value


def renamed(value: Any, before: str, after: str) -> Any:
    """Plain data with one folder in place of another."""
    if isinstance(value, str):
        return value.replace(before, after)
    if isinstance(value, dict):
        return type(value)((key, renamed(item, before, after)) for key, item in value.items())
    if isinstance(value, list | tuple):
        return type(value)(renamed(item, before, after) for item in value)
    return value


def clean(home: Path) -> None:
    """Leave out what is made anew by itself, and the names of this machine's folders."""
    for folder in (*home.glob("recordings/*/*/.cache"), *home.glob("runs/*/tensorboard")):
        shutil.rmtree(folder)
    for path in home.rglob("*.pt"):
        torch.save(renamed(torch.load(path, weights_only=True), str(home), HOME), path)
    for path in home.rglob("*"):
        if path.suffix in (".json", ".jsonl", ".toml", ".log"):
            text = path.read_text().replace(str(home), HOME).replace(sys.prefix, "/usr")
            path.write_text(text)
            assert not re.search(r"/(tmp|work|root)/", text), path


def pack(home: Path, target: Path) -> None:
    """Everything in one archive, which holds what is in several files once."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(home.iterdir()):
            archive.add(path, path.name, filter=plain)


def words_and_fields(home: Path, words: tuple[str, ...], complete: str) -> dict[str, Any]:
    """The command, and the fields of what it told in a copy of the home, by the type of the event."""
    words = tuple(word.format(complete=complete) for word in words)
    told: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for event in agp(Path(shutil.copytree(home, Path(folder) / "home")), *words):
            told.setdefault(event["type"], set()).update(fields(event))
    return {"words": words, "fields": {kind: sorted(names) for kind, names in sorted(told.items())}}


def fields(value: Any, place: str = "") -> Iterator[str]:
    """The names of all fields, `report.games[].id` for one within others."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"{place}.{key}".lstrip(".")
            yield from fields(item, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            yield from fields(item, f"{place}[]")


def every_setting() -> str:
    """The text of `agp config text` with every setting in force."""
    text = subprocess.run([AGP, "config", "text"], cwd="/", capture_output=True, text=True, check=True).stdout
    return re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)


def key_ids() -> list[str]:
    """The names of all that the app has keys for."""
    from textual.binding import Binding
    from textual.dom import DOMNode

    import agp_tui.ui

    for module in pkgutil.walk_packages(agp_tui.ui.__path__, "agp_tui.ui."):
        importlib.import_module(module.name)
    found, kinds = set(), [DOMNode]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("agp_tui."):
            found |= {key.id for key in kind.__dict__.get("BINDINGS", ()) if isinstance(key, Binding)} - {
                None
            }
    return sorted(found)


if __name__ == "__main__":
    os.environ.pop("AGP_CONFIG", None)
    main(Path(sys.argv[1]).resolve())
