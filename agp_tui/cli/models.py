"""`agp models`: what has been exported."""

from cyclopts import App

from agp_tui.cli.flags import Model, OutputFlags
from agp_tui.cli.running import settings_of, show
from agp_tui.config import Output
from agp_tui.engine.events import Table

app = App(name="models", help="Exported models: list, info.")


@app.command(name="list")
def list_(*, output: OutputFlags = Output()) -> int:
    """Every model with its game, keys and decisions a second."""
    from agp_tui.autoplay.manifest import list_models, read_manifest

    rows: list[list[str | float | int | None]] = []
    for path in list_models(settings_of(output).folder("models")):
        if path.is_dir():
            manifest = read_manifest(path)
            facts: list[str | float | int | None] = [
                manifest.game,
                " ".join(manifest.keys),
                manifest.fps,
                manifest.segment,
            ]
        else:
            facts = [None, None, None, None]
        rows.append([path.name, *facts])
    columns = ["model", "game", "keys", "fps", "frames seen"]
    return show(output, "models", Table(title="Models", columns=columns, rows=rows))


@app.command
def info(model: Model, *, output: OutputFlags = Output()) -> int:
    """Everything a model's manifest says, or what can be read from a model made elsewhere."""
    import msgspec

    from agp_tui.autoplay.inspection import inspect_model
    from agp_tui.autoplay.manifest import find_model, read_manifest

    path = find_model(settings_of(output).folder("models"), model)
    facts = read_manifest(path) if path.is_dir() else inspect_model(path)
    rows: list[list[str | float | int | None]] = [
        [name, str(value)] for name, value in msgspec.to_builtins(facts).items()
    ]
    table = Table(title=path.name, columns=["what", "value"], rows=rows)
    return show(output, "models", table, model=str(path))
