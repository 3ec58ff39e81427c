"""Tests of events and commands: JSON round trip and stable field names."""

import json
from typing import Any, get_args

import msgspec
import pytest

from agp_tui.errors import AgpError
from agp_tui.protocol.commands import (
    AnyCommand,
    Command,
    Exclude,
    Include,
    KeyInput,
    Panic,
    Pause,
    ReleaseAllKeys,
    Resume,
    Seek,
    SetHoldMode,
    SetSpeed,
    Step,
    Stop,
    Undo,
    decode_command,
    encode_command,
)
from agp_tui.protocol.events import (
    AnyEvent,
    EpisodeFinished,
    Evaluated,
    Event,
    Failed,
    Finished,
    Live,
    Note,
    Progress,
    Stage,
    Started,
    Table,
    decode_event,
    encode_event,
    read_events,
)
from agp_tui.protocol.percentiles import Percentiles

MS = Percentiles(1.0, 2.0, 3.5)
EVENTS: list[Event] = [
    Started(job="record", settings={"fps": 30, "keys": ["up"], "region": None}, run="20260101-1-train-ab"),
    Stage(name="convert", number=2, of=3),
    Progress(done=3, total=9, unit="epochs", rate=0.5, seconds_left=12.0, metrics={"loss": 0.25}),
    Live(
        seconds=1.5,
        fps=29.9,
        fps_asked=30,
        frames=44,
        missed=1,
        held=["up", "space"],
        probabilities={"up": 0.75},
        jitter_ms=MS,
        latency_ms={"total": MS},
        deadline_misses=2,
        decisions=44,
        score=-3.0,
        lives=5,
        thumbnail=bytes(range(12)),
        thumbnail_size=(2, 2),
        bytes=1_000,
        shares={"up": 0.5},
        thresholds={"up": 0.4},
        shown=(0, -4, 640, 480),
        frame=3,
        total=9,
        paused=True,
        speed=2.0,
    ),
    EpisodeFinished(
        number=7,
        score=-3.0,
        high_score=2.0,
        average=-1.5,
        frames=4_000,
        seconds=9.5,
        epsilon=0.25,
        loss=0.125,
    ),
    Evaluated(
        steps=1_000,
        frames=4_000,
        seconds=9.5,
        games=10,
        score_mean=1.5,
        score_low=0.5,
        score_high=2.5,
        score_median=1.0,
        human_normalised=0.75,
        best=True,
    ),
    Note(text="Ünïcode and \n a new line", level="warning"),
    Table(title="T", columns=["a", "b"], rows=[["x", 1], [None, 2.5]]),
    Finished(
        job="play",
        recording="/r",
        recordings=["/r"],
        model="/m",
        run="id",
        checkpoint="/c",
        frames=1,
        seconds=2.0,
        fps=30.0,
        missed=0,
        jitter_ms=MS,
        latency_ms=MS,
        stages_ms={"grab": MS},
        deadline_misses=0,
        decisions=1,
        steps=10,
        steps_per_second=5.0,
        scores=[21.0, -3.0],
        score_mean=9.0,
        bytes=7,
        metrics={"f1": 0.5},
        report={"any": ["thing"]},
    ),
    Failed(error="Expected X, found Y.", hint="Do Z.", exit_code=2),
]
COMMANDS: list[Command] = [
    Stop(),
    Pause(),
    Resume(),
    Panic(),
    Step(frames=-2),
    Seek(frame=7),
    Exclude(seconds=3.0),
    Include(start=4, stop=9),
    Undo(),
    SetSpeed(factor=0.5),
    KeyInput(key="up", stroke="repeat", time_ns=7),
    ReleaseAllKeys(time_ns=7),
    SetHoldMode(way="latched"),
]

