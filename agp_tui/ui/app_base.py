"""The part of the app that runs commands: one live job at most, and long jobs that belong to nobody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import work
from textual.app import App
from textual.reactive import var

from agp_tui.errors import AgpError

if TYPE_CHECKING:
    from textual.driver import Driver

    from agp_tui.config.file import LoadedConfig
    from agp_tui.engine.runs import Run
    from agp_tui.protocol.commands import Command
    from agp_tui.protocol.events import AnyEvent
    from agp_tui.ui.client.process import JobProcess


@dataclass(frozen=True)
class Status:
    """The state across all screens. `job` is what runs live now, such as `REC`; empty for nothing."""

    game: str = ""
    display: str = ""
    job: str = ""
    fps: float | None = None
    fps_asked: float | None = None
    run: str = ""
    """The long job that is followed, with how far it is."""
    free_bytes: int | None = None
    """On the disk of the recordings."""


# What is not needed for the first screen is imported where it is used: the screen is there sooner.


class JobsApp(App[int]):
    """Starts jobs, ends them, and knows how the live one stands."""

    status: var[Status] = var(Status())

    def __init__(self, *words: str) -> None:
        super().__init__()
        self.words = words
        """Flags that every command of ours is given."""
        self.live: JobProcess | None = None
        """The live job that runs now; there is at most one."""
        self._starting: set[str] = set()
        """Long jobs that are being started."""

    def get_driver_class(self) -> "type[Driver]":
        """A terminal that can be asked to tell when keys are released."""
        from agp_tui.ui.keyboard.driver import keyboard_driver_class

        return keyboard_driver_class(super().get_driver_class())

    @property
    def loaded(self) -> "LoadedConfig":
        """The settings that hold."""
        raise NotImplementedError

    def look_around(self) -> None:
        """Look at the runs."""
        raise NotImplementedError

    async def show_run(self, run: str) -> None:
        """Follow a run on the screen of runs."""
        raise NotImplementedError

    # --- a live job ------------------------------------------------------------------------------

    async def run_live(self, name: str, *words: str) -> "AsyncIterator[AnyEvent]":
        """Start a live job and give its events to its end; `name` is what the status bar calls it.

        Raises `AgpError` where another one runs.
        """
        from agp_tui.protocol.events import Live
        from agp_tui.ui.client.process import JobProcess

        if self.live is not None:
            raise AgpError(
                f"Expected nothing to run live, found {self.status.job}.", "Stop it first; one at a time."
            )
        # Nothing is awaited before this: of two that begin at once, the second finds the first.
        self.live = job = JobProcess(*words, *self.words)
        self.status = replace(self.status, job=name, fps=None, fps_asked=None)
        try:
            async with job, aclosing(job.events()) as events:
                async for event in events:
                    if isinstance(event, Live):
                        self.status = replace(self.status, fps=event.fps, fps_asked=event.fps_asked)
                    yield event
        finally:
            self.live = None
            self.status = replace(self.status, job="", fps=None, fps_asked=None)

    def tell_live(self, command: "Command") -> None:
        """Give the live job a command, if there is one; also one that has not come up yet."""
        if self.live is not None:
            self.live.tell(command)

    async def end_live(self) -> None:
        """Have the live job finish, if there is one."""
        if self.live is not None:
            await self.live.end()

    def action_panic(self) -> None:
        """Release every key and stop what plays, at once."""
        from agp_tui.protocol.commands import Panic

        if self.live is not None:
            self.tell_live(Panic())
            self.notify("Every key is released.", title="Panic", severity="warning")

    # --- a long job ------------------------------------------------------------------------------

    async def launch(self, *words: str) -> "Run | None":
        """Start a long job that belongs to nobody; None while the same one is being started.

        Raises `AgpError` where it does not begin.
        """
        from agp_tui.engine.runs import Run
        from agp_tui.ui.client.process import ask

        if words[0] in self._starting:
            return None
        self._starting.add(words[0])
        try:
            run = (await ask(*words, "--detach", *self.words)).run
        finally:
            self._starting.discard(words[0])
        self.look_around()
        return Run(self.loaded.folder("runs") / run) if run is not None else None

    @work(group="start run")
    async def start_run(self, *words: str) -> None:
        """Start a long job and show it."""
        try:
            run = await self.launch(*words)
        except AgpError as error:
            self.notify(str(error), title=f"agp {words[0]}", severity="error", timeout=15, markup=False)
            return
        if run is not None:
            await self.show_run(run.id)

    # --- the end ---------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """The library's own way out, in the palette: ours."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl-C, by habit."""
        self.notify("Press ctrl+q to leave.", timeout=3)

    def action_leave(self) -> None:
        """Quit. A live job is finished properly first; long jobs go on."""
        from agp_tui.ui.dialogs.confirm import Confirm

        if self.live is None:
            self.exit(0)
        elif not isinstance(self.screen, Confirm):
            question = f"{self.status.job} runs. Finish it and leave?"
            self.push_screen(Confirm(question, "Finish and leave"), self._leave_if)

    async def _leave_if(self, agreed: bool | None) -> None:
        if agreed:
            await self.end_live()
            self.exit(0)

    async def on_unmount(self) -> None:
        """Commands that are under way come to their end: nothing is left running, nothing half written."""
        self.workers.cancel_all()
        await asyncio.gather(*(worker.wait() for worker in self.workers), return_exceptions=True)
