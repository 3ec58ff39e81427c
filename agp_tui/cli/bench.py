"""`agp bench`: the product's own benchmarks, each against the plain way in the same run."""

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from agp_tui.benchmarks.asked import (
    AppAsked,
    AtariBenchAsked,
    BakeOffAsked,
    CaptureAsked,
    CorrectionsAsked,
    DecisionsAsked,
    EqualFramesAsked,
    LearningAsked,
    PaceAsked,
    PracticeBenchAsked,
    StoringAsked,
    TrainingAsked,
)
from agp_tui.cli.flags import Model, OutputFlags, annotate_flags
from agp_tui.cli.run_job import run_live, settings_of
from agp_tui.config import Output, check
from agp_tui.engine.job import Job
from agp_tui.protocol.events import Finished

app = App(name="bench", help="Benchmarks: ours against the plain way, in the same run.")

_flat = Parameter(name="*")
for _kind in (
    AppAsked,
    CaptureAsked,
    PaceAsked,
    PracticeBenchAsked,
    StoringAsked,
    DecisionsAsked,
    EqualFramesAsked,
    TrainingAsked,
    AtariBenchAsked,
    BakeOffAsked,
    CorrectionsAsked,
    LearningAsked,
):
    annotate_flags(_kind)


@app.command
def capture(*, asked: Annotated[CaptureAsked, _flat] = CaptureAsked(), output: OutputFlags = Output()) -> int:
    """Grabbing a region of a real screen, against grabbing all of it over a new connection each time."""
    from agp_tui.benchmarks.run import run_capture

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench capture", settings, lambda job: run_capture(asked, job))


@app.command
def store(*, asked: Annotated[StoringAsked, _flat] = StoringAsked(), output: OutputFlags = Output()) -> int:
    """Storing frames losslessly: time and bytes of our recordings, against the plain ways."""
    from agp_tui.benchmarks.run import run_storing

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench store", settings, lambda job: run_storing(asked, job))


@app.command
def pace(*, asked: Annotated[PaceAsked, _flat] = PaceAsked(), output: OutputFlags = Output()) -> int:
    """Keeping a steady rate with absolute deadlines, against setting a timer for each frame."""
    from agp_tui.benchmarks.run import run_pace

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench pace", settings, lambda job: run_pace(asked, job))


@app.command
def play(
    model: Model | None = None,
    *,
    asked: Annotated[DecisionsAsked, _flat] = DecisionsAsked(),
    output: OutputFlags = Output(),
) -> int:
    """Deciding from the newest frame alone, against computing the whole window anew for each decision."""
    from agp_tui.benchmarks.run import run_decisions

    settings = dataclasses.asdict(check(asked)) | {"model": model}
    folder = None
    if model is not None:
        from agp_tui.models.manifest import find_model

        folder = find_model(settings_of(output).folder("models"), model)
    return run_live(output, "bench play", settings, lambda job: run_decisions(asked, folder, job))


@app.command
def train(*, asked: Annotated[TrainingAsked, _flat] = TrainingAsked(), output: OutputFlags = Output()) -> int:
    """Learning from stretches whose frames are encoded once, against encoding each window by itself."""
    from agp_tui.benchmarks.run import run_training

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench train", settings, lambda job: run_training(asked, job))


@app.command
def atari(
    *, asked: Annotated[AtariBenchAsked, _flat] = AtariBenchAsked(), output: OutputFlags = Output()
) -> int:
    """Training agents: decisions a CPU second, against Stable-Baselines3 and against a plain loop."""
    from agp_tui.benchmarks.run import run_atari_bench

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench atari", settings, lambda job: run_atari_bench(asked, job))


@app.command
def equal_frames(
    *, asked: Annotated[EqualFramesAsked, _flat] = EqualFramesAsked(), output: OutputFlags = Output()
) -> int:
    """What agents score after equally many frames, beside Stable-Baselines3. Leaves out what has a result."""
    from agp_tui.benchmarks.run import run_equal_frames

    settings = dataclasses.asdict(check(asked)) | {"kept": str(asked.kept)}
    return run_live(output, "bench equal-frames", settings, lambda job: run_equal_frames(asked, job))


@app.command
def bakeoff(*, asked: Annotated[BakeOffAsked, _flat] = BakeOffAsked(), output: OutputFlags = Output()) -> int:
    """Algorithms against each other at equal processor time. Takes hours; goes on where it was."""
    from agp_tui.benchmarks.run import run_bakeoff

    settings = dataclasses.asdict(check(asked)) | {"kept": str(asked.kept)}
    return run_live(output, "bench bakeoff", settings, lambda job: run_bakeoff(asked, job))


@app.command
def learn(*, asked: Annotated[LearningAsked, _flat] = LearningAsked(), output: OutputFlags = Output()) -> int:
    """How good agents become in a stated time. Takes hours; leaves out what has a result already."""
    from agp_tui.benchmarks.run import run_learning

    settings = dataclasses.asdict(check(asked)) | {"kept": str(asked.kept)}
    return run_live(output, "bench learn", settings, lambda job: run_learning(asked, job))


@app.command
def corrections(
    *, asked: Annotated[CorrectionsAsked, _flat] = CorrectionsAsked(), output: OutputFlags = Output()
) -> int:
    """Correcting a clone, against showing it as much more of its expert's play. Takes ten minutes a seed."""
    from agp_tui.benchmarks.run import run_corrections

    settings = dataclasses.asdict(check(asked)) | {"kept": str(asked.kept)}
    return run_live(output, "bench corrections", settings, lambda job: run_corrections(asked, job))


@app.command
def practice(
    *, asked: Annotated[PracticeBenchAsked, _flat] = PracticeBenchAsked(), output: OutputFlags = Output()
) -> int:
    """How far a clone comes by practice. Takes half an hour a game."""
    from agp_tui.benchmarks.run import run_practice_bench

    settings = dataclasses.asdict(check(asked)) | {"kept": str(asked.kept)}
    return run_live(output, "bench practice", settings, lambda job: run_practice_bench(asked, job))


@app.command
def ui(*, asked: Annotated[AppAsked, _flat] = AppAsked(), output: OutputFlags = Output()) -> int:
    """What the app costs: its picture, its event loop beside a job, a game played in it, its first screen."""
    from agp_tui.ui.benchmarks.run import run_ui

    settings = dataclasses.asdict(check(asked))
    return run_live(output, "bench ui", settings, lambda job: run_ui(asked, job))


@app.command(name="all")
def all_(*, kept: Path | None = None, output: OutputFlags = Output()) -> int:
    """Every benchmark that takes minutes at most and can run on this machine, and why the others could not.

    Parameters
    ----------
    kept
        Keep all tables and figures in this file, as JSON.
    """
    from agp_tui.benchmarks.all import run_all

    def body(job: Job) -> Finished:
        from agp_tui.ui.benchmarks.run import ui_metrics

        return run_all(job, {"ui": ui_metrics}, kept)

    return run_live(output, "bench all", {"kept": str(kept) if kept else None}, body)
