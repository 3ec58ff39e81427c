"""All readers of files and pipes, each with a valid sample file to damage.

Runs as a program, `python -m support.file_readers NAME`: for each path on stdin it reads that file as the
app would and writes the outcome to stdout as one JSON line. Memory is limited, so that a file that
requests more ends this process and not the machine.
"""

import io
import json
import os
import pickle
import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agp_tui.errors import AgpError
from support.paths import FOREIGN_MODELS

MEMORY_LIMIT_MB = 1024
"""Memory that a reader may use in addition to its memory at the start."""
MAX_MESSAGE_LENGTH = 900
"""Characters of the longest acceptable error message."""


@dataclass(frozen=True)
class Reader:
    """How to write a valid sample file, and how to read one."""

    sample: Callable[[Path], Path]
    """Writes a sample with everything that belongs to it to a folder; returns the file to damage."""
    read: Callable[[Path], object]
    """Raises `AgpError` for damaged files, and nothing else."""


def _settings(folder: Path) -> Path:
    from agp_tui.config.template import config_text

    path = folder / "config.toml"
    # All settings uncommented, with the example of a game profile.
    text = config_text().replace("# [games.rally]", "[games.rally]")
    path.write_text(re.sub(r"^# ([a-z_]+) = ", r"\1 = ", text, flags=re.MULTILINE))
    return path


def _read_settings(path: Path) -> None:
    from agp_tui.config.file import load_config

    load_config(path)


