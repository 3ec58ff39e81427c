"""`agp models`: list, inspect, measure, diagnose and delete exported models, and tune their key filters."""

from typing import Any

from cyclopts import App

from agp_tui.cli.confirm import Yes, confirmed
from agp_tui.cli.flags import Model, OutputFlags
from agp_tui.cli.run_job import Detach, print_tables, run_live, run_long, settings_of
from agp_tui.config import Output, check_flag
from agp_tui.config.types import Count, Fps
from agp_tui.engine.job import Job
from agp_tui.protocol.events import Finished, Table
from agp_tui.protocol.requests import CURVE_EPOCHS
from agp_tui.protocol.results import ModelInfoResult, ModelsResult

app = App(name="models", help="Exported models: list, info, measure, steady, diagnose, delete.")

Rows = list[list[str | float | int | None]]


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """List models with their game, keys and decisions per second; damaged ones with the problem.

    With --json the report has `models`; docs/commands.md lists their fields.
    """
    from agp_tui.models.registry import list_summaries

    found = list_summaries(settings_of(output).folder("models"))
    rows: Rows = [
        [one.name, one.game, " ".join(one.keys) or None, one.fps, one.segment, one.f1, one.remark]
        for one in found
    ]
    columns = ["model", "game", "keys", "fps", "frames seen", "F1", "remark"]
    report = ModelsResult(models=found)
    return print_tables(output, "models", Table(title="Models", columns=columns, rows=rows), report=report)


@app.command
def info(model: Model, *, output: OutputFlags = Output()) -> int:
    """Show the manifest of a model, or the inputs and outputs of a model from elsewhere."""
    import msgspec

    from agp_tui.models.loading import StoredModel
    from agp_tui.models.manifest import find_model

    path = find_model(settings_of(output).folder("models"), model)
    stored = StoredModel(path)
    facts: dict[str, Any] = msgspec.to_builtins(stored.manifest or stored.inspect())
    rows: Rows = [[name, str(value)] for name, value in facts.items()]
    table = Table(title=path.name, columns=["what", "value"], rows=rows)
    return print_tables(output, "models", table, model=str(path), report=ModelInfoResult(facts=facts))


@app.command
def measure(model: Model, *, fps: Fps | None = None, output: OutputFlags = Output()) -> int:
    """Measure the decision latency of a model on this machine (about 2 s) and the rate that it allows.

    With --json the report has `budget_ms`, `fps`, `fps_max`, `fits`, `decisions`, `stages_ms`.

    Parameters
    ----------
    fps
        Decisions per second to check, 1 to 60. Default: the rate of the model.
    """
    from agp_tui.models.manifest import find_model

    loaded = settings_of(output)
    path = find_model(loaded.folder("models"), model)
    check_flag("fps", fps, Fps | None)

    def body(job: Job) -> Finished:
        from agp_tui.models.inference_latency import measure_model
        from agp_tui.models.loading import StoredModel

        measured = measure_model(StoredModel(path), loaded.config.play, job, fps)
        job.emit(measured.table(path.name))
        return Finished(
            job="measure",
            model=str(path),
            latency_ms=measured.latency_ms,
            stages_ms=measured.stages_ms,
            decisions=measured.decisions,
            report=measured.report(),
        )

    return run_live(output, "measure", {"model": str(path), "fps": fps}, body)


@app.command
def steady(model: Model, *, games: int = 10, output: OutputFlags = Output()) -> int:
    """Search for a key filter that improves a model, and store it in its manifest.

    Candidates are hysteresis (a pressed key is released at a lower threshold), a minimum hold in decisions,
    and smoothing of the probabilities. They are compared on the validation frames of the training and, for
    an Atari game, by play: selected on some episodes, confirmed on others. Without a significant improvement
    the manifest is not changed.

    Parameters
    ----------
    games
        Episodes per candidate.
    """
    loaded = settings_of(output)
    check_flag("games", games, Count)

    def body(job: Job) -> Finished:
        from agp_tui.jobs.steady import run_steady

        return run_steady(loaded.folder("models"), model, games, job)

    return run_live(output, "steady", {"model": model, "games": games}, body)


@app.command
def diagnose(
    model: Model,
    *,
    learning_curve: bool = True,
    epochs: int = CURVE_EPOCHS,
    detach: Detach = False,
    output: OutputFlags = Output(),
) -> int:
    """Show which situations are rare in the recordings of a model, and what more minutes would bring.

    Rare situations are clusters of frames with few examples and a large loss; a picture of each is written to
    the folder of the run. The learning curve takes six short trainings on a quarter, half and all of the
    recordings, evaluated on the same validation frames, and predicts the held-out loss with twice as many.

    Parameters
    ----------
    learning_curve
        Whether to train the learning curve; the rare situations alone take seconds.
    epochs
        Length of its trainings, in passes over all recordings; those on a part make equally many steps.
    """
    from agp_tui.engine.runs import Run
    from agp_tui.jobs.diagnose import prepare_diagnosis
    from agp_tui.protocol.requests import as_request

    loaded = settings_of(output)
    check_flag("epochs", epochs, Count)
    request = prepare_diagnosis(loaded.folder("models"), model, learning_curve, epochs)
    return run_long(output, Run.create(loaded.folder("runs"), "diagnose", as_request(request)), detach)


@app.command
def delete(
    model: Model,
    *,
    yes: Yes = False,
    output: OutputFlags = Output(),
) -> int:
    """Delete a model and its checkpoint permanently. Asks for confirmation unless --yes is given."""
    from agp_tui.models import registry as models
    from agp_tui.models.manifest import find_model

    path = find_model(settings_of(output).folder("models"), model)
    if not confirmed(path, yes, output):
        return 130
    models.delete(path)
    return print_tables(output, "delete", model=str(path))
