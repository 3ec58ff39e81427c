"""The app as screens and components see it: shared state, one live job at most, detached runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from textual import work
from textual.app import App
from textual.dom import DOMNode
from textual.reactive import var
from textual.signal import Signal

from agp_tui.errors import AgpError, SettingError

if TYPE_CHECKING:
    from textual.driver import Driver
    from textual.worker import Worker

    from agp_tui.config.file import LoadedConfig
    from agp_tui.engine.runs import Run
    from agp_tui.protocol.commands import Command
    from agp_tui.protocol.events import AnyEvent
    from agp_tui.ui.client.catalog import Catalog, Part
    from agp_tui.ui.client.process import JobProcess


@dataclass(frozen=True)
class Status:
    """The content of the status bar. `job` is the live job, such as `REC`; empty if none runs."""

    game: str = ""
    display: str = ""
    job: str = ""
    fps: float | None = None
    fps_asked: float | None = None
    run: str = ""
    """The followed run and its progress."""
    free_bytes: int | None = None
    """Free space on the disk of the recordings."""


# Imports that the first screen does not need are made where they are used.


class AppBase(App[int]):
    """Shared state and jobs. `AgpApp` adds the screens, the settings file and the catalog's refresh."""

    status: var[Status] = var(Status())
    game: var[str] = var("")
    """The chosen game: a profile or an Atari id."""

    def __init__(self, *global_flags: str) -> None:
        super().__init__()
        self.global_flags = global_flags
        """Flags given to every command that the app runs."""
        self.config_problem: SettingError | None = None
        """The error in the settings file, if there is one."""
        self.catalog_changed: Signal[str] = Signal(self, "catalog changed")
        """Published with the name of a catalog part, `game` or `settings`."""
        self.live: JobProcess | None = None
        """The running live job; there is at most one."""
        self._starting: set[str] = set()
        """Commands whose run is being started."""

    def get_driver_class(self) -> "type[Driver]":
        """A driver that can report key releases."""
        from agp_tui.ui.keyboard.driver import keyboard_driver_class

        return keyboard_driver_class(super().get_driver_class())

    @property
    def loaded(self) -> "LoadedConfig":
        """The settings in effect; the defaults if the file is invalid."""
        raise NotImplementedError

    @property
    def catalog(self) -> "Catalog":
        """Recordings, models, runs, findings and Atari games."""
        raise NotImplementedError

    @property
    def own_keys(self) -> dict[str, str]:
        """The user's keys by binding id."""
        raise NotImplementedError

    def reload(self) -> None:
        """Read the settings file again after it was written."""
        raise NotImplementedError

    def refresh_catalog(self, *parts: "Part") -> "Worker[None]":
        """Refresh parts of the catalog, then notify the screens."""
        raise NotImplementedError

    def poll_runs(self) -> None:
        """Read the run folders and the free disk space."""
        raise NotImplementedError

    async def show_run(self, run: str) -> None:
        """Follow a run on the runs screen."""
        raise NotImplementedError

    async def show_replay(self, recording: str, frame: int) -> None:
        """Replay a recording from a frame on, paused, on the library screen."""
        raise NotImplementedError

    async def action_go(self, mode: str) -> None:
        """Switch to another screen."""
        raise NotImplementedError

    # --- a live job ------------------------------------------------------------------------------

    async def run_live(self, name: str, *arguments: str) -> "AsyncIterator[AnyEvent]":
        """Start a live job and yield its events until it ends; `name` is its name in the status bar.

        Raises `AgpError` if another live job runs.
        """
        from agp_tui.protocol.events import Live
        from agp_tui.ui.client.process import JobProcess

        if self.live is not None:
            raise AgpError(
                f"Expected nothing to run live, found {self.status.job}.", "Stop it first; one at a time."
            )
        # No await before this assignment: of two concurrent calls, the second sees the first.
        self.live = job = JobProcess(*arguments, *self.global_flags)
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

    def send_live(self, command: "Command") -> None:
        """Send a command to the live job, if there is one; queued until its process has started."""
        if self.live is not None:
            self.live.send(command)

    async def end_live(self) -> None:
        """Stop the live job, if there is one, and wait until it has ended."""
        if self.live is not None:
            await self.live.end()

    def action_panic(self) -> None:
        """Release every key and stop the player immediately."""
        from agp_tui.protocol.commands import Panic

        if self.live is not None:
            self.send_live(Panic())
            self.notify("Every key is released.", title="Panic", severity="warning")

    # --- detached runs ------------------------------------------------------------------------------

    async def launch(self, *arguments: str) -> "Run | None":
        """Start a detached run; None while the same command is already being started.

        Raises `AgpError` if it does not start.
        """
        from agp_tui.engine.runs import Run
        from agp_tui.ui.client.process import run_command

        if arguments[0] in self._starting:
            return None
        self._starting.add(arguments[0])
        try:
            run = (await run_command(*arguments, "--detach", *self.global_flags)).run
        finally:
            self._starting.discard(arguments[0])
        self.poll_runs()
        return Run(self.loaded.folder("runs") / run) if run is not None else None

    @work(group="start run")
    async def start_run(self, *arguments: str) -> None:
        """Start a detached run and show it."""
        try:
            run = await self.launch(*arguments)
        except AgpError as error:
            self.notify(str(error), title=f"agp {arguments[0]}", severity="error", timeout=15, markup=False)
            return
        if run is not None:
            await self.show_run(run.id)

    # --- quitting ---------------------------------------------------------------------------------

    async def action_quit(self) -> None:
        """Textual's own quit action, in the command palette."""
        self.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl-C."""
        self.notify("Press ctrl+q to leave.", timeout=3)

    def action_leave(self) -> None:
        """Quit. A live job is finished first; detached runs go on."""
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
        """Wait until the running commands have ended, so that nothing is left running or half written."""
        self.workers.cancel_all()
        await asyncio.gather(*(worker.wait() for worker in self.workers), return_exceptions=True)


def app_of(node: DOMNode) -> AppBase:
    """The app of a screen or widget, typed."""
    return cast(AppBase, node.app)
