"""`agp demo`: the whole imitation loop, in the app if there is a terminal."""

from dataclasses import fields
from typing import Annotated

from cyclopts import Parameter

from agp_tui.cli.flags import DemoFlags, OutputFlags
from agp_tui.cli.run_job import Detach, run_long, settings_of
from agp_tui.cli.terminal import in_terminal
from agp_tui.config import DemoSettings, Output, check
from agp_tui.engine.runs import Run

Plain = Annotated[bool, Parameter(negative=(), help="Print lines of progress instead of opening the app.")]


def demo(
    *,
    settings: DemoFlags = DemoSettings(),
    plain: Plain = False,
    detach: Detach = False,
    output: OutputFlags = Output(),
) -> int:
    """Record a scripted expert on an Atari game, train a model on it, improve it by practice, let it play.

    In a terminal the app opens and shows every part live; leaving the app does not stop the demo. The table
    at the end shows the score of each player and the decision latency of the model.
    """
    from agp_tui.protocol.requests import DemoRequest, as_request

    settings = check(settings)
    if in_terminal() and not (plain or detach or output.json):
        from agp_tui.ui.app import run_app

        return run_app(output.config, demo=as_flags(settings))
    loaded = settings_of(output)
    request = DemoRequest(
        settings=settings, recordings=loaded.folder("recordings"), models=loaded.folder("models")
    )
    return run_long(output, Run.create(loaded.folder("runs"), "demo", as_request(request)), detach)


def as_flags(settings: DemoSettings) -> tuple[str, ...]:
    """These settings as flags, which override the settings file."""
    words: list[str] = []
    for item in fields(settings):
        value, flag = getattr(settings, item.name), item.name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [
            f"--{flag}", str(value),
        ]  # fmt: skip
    return tuple(words)
