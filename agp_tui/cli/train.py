"""`agp train`, `agp export`, `agp practice`: train models on recordings and corrections."""

from dataclasses import asdict
from typing import Annotated

import msgspec
from cyclopts import Parameter

from agp_tui.cli.flags import ExportFlags, Model, OutputFlags, PracticeFlags, TrainFlags
from agp_tui.cli.run_job import Detach, print_events, run_live, run_long, settings_of
from agp_tui.config import ExportSettings, Output, PracticeSettings, TrainSettings, check
from agp_tui.config.file import LoadedConfig
from agp_tui.engine.runs import Run
from agp_tui.errors import SettingError
from agp_tui.protocol.events import Finished, Note
from agp_tui.protocol.results import DatasetResult

Look = Annotated[
    bool, Parameter(negative=(), help="Only report what the recordings hold and how they would be split.")
]


def train(
    *,
    game: str | None = None,
    settings: TrainFlags = TrainSettings(),
    look: Look = False,
    detach: Detach = False,
    output: OutputFlags = Output(),
) -> int:
    """Train a model on the recordings of a game and export it.

    The training is a detached run: Ctrl-C stops it (with a checkpoint), closing the terminal does not. With
    --look nothing is trained: the keys of the recordings, their balance and the split are reported. With
    --from-model M --corrections, model M continues training on its corrections: takeovers and teacher labels.

    Parameters
    ----------
    game
        The game whose recordings to train on. Default: the game of --from-model.
    """
    loaded = settings_of(output)
    runs = loaded.folder("runs")
    if look:
        return _look(game, check(settings), loaded, output)
    if settings.resume is not None:
        return run_long(output, Run.find(runs, settings.resume), detach)
    from agp_tui.jobs.train import prepare_training, sources_left_out
    from agp_tui.protocol.requests import as_request

    recordings = loaded.folder("recordings")
    request = prepare_training(game, check(settings), recordings, loaded.folder("models"))
    for text in sources_left_out(request.game, settings.recordings, recordings):
        print_events(output, Note(text=text))
    return run_long(output, Run.create(runs, "train", as_request(request)), detach)


def _look(game: str | None, settings: TrainSettings, loaded: LoadedConfig, output: Output) -> int:
    from agp_tui.imitation.dataset_report import inspect_dataset
    from agp_tui.jobs.train import select_recordings, sources_left_out

    if game is None:
        raise SettingError("Expected a game to report on, found none.", "Name it with --game.")
    root = loaded.folder("recordings")
    recordings = select_recordings(game, settings.recordings, root)
    report = inspect_dataset(recordings, settings)
    notes = [Note(text=text) for text in sources_left_out(game, settings.recordings, root)]
    notes += [Note(text=text, level="warning") for text in report.warnings]
    figures = Finished(
        job="look", frames=report.frames, report=msgspec.convert(asdict(report), DatasetResult)
    )
    print_events(output, *report.tables(), *notes, *([figures] if output.json else []))
    return 0


def export(
    checkpoint: str, *, settings: ExportFlags = ExportSettings(), output: OutputFlags = Output()
) -> int:
    """Export a checkpoint to a model that plays.

    Parameters
    ----------
    checkpoint
        checkpoints/best.pt of a run, checkpoint.pt of a model, or an Atari agent: its run or saved name.
    """
    from agp_tui.jobs.export import run_export

    loaded = settings_of(output)
    models, runs = loaded.folder("models"), loaded.folder("runs")
    arguments = {"checkpoint": checkpoint, "quantize": settings.quantize}
    return run_live(
        output, "export", arguments, lambda job: run_export(checkpoint, check(settings), models, runs, job)
    )


def practice(
    model: Model,
    *,
    game: str | None = None,
    settings: PracticeFlags = PracticeSettings(),
    detach: Detach = False,
    output: OutputFlags = Output(),
) -> int:
    """Improve a model by DAgger: it plays, a teacher labels its frames, it trains on them, in rounds.

    The corrections are ordinary recordings; the round with the best score becomes the new model.

    Parameters
    ----------
    game
        The Atari game. Default: the game of the model.
    """
    from agp_tui.jobs.practice import prepare_practice
    from agp_tui.protocol.requests import as_request

    loaded = settings_of(output)
    folders = (loaded.folder(name) for name in ("recordings", "models", "runs"))
    request = prepare_practice(model, game, check(settings), *folders)
    return run_long(output, Run.create(loaded.folder("runs"), "practice", as_request(request)), detach)
