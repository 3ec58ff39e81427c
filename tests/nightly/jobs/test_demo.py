"""Tests of a shortened `agp demo`: real emulator, training and export."""

from pathlib import Path

import pytest
from support.commands import Event, agp


def events_of(folder: Path, *words: str) -> list[Event]:
    """The events of a successful command run in `folder`."""
    result = agp(*words, home=folder)
    assert result.code == 0, result.summary()
    return result.events


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Event]]:
    """Folder and events of a demo of about a minute."""
    folder = tmp_path_factory.mktemp("demo")
    flags = ("--minutes", "0.4", "--games", "1", "--demonstration", "0.4", "--fast", "--live-seconds", "2")
    return folder, events_of(folder, "demo", *flags, "--frame-size", "48", "--segment", "4")


def test_demo_reports_scores_and_exports_a_model(
    demo: tuple[Path, list[Event]],
) -> None:
    folder, events = demo
    finished = events[-1]
    assert finished["type"] == "finished" and finished["job"] == "demo"
    assert set(finished["report"]) == {"expert", "clone after practice", "plain clone", "random"}
    assert finished["report"]["expert"]["mean"] > finished["report"]["random"]["mean"] + 10
    assert finished["latency_ms"]["p99"] > 0
    tables = [event["title"] for event in events if event["type"] == "table"]
    assert "Scores in ALE/Pong-v5" in tables and "Figures" in tables
    # A field at its default is left out, so the first stage has no number.
    stage_numbers = [
        event.get("number", 1) for event in events if event["type"] == "stage" and event.get("of") == 6
    ]
    assert stage_numbers == [1, 2, 3, 4, 5, 6]
    played = events_of(folder, "play", finished["model"], "--fast", "--seconds", "2")[-1]
    assert played["decisions"] == 60


def test_every_stage_reports_progress(demo: tuple[Path, list[Event]]) -> None:
    _, events = demo
    stage, reported = 0, {number: set[str]() for number in range(7)}
    for event in events:
        if event["type"] == "stage" and event.get("of") == 6:
            stage = event.get("number", 1)
        elif event["type"] == "live" and event.get("thumbnail_size"):
            reported[stage].add("picture")
        elif event["type"] == "progress":
            reported[stage].add(event["unit"])
    # Recording, practice and final play show pictures; the other stages report progress.
    assert "picture" in reported[1] and "picture" in reported[3] and "picture" in reported[6]
    assert "frames" in reported[2] and "rounds" in reported[3]
    assert "models" in reported[4] and "games" in reported[5]


def test_corrections_are_labelled_by_the_teacher(
    demo: tuple[Path, list[Event]],
) -> None:
    from agp_tui.recording.store import Recording, find_recordings

    folder, _ = demo
    opened = [Recording.open(path) for path in find_recordings(folder / "recordings", "ALE/Pong-v5")]
    corrections = [one for one in opened if one.meta.source == "agent"]
    assert corrections and len(opened) > len(corrections)
    for one in corrections:
        assert one.meta.labels == "expert"
        # The labels of the teacher differ from the keys of a barely trained model.
        assert (one.labels(0) != one.key_states("agent")).any()


def test_practice_command_creates_a_new_model(demo: tuple[Path, list[Event]]) -> None:
    folder, events = demo
    name = Path(events[-1]["model"]).name
    flags = ("--rounds", "1", "--games", "2", "--round-seconds", "8", "--minutes-per-round", "0.05")
    finished = events_of(folder, "practice", name, *flags)[-1]
    assert len(finished["scores"]) == 2
    assert len(finished["recordings"]) == 4
    assert Path(finished["model"]).name == f"{name}-practised"
    assert (folder / "models" / name / "model.tflite").is_file()
