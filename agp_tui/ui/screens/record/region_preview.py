"""What would be recorded, as it is now: the chosen region while nothing is recorded."""

from contextlib import aclosing

from textual import work

from agp_tui.errors import AgpError
from agp_tui.protocol.events import Failed, Live
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.components.live_view import LiveView

READY_TEXT = "Press Enter to record."
REGION_TEXT = "[b]This is what is recorded.[/]\n[b $accent]Enter[/] begins, [b]r[/] moves it."


class RegionPreview(LiveView):
    """A live view that looks at a region by itself, between recordings.

    The process that looks is nobody's live job: it ends as soon as anything else is to be seen here.
    """

    _words: tuple[str, ...] = ()

    def look_at(self, *words: str) -> None:
        """Show what `agp screen watch WORDS` sees from now on; without words, nothing."""
        if words == self._words:
            return
        self._words = words
        self.workers.cancel_group(self, "look")
        self.reset(READY_TEXT)
        if words:
            self._look(words)

    @work(group="look")
    async def _look(self, words: tuple[str, ...]) -> None:
        flags: tuple[str, ...] = self.app.words  # type: ignore[attr-defined]
        try:
            async with JobProcess("screen", "watch", *words, *flags) as job, aclosing(job.events()) as events:
                async for event in events:
                    if isinstance(event, Live):
                        self.show_picture(event, REGION_TEXT)
                    elif isinstance(event, Failed):
                        self.reset(f"{READY_TEXT}\n\nIts region cannot be seen: {event.error}")
        except AgpError as error:
            self.reset(f"{READY_TEXT}\n\nIts region cannot be seen: {error}")