# Public interface: names may be added, never changed or removed.
FIELDS = {
    "started": "at job settings run",
    "stage": "at name number of",
    "progress": "at done total unit rate seconds_left metrics",
    "live": "at seconds fps fps_asked frames missed held probabilities jitter_ms latency_ms "
    "deadline_misses decisions score lives thumbnail thumbnail_size bytes "
    "shares thresholds shown frame total paused speed",
    "try": "at number score high_score average frames seconds epsilon loss",
    "evaluated": "at steps frames seconds games score_mean score_low score_high score_median "
    "human_normalised best",
    "note": "at text level",
    "table": "at title columns rows",
    "finished": "at job recording recordings model run checkpoint frames seconds fps missed jitter_ms "
    "latency_ms stages_ms deadline_misses decisions steps steps_per_second scores score_mean bytes "
    "metrics report",
    "failed": "at error hint exit_code",
}


def to_builtins(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(encode_event(event))
    return body


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_event_round_trip(event: Event) -> None:
    line = encode_event(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_event(line) == event


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_command_round_trip(command: Command) -> None:
    assert decode_command(encode_command(command)) == command


def test_samples_cover_all_types() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))
    assert {type(command) for command in COMMANDS} == set(get_args(AnyCommand))


@pytest.mark.parametrize("kind", get_args(AnyEvent), ids=lambda kind: kind.__name__)
def test_no_public_field_was_removed(kind: type[Event]) -> None:
    name = kind.__struct_config__.tag
    assert set(FIELDS[str(name)].split()) <= {field.encode_name for field in msgspec.structs.fields(kind)}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_json_has_the_field_names(event: Event) -> None:
    body = to_builtins(event)
    assert body["type"] in FIELDS
    assert set(FIELDS[body["type"]].split()) <= set(body)


@pytest.mark.parametrize("command", ["stop", "pause", "resume", "panic"])
def test_handwritten_commands_decode(command: str) -> None:
    decoded = decode_command(b'{"type": "%s"}' % command.encode())
    assert type(decoded).__name__.lower() == command


def test_empty_fields_are_omitted() -> None:
    assert set(to_builtins(Finished(job="record"))) == {"type", "at", "job"}
    assert set(to_builtins(Live(seconds=0, fps=30, fps_asked=30, frames=0, missed=0))) == {
        "type", "at", "seconds", "fps", "fps_asked", "frames", "missed",
    }  # fmt: skip


def test_percentiles_have_names() -> None:
    body = to_builtins(Finished(job="play", latency_ms=MS))
    assert body["latency_ms"] == {"p50": 1.0, "p95": 2.0, "p99": 3.5}


def test_unknown_fields_are_ignored() -> None:
    event = decode_event(b'{"type": "note", "at": 1.0, "text": "x", "colour": "red"}')
    assert event == Note(at=1.0, text="x")


def test_truncated_last_line_is_skipped() -> None:
    whole = encode_event(Note(text="whole"))
    torn = encode_event(Note(text="torn"))
    for length in range(len(torn)):
        events = list(read_events(iter([whole, torn[:length]])))
        assert [event.text for event in events if isinstance(event, Note)] == ["whole"]


def test_empty_lines_are_skipped() -> None:
    assert list(read_events(iter([b"\n", b"  \n"]))) == []


@pytest.mark.parametrize(
    "line",
    [b"junk\n", b"{}\n", b'{"type": "unknown"}\n', b'{"type": "stage"}\n', b"\xff\xfe\n", b"[]\n"],
)
def test_invalid_lines_raise_protocol_errors(line: bytes) -> None:
    with pytest.raises(AgpError, match="Expected an event as one line of JSON, found"):
        list(read_events(iter([line])))
    with pytest.raises(AgpError, match="Expected a command as one line of JSON, found") as caught:
        decode_command(line)
    assert '"stop"' in caught.value.hint


def test_long_invalid_line_is_abbreviated_in_the_error() -> None:
    with pytest.raises(AgpError) as caught:
        decode_event(b"x" * 100_000)
    assert len(str(caught.value)) < 300
