"""`agp demo`: the whole loop at once."""

from agp_tui.cli.flags import DemoFlags, OutputFlags
from agp_tui.cli.running import run_long, settings_of
from agp_tui.config import DemoSettings, Output, check
from agp_tui.engine.runs import Run


def demo(*, settings: DemoFlags = DemoSettings(), output: OutputFlags = Output()) -> int:
    """An expert plays Atari and is recorded, a model learns from it, practises, and plays. From nothing.

    The table at the end shows what each player scored, and how fast the model decides.
    """
    from agp_tui.jobs.requests import DemoAsked, as_request

    loaded = settings_of(output)
    asked = DemoAsked(
        settings=check(settings), recordings=loaded.folder("recordings"), models=loaded.folder("models")
    )
    return run_long(output, Run.create(loaded.folder("runs"), "demo", as_request(asked)))
