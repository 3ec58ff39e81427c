"""`agp demo`: the whole loop at once, in the app where there is a terminal."""

from dataclasses import fields
from typing import Annotated

from cyclopts import Parameter

from agp_tui.cli.flags import DemoFlags, OutputFlags
from agp_tui.cli.run_job import Detach, run_long, settings_of
from agp_tui.cli.terminal import in_terminal
from agp_tui.config import DemoSettings, Output, check
from agp_tui.engine.runs import Run

Plain = Annotated[bool, Parameter(negative=(), help="In a terminal too: progress as lines, not in the app.")]


def demo(
    *,
    settings: DemoFlags = DemoSettings(),
    plain: Plain = False,
    detach: Detach = False,
    output: OutputFlags = Output(),
) -> int:
    """An expert plays Atari and is recorded, a model learns from it, practises, and plays. From nothing.

    In a terminal the app opens and shows every part as it happens; leaving the app does not end the demo.
    The table at the end shows what each player scored, and how fast the model decides.
    """
    from agp_tui.protocol.requests import DemoAsked, as_request

    settings = check(settings)
    if in_terminal() and not (plain or detach or output.json):
        from agp_tui.ui.app import run_app

        return run_app(output.config, demo=as_flags(settings))
    loaded = settings_of(output)
    asked = DemoAsked(
        settings=settings, recordings=loaded.folder("recordings"), models=loaded.folder("models")
    )
    return run_long(output, Run.create(loaded.folder("runs"), "demo", as_request(asked)), detach)


def as_flags(settings: DemoSettings) -> tuple[str, ...]:
    """The words that give a command these settings, whatever the settings file says."""
    words: list[str] = []
    for item in fields(settings):
        value, flag = getattr(settings, item.name), item.name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [
            f"--{flag}", str(value),
        ]  # fmt: skip
    return tuple(words)
