"""The base of screens that start a detached run, follow it, stop it, or leave it running."""

from typing import ClassVar

from msgspec import UNSET
from textual import work
from textual.reactive import var

from agp_tui.engine.runs import Run, RunError
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Failed, Finished
from agp_tui.ui.components.run_view.diagnosis import SituationCard
from agp_tui.ui.components.run_view.follow import follow_run
from agp_tui.ui.components.run_view.view import RunView
from agp_tui.ui.components.settings_form import SettingsForm
from agp_tui.ui.screens.base import AppScreen


class RunScreen(AppScreen):
    """Has the class `-following` while a run is shown. Subclasses define `VIEW` and `FOCUS`."""

    VIEW: ClassVar[str] = ""
    """The id of the screen's `RunView`."""
    FOCUS: ClassVar[str] = ".run-log"
    """Selector of the part of it that takes the focus."""

    followed_run: var[Run | None] = var[Run | None](None, init=False, bindings=True)
    """The run that is shown, if any."""
    end: var[Finished | Failed | None] = var[Finished | Failed | None](None, init=False, bindings=True)
    """The final event of the run that is shown."""

    left_run_id: str = ""
    """The run that the user went back from: it is not shown again automatically."""

    @property
    def run_view(self) -> RunView:
        """The view of the run."""
        return self.query_one(f"#{self.VIEW}", RunView)

    @work(group="start job")
    async def start_job(self, *arguments: str, form: SettingsForm | None = None) -> None:
        """Start a run and follow it; an error is shown in `form` if it is visible."""
        if form is not None:
            form.show_error("")
        try:
            run = await self.agp.launch(*arguments)
        except AgpError as error:
            if form is not None and form.region:
                form.show_error(str(error), error.setting)
            else:
                self.notify(
                    str(error), title=f"agp {arguments[0]}", severity="error", timeout=10, markup=False
                )
            return
        if run is not None:
            self.follow(run)

    def follow(self, run: Run) -> None:
        """Show a run from its start."""
        self.followed_run, self.end, self.left_run_id = run, None, ""
        self.add_class("-following")
        self.run_view.query_one(self.FOCUS).focus()
        self._follow_run(run)

    @work(exclusive=True, group="follow")
    async def _follow_run(self, run: Run) -> None:
        """Show its events until it ends."""
        end = await follow_run(self.agp, self.run_view, run)
        self.end = end
        self.run_ended(run, end)

    def run_ended(self, run: Run, end: Finished | Failed) -> None:
        """Called when the run that is shown has ended."""

    # --- the diagnosis -------------------------------------------------------------------------------

    @property
    def has_diagnosis(self) -> bool:
        """Whether the run that is shown found rare situations or has a learning curve."""
        if self.end is None:
            return False
        found = self.run_view.diagnosis
        return bool(found.rare_situations) or found.learning_curve is not UNSET

    @property
    def diagnosis_shown(self) -> bool:
        """Whether the rare situations and the learning curve are shown."""
        return self.run_view.has_class("-diagnosis")

    async def action_situations(self) -> None:
        """Show the rare situations and the learning curve, or the log again."""
        shown = not self.diagnosis_shown
        await self.run_view.show_diagnosis(shown)
        if not shown or not self.run_view.diagnosis.rare_situations:
            self.run_view.query_one(self.FOCUS).focus()
        self.refresh_bindings()

    @property
    def diagnosable_model(self) -> str:
        """The model of the run that is shown, if it has no learning curve yet; empty for none."""
        end = self.end
        if not isinstance(end, Finished) or end.job not in ("train", "diagnose") or not end.model:
            return ""
        return end.model if self.run_view.diagnosis.learning_curve is UNSET else ""

    def action_learning_curve(self) -> None:
        """Train the learning curve of the model of the run that is shown."""
        self.start_job("models", "diagnose", self.diagnosable_model)

    async def on_situation_card_replay_requested(self, request: SituationCard.ReplayRequested) -> None:
        """Replay the moment of a situation."""
        await self.agp.show_replay(request.situation.recording, request.situation.frame)

    def leave_run(self) -> None:
        """Stop showing the run; it goes on."""
        if self.followed_run is not None:
            self.left_run_id = self.followed_run.id
            self.followed_run, self.end = None, None
            self.workers.cancel_group(self, "follow")
            self.remove_class("-following")
            self.run_view.remove_class("-diagnosis")

    def run_named(self, name: str) -> Run:
        """The run with that id."""
        return Run(self.agp.loaded.folder("runs") / name)

    def followed_run_id(self) -> str:
        """The id of the run that is shown."""
        return self.followed_run.id if self.followed_run else ""

    def action_stop(self) -> None:
        """Stop the run that is shown; it saves its checkpoint first."""
        if self.followed_run is not None and self.followed_run.alive():
            try:
                self.followed_run.stop()
            except (RunError, ProcessLookupError) as error:
                self.notify(f"The run has already ended: {error}", severity="warning", markup=False)
            else:
                self.notify("The run saves its checkpoint and stops.")

    def copy_text(self) -> str:
        """The folder of the run that is shown."""
        return str(self.followed_run.path) if self.followed_run is not None else ""
