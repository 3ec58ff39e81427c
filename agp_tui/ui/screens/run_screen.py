"""Screens that follow a long job: it is started, shown to its end, stopped, and left to itself."""

from typing import ClassVar, Protocol

from textual import work
from textual.geometry import Region
from textual.reactive import var

from agp_tui.engine.runs import Run, RunError
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Failed, Finished
from agp_tui.ui.components.run_view.follow import watch
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.screens.base import AppScreen


class Form(Protocol):
    """Where a person says what is to be started."""

    @property
    def region(self) -> Region:
        """Empty where the form is not shown."""
        ...

    def refuse(self, problem: str, setting: str | None = None) -> None:
        """Show what does not fit, and focus the field of the setting at fault."""
        ...


class FollowingScreen(AppScreen):
    """While a run is shown the screen has the class `-following`. Subclasses give `VIEW` and `FOCUS`."""

    VIEW: ClassVar[str] = ""
    """The id of the screen's `RunView`."""
    FOCUS: ClassVar[str] = ".run-log"
    """The part of it that takes the focus."""

    watched: var[Run | None] = var[Run | None](None, init=False, bindings=True)
    """The run that is shown; None shows what the screen is for otherwise."""
    end: var[Finished | Failed | None] = var[Finished | Failed | None](None, init=False, bindings=True)
    """How the run that is shown ended."""

    left: str = ""
    """The run that a person went back from: it is not shown again by itself."""

    @property
    def run_view(self) -> RunView:
        """Where the run is shown."""
        return self.query_one(f"#{self.VIEW}", RunView)

    @work(group="begin")
    async def begin(self, *words: str, form: Form | None = None) -> None:
        """Start a long job and follow it; `form`, where it is seen, says what is in the way."""
        if form is not None:
            form.refuse("")
        try:
            run = await self.agp.launch(*words)
        except AgpError as error:
            if form is not None and form.region:
                form.refuse(str(error), error.setting)
            else:
                self.notify(str(error), title=f"agp {words[0]}", severity="error", timeout=10, markup=False)
            return
        if run is not None:
            self.follow(run)

    def follow(self, run: Run) -> None:
        """Show a run, from its beginning on."""
        self.watched, self.end, self.left = run, None, ""
        self.add_class("-following")
        self.run_view.query_one(self.FOCUS).focus()
        self.watch_it(run)

    @work(exclusive=True, group="follow")
    async def watch_it(self, run: Run) -> None:
        """Follow it to its end."""
        end = await watch(self.agp, self.run_view, run)
        self.end = end
        self.run_ended(run, end)

    def run_ended(self, run: Run, end: Finished | Failed) -> None:
        """The run that is shown has come to its end."""

    def leave_run(self) -> None:
        """Look elsewhere; the run goes on."""
        if self.watched is not None:
            self.left = self.watched.id
            self.watched, self.end = None, None
            self.workers.cancel_group(self, "follow")
            self.remove_class("-following")

    def run_named(self, name: str) -> Run:
        """The run of that id."""
        return Run(self.agp.loaded.folder("runs") / name)

    def shows_run(self) -> str:
        """The id of the run that is shown."""
        return self.watched.id if self.watched else ""

    def action_stop(self) -> None:
        """Stop the run that is shown; its checkpoint is kept, so nothing is lost."""
        if self.watched is not None and self.watched.alive():
            try:
                self.watched.stop()
            except (RunError, ProcessLookupError) as error:
                self.notify(f"It has ended already: {error}", severity="warning", markup=False)
            else:
                self.notify("It saves its checkpoint and stops.")

    def worth_copying(self) -> str:
        """The folder of the run that is shown."""
        return str(self.watched.path) if self.watched is not None else ""
