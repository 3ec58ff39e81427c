"""Live picture of the region that would be recorded, shown while nothing is recorded."""

from contextlib import aclosing

from textual import work

from agp_tui.errors import AgpError
from agp_tui.protocol.events import Failed, Live
from agp_tui.ui.app_base import app_of
from agp_tui.ui.client.process import JobProcess
from agp_tui.ui.components.live_view import LiveView

READY_TEXT = "Press Enter to record."
REGION_TEXT = "[b]This is what is recorded.[/]\n[b $accent]Enter[/] starts, [b]r[/] moves it."


class RegionPreview(LiveView):
    """A live view that can watch a screen region by itself.

    Its process is not the app's live job; it ends as soon as something else is shown here.
    """

    _watch_flags: tuple[str, ...] = ()

    def watch_region(self, *flags: str) -> None:
        """Show what `agp screen watch FLAGS` captures; without flags, show nothing."""
        if flags == self._watch_flags:
            return
        self._watch_flags = flags
        self.workers.cancel_group(self, "watch")
        self.reset(READY_TEXT)
        if flags:
            self._run_watch(flags)

    @work(group="watch")
    async def _run_watch(self, flags: tuple[str, ...]) -> None:
        words = ("screen", "watch", *flags, *app_of(self).global_flags)
        try:
            async with JobProcess(*words) as job, aclosing(job.events()) as events:
                async for event in events:
                    if isinstance(event, Live):
                        self.show_picture(event, REGION_TEXT)
                    elif isinstance(event, Failed):
                        self.reset(f"{READY_TEXT}\n\nThe region cannot be captured: {event.error}")
        except AgpError as error:
            self.reset(f"{READY_TEXT}\n\nThe region cannot be captured: {error}")