def _recording(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        from agp_tui.recording.exclusions import write_exclusions
        from agp_tui.recording.store import Recording, time_range
        from support.recordings import key_edge, write_recording

        path = write_recording(
            folder, 12, [key_edge(number + 0.5, "up", number % 2 == 0) for number in range(10)]
        )
        write_exclusions(path, [time_range(Recording.open(path), 3, 6)])
        return path / name

    return make


def _read_recording(path: Path) -> None:
    from agp_tui.recording import integrity, library
    from agp_tui.recording.store import Recording

    folder = path.parent
    library.summary(folder)
    integrity.check(folder)
    recording = Recording.open(folder)
    for _ in recording.frames():
        pass
    recording.key_states()
    recording.labels(1)
    recording.labelled(1, 4)


def _manifest(folder: Path) -> Path:
    from agp_tui.models.manifest import MANIFEST_FILE, MODEL_FILE, write_manifest
    from support.small_models import manifest_for

    (folder / MODEL_FILE).write_bytes(b"content")
    write_manifest(folder, manifest_for(folder))
    return folder / MANIFEST_FILE


def _read_manifest(path: Path) -> None:
    from agp_tui.models.manifest import read_manifest

    read_manifest(path.parent)


def _model(folder: Path) -> Path:
    source = FOREIGN_MODELS / "keras_uint8.tflite"
    return Path(shutil.copy(source, folder / "model.tflite"))


def _read_model(path: Path) -> None:
    from agp_tui.config import PlaySettings
    from agp_tui.models.loading import load_policy

    load_policy(path, PlaySettings()).decide(np.zeros((32, 32, 3), np.uint8))


def _pickle(folder: Path) -> Path:
    body = {"screen_frames": np.full((4, 6, 8, 3), 9, np.uint8), "key_frames": np.eye(4)}
    path = folder / "seed.pkl"
    path.write_bytes(pickle.dumps(body, 2))
    return path


def _read_pickle(path: Path) -> None:
    from agp_tui.recording.legacy_pickle import import_pickle

    with tempfile.TemporaryDirectory() as root:
        import_pickle(path, Path(root), "rally")


def _load_pickle(path: Path) -> None:
    """Load without the child process of the app: this process has resource limits."""
    from agp_tui.recording.safe_pickle import load

    with path.open("rb") as file:
        load(file)


def _checkpoint(folder: Path) -> Path:
    from agp_tui.imitation.checkpoint import Checkpoint, save_checkpoint
    from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

    spec = NetworkSpec("small", 32, 3, 2)
    weights = PolicyNetwork(spec).state_dict()
    path = folder / "checkpoint.pt"
    save_checkpoint(path, Checkpoint(spec, "dots", ("left", "right"), 30, 1, (0.4, 0.6), weights, {}))
    return path


def _read_checkpoint(path: Path) -> None:
    from agp_tui.imitation.checkpoint import load_checkpoint

    load_checkpoint(path).network()


def _agent(folder: Path) -> Path:
    from agp_tui.atari.checkpoint import AgentCheckpoint, save_agent
    from agp_tui.atari.networks import AgentNetwork, AgentSpec

    spec = AgentSpec("compact", "policy", 4, 36, 36, actions=2)
    path = folder / "agent.pt"
    save_agent(
        path,
        AgentCheckpoint(
            spec=spec,
            game="ALE/Pong-v5",
            actions=("NOOP", "FIRE"),
            algorithm="ppo",
            skip=4,
            protocol="classic",
            weights=AgentNetwork(spec).state_dict(),
            settings={},
        ),
    )
    return path


def _read_agent(path: Path) -> None:
    from agp_tui.atari.checkpoint import load_agent

    load_agent(path).network()


def _run(name: str) -> Callable[[Path], Path]:
    from agp_tui.engine.runs import EVENTS_FILE, Run
    from agp_tui.protocol.events import Finished, Note, Progress, Stage, encode_event

    def make(folder: Path) -> Path:
        run = Run.create(folder, "train", {"seed": 3})
        run.claim()
        events = [
            Stage("learn", 1, 2),
            Note("text"),
            Progress(done=1, total=100, unit="%", metrics={"loss": 0.5}),
            Finished(job="train"),
        ]
        (run.path / EVENTS_FILE).write_bytes(b"".join(map(encode_event, events)))
        return run.path / name

    return make


def _read_run(path: Path) -> None:
    from agp_tui.engine.runs import Run

    run = Run(path.parent)
    for one in Run.all(path.parent.parent):
        one.state()
        one.last_event()
    _ = run.job, run.created, run.request, run.pid
    for _ in run.events():
        pass


def _commands(folder: Path) -> Path:
    path = folder / "commands.jsonl"
    path.write_bytes(b'{"type":"pause"}\n{"type":"seek","seconds":3.5}\n{"type":"speed","speed":2}\n')
    return path


def _read_commands(path: Path) -> None:
    """Read commands from a pipe; an invalid one is reported as a note, and the job continues."""
    from agp_tui.engine.job import Job

    job = Job()
    read, write_recording = os.pipe()
    with os.fdopen(read, "rb") as stream:
        job.read_commands(stream)
        with os.fdopen(write_recording, "wb") as pipe:
            pipe.write(path.read_bytes())
        if not job.wait_for_stop(5.0):
            raise RuntimeError("the job did not notice the end of the commands")


READERS: dict[str, Reader] = {
    "config.toml": Reader(_settings, _read_settings),
    "meta.json": Reader(_recording("meta.json"), _read_recording),
    "timeline.jsonl": Reader(_recording("timeline.jsonl"), _read_recording),
    "frames.mkv": Reader(_recording("frames.mkv"), _read_recording),
    "frames.exclusions.json": Reader(_recording("frames.exclusions.json"), _read_recording),
    "model.toml": Reader(_manifest, _read_manifest),
    "model.tflite": Reader(_model, _read_model),
    "seed pickle": Reader(_pickle, _read_pickle),
    "pickled arrays": Reader(_pickle, _load_pickle),
    "checkpoint": Reader(_checkpoint, _read_checkpoint),
    "agent checkpoint": Reader(_agent, _read_agent),
    "run.json": Reader(_run("run.json"), _read_run),
    "process.json": Reader(_run("process.json"), _read_run),
    "events.jsonl": Reader(_run("events.jsonl"), _read_run),
    "commands": Reader(_commands, _read_commands),
}


def main(name: str) -> None:
    """Read each path from stdin until it ends."""
    reader = READERS[name]
    with tempfile.TemporaryDirectory() as folder:
        # Import everything before the memory is measured and limited.
        reader.read(reader.sample(Path(folder)))
    answers, sys.stdout = sys.stdout, io.StringIO()
    bound = _virtual_bytes() + (MEMORY_LIMIT_MB << 20)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(reader, Path(line.rstrip("\n")))), file=answers, flush=True)


def _answer(reader: Reader, path: Path) -> dict[str, object]:
    try:
        reader.read(path)
    except AgpError as error:
        message = str(error)
        return {"refused": message, "concise": len(message) <= MAX_MESSAGE_LENGTH and "\n" not in message}
    except BaseException as error:
        return {"failed": f"{type(error).__name__}: {str(error)[:500]}"}
    return {"read": True}


def _virtual_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    main(sys.argv[1])
