"""What an event of a job says in the log of a screen."""

from rich.console import RenderableType
from rich.text import Text

from agp_tui.engine.events import AnyEvent, Failed, Finished, Note, Table
from agp_tui.ui.tables import drawn
from agp_tui.ui.words import summary


def told(event: AnyEvent) -> RenderableType | None:
    """Its words or its table; None for an event that is shown elsewhere."""
    match event:
        case Note():
            return Text(event.text, style="yellow" if event.level == "warning" else "")
        case Table():
            return drawn(event)
        case Finished():
            return Text.from_markup(summary(event))
        case Failed():
            return Text(f"{event.error} {event.hint}".strip(), style="bold red")
    return None
