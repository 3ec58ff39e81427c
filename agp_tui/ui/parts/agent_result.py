"""What came of a training of an agent, in a few lines for its log."""

from collections.abc import Iterator

from rich.text import Text

from agp_tui.engine.events import Finished
from agp_tui.ui.when import length


def agent_result(event: Finished) -> Iterator[Text]:
    """How much was played, how good the best agent is, and what can be done with it."""
    seconds = event.seconds or 0.0
    rate = f", {event.steps_per_second:,.0f} a second" if event.steps_per_second else ""
    yield Text(f"{event.steps or 0:,} steps in {length(seconds)}{rate}")
    report = event.report or {}
    if "score_mean" in report:
        yield Text.assemble(
            ("✓ The best agent scores ", "green"),
            (f"{report['score_mean']:.1f}", "bold green"),
            f" ({report['score_low']:.1f} to {report['score_high']:.1f}) in {report['games']} games",
            *_human(report.get("human_normalised")),
        )
    elif event.stopped:
        yield Text.assemble(
            "Stopped, its checkpoint is kept: ", ("r", "bold"), " on the screen Atari goes on with it."
        )
    if event.run:
        yield Text.assemble(("agp atari watch ", ""), (event.run, "bold"), " shows how it plays.")


def _human(normalised: float | None) -> list[str]:
    """Where that is between random play and a person."""
    if normalised is None:
        return []
    return [f"; {100 * normalised:.0f} % of the way from random play to a person"]
