"""`agp models`: what has been exported, how fast and how steady it is, and getting rid of it."""

from typing import Any

from cyclopts import App

from agp_tui.cli.confirm import Yes, agreed
from agp_tui.cli.flags import Model, OutputFlags
from agp_tui.cli.run_job import run_live, settings_of, show
from agp_tui.config import Output, check_flag
from agp_tui.config.types import Count, Fps
from agp_tui.engine.job import Job
from agp_tui.protocol.events import Finished, Table

app = App(name="models", help="Exported models: list, info, measure, steady, delete.")

Rows = list[list[str | float | int | None]]


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every model with its game, keys and decisions a second; damaged ones with what is wrong.

    With --json the report's `models` are those of `agp_tui.models.registry.ModelSummary`.
    """
    from agp_tui.models.registry import list_summaries

    found = list_summaries(settings_of(output).folder("models"))
    rows: Rows = [
        [one.name, one.game, " ".join(one.keys) or None, one.fps, one.segment, one.f1, one.remark]
        for one in found
    ]
    columns = ["model", "game", "keys", "fps", "frames seen", "F1", "remark"]
    report = {"models": [one.report() for one in found]}
    return show(output, "models", Table(title="Models", columns=columns, rows=rows), report=report)


@app.command
def info(model: Model, *, output: OutputFlags = Output()) -> int:
    """Everything a model's manifest says, or what can be read from a model made elsewhere."""
    import msgspec

    from agp_tui.models.loading import StoredModel
    from agp_tui.models.manifest import find_model

    path = find_model(settings_of(output).folder("models"), model)
    stored = StoredModel(path)
    facts: dict[str, Any] = msgspec.to_builtins(stored.manifest or stored.inspect())
    rows: Rows = [[name, str(value)] for name, value in facts.items()]
    table = Table(title=path.name, columns=["what", "value"], rows=rows)
    return show(output, "models", table, model=str(path), report={"facts": facts})


@app.command
def measure(model: Model, *, fps: Fps | None = None, output: OutputFlags = Output()) -> int:
    """Time a model's decisions on this machine for about 2 s, and say how many a second fit.

    With --json the report has `budget_ms`, `fps`, `fps_max`, `fits`, `decisions`, `stages_ms`.

    Parameters
    ----------
    fps
        Ask about this many decisions a second, 1 to 60, instead of the model's own.
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
    """Find out whether a model plays better with steadier hands; what helps is kept in its manifest.

    Tried are hysteresis (a key that is down goes up later), a minimum of decisions that a key is held, and
    smoothing over decisions: on the frames that were held out in training, and for an Atari game by play,
    chosen by some games and confirmed by others. Where nothing helps, nothing is kept.

    Parameters
    ----------
    games
        Whole games of each way that is played.
    """
    loaded = settings_of(output)
    check_flag("games", games, Count)

    def body(job: Job) -> Finished:
        from agp_tui.jobs.steady import run_steady

        return run_steady(loaded.folder("models"), model, games, job)

    return run_live(output, "steady", {"model": model, "games": games}, body)


@app.command
def delete(
    model: Model,
    *,
    yes: Yes = False,
    output: OutputFlags = Output(),
) -> int:
    """Delete a model for good, its checkpoint too. Asks first, or takes --yes."""
    from agp_tui.models import registry as models
    from agp_tui.models.manifest import find_model

    path = find_model(settings_of(output).folder("models"), model)
    if not agreed(path, yes, output):
        return 130
    models.delete(path)
    return show(output, "delete", model=str(path))
