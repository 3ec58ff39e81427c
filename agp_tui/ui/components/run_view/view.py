"""View of a run: stages, progress, curves, live picture and log.

For an Atari training, `AgentView` replaces picture and curves.
"""

import time
from dataclasses import dataclass, replace
from typing import Literal

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.markup import escape
from textual.widgets import ProgressBar, RichLog, Static

from agp_tui.formatting.events import progress_text
from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import (
    AnyEvent,
    EpisodeFinished,
    Evaluated,
    Failed,
    Finished,
    Live,
    Note,
    Progress,
    Stage,
    Started,
    Table,
)
from agp_tui.protocol.results import DiagnosisResult, TrainingResult
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.run_view.agent_view import JOB as AGENTS_JOB
from agp_tui.ui.components.run_view.agent_view import AgentView, agent_progress
from agp_tui.ui.components.run_view.curves import RunCurves
from agp_tui.ui.components.run_view.diagnosis import DiagnosisPane
from agp_tui.ui.components.run_view.result import event_text, result

LIVE_MESSAGE = "What it plays shows here."
ROOMY_ROWS = 28
"""From this height on each stage has a line of its own."""


State = Literal["running", "done", "stopped", "failed"]
ENDS: dict[State, str] = {
    "done": "[b $success]✓ Done[/]",
    "stopped": "[b $warning]■ Stopped[/]",
    "failed": "[b $error]✗ Failed[/]",
}


@dataclass(frozen=True)
class Story:
    """How far a run has come: stages with the moment each began, and how it ended."""

    name: str = ""
    stages: tuple[Stage, ...] = ()
    began: float | None = None
    ended: float | None = None
    state: State = "running"

    @property
    def end(self) -> str:
        """Markup of how the run ended; empty while it runs."""
        return ENDS.get(self.state, "")


class RunView(Vertical):
    """Shows one run. `clear` before another one."""

    def __init__(self, message: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="run-view")
        self._message = message
        self._story = Story()
        self._latest: Progress | None = None
        self.diagnosis = DiagnosisResult()
        """The rare situations and the learning curve in the result of the run."""

    def compose(self) -> ComposeResult:
        yield Static(self._message, classes="run-stage")
        with Horizontal(classes="run-progress"):
            yield ProgressBar(show_eta=False)
            yield Static(classes="run-figures")
        with Horizontal(classes="run-middle"):
            yield LiveView("record", LIVE_MESSAGE)
            yield RunCurves()
        yield AgentView()
        yield DiagnosisPane()
        yield RichLog(wrap=True, markup=False, classes="run-log", min_width=40)

    def on_mount(self) -> None:
        self.clear(self._message)
        # The duration of the stage increases between events too.
        self.set_interval(1.0, self._tick)

    def on_resize(self, resized: Resize) -> None:
        """Stages have a line each where there is room."""
        self._draw_stages()

    def clear(self, message: str) -> None:
        """Forget the run that was shown."""
        self._story, self._latest, self.diagnosis = Story(), None, DiagnosisResult()
        self.query_one(".run-stage", Static).update(Content.from_markup(message))
        self.query_one(".run-figures", Static).update("")
        self.query_one(ProgressBar).update(total=None, progress=0)
        self.query_one(RichLog).clear()
        self._rest_live()
        self.query_one(RunCurves).reset()
        self.query_one(AgentView).reset()
        for name in ("-running", "-curves", "-ended", "-agent", "-diagnosis"):
            self.remove_class(name)

    def show(self, event: AnyEvent) -> None:
        """One event of the run."""
        match event:
            case Started():
                self.add_class("-running")
                self.set_class(event.job == AGENTS_JOB, "-agent")
                self._story = Story(f"{event.job} {(event.run or '')[-4:]}".strip(), began=event.at)
                self.query_one(".run-stage", Static).update(f"{event.job} begins …")
            case Stage():
                self._stage(event)
            case Progress():
                self._progress(event)
            case Live():
                self.add_class("-live")
                if self._of_agent:
                    self.query_one(AgentView).show(event)
                else:
                    self.query_one(LiveView).show(event)
            case EpisodeFinished() | Evaluated():
                self.query_one(AgentView).show(event)
            case Table() | Note():
                self._write(event_text(event))
            case Finished():
                training = event.result(TrainingResult)
                stopped = event.stopped or (training is not None and training.stopped)
                self.diagnosis = event.result(DiagnosisResult) or DiagnosisResult()
                self._end(event.at, "stopped" if stopped else "done")
                for part in result(event):
                    self._write(part)
            case Failed():
                self._end(event.at, "stopped" if event.was_stopped else "failed")
                self._write(event_text(event))

    async def show_diagnosis(self, shown: bool) -> None:
        """Show the diagnosis in place of curves and log, or those again."""
        self.set_class(shown, "-diagnosis")
        if shown:
            await self.query_one(DiagnosisPane).show(self.diagnosis)

    def add_line(self, words: RenderableType) -> None:
        """Say something about the run that is no event of it."""
        self._write(words)

    def show_before(self, event: AnyEvent) -> None:
        """One event of an earlier execution of the same run: it belongs to the curves only."""
        if isinstance(event, Started):
            self.set_class(event.job == AGENTS_JOB, "-agent")
        elif isinstance(event, Progress):
            self._curves(event)
        elif isinstance(event, EpisodeFinished | Evaluated):
            self.query_one(AgentView).show(event)

    @property
    def _of_agent(self) -> bool:
        """Whether an agent is trained."""
        return self.has_class("-agent")

    def _stage(self, stage: Stage) -> None:
        stages = self._story.stages
        if stages and stage.number <= stages[-1].number:
            stages = ()
        self._story = replace(self._story, stages=(*stages, stage))
        self._latest = None
        self._rest_live()
        self.query_one(ProgressBar).update(total=None)
        self.query_one(".run-figures", Static).update("")
        self._write(Text(f"{stage.number}/{stage.of} {stage.name}", style="bold"))
        self._draw_stages()

    def _progress(self, event: Progress) -> None:
        self._latest = event
        self.query_one(ProgressBar).update(total=event.total, progress=event.done)
        text = agent_progress(event) if self._of_agent else progress_text(event)
        self.query_one(".run-figures", Static).update(Content(text))
        self._curves(event)

    def _curves(self, event: Progress) -> None:
        if self._of_agent:
            self.query_one(AgentView).show(event)
        elif self.query_one(RunCurves).show(event):
            self.add_class("-curves")

    def _end(self, at: float, state: State) -> None:
        self._story = replace(self._story, ended=at, state=state)
        self.remove_class("-running")
        self.add_class("-ended")
        self._rest_live()
        self._draw_stages()

    def _rest_live(self) -> None:
        """Nothing plays now."""
        self.remove_class("-live")
        self.query_one(LiveView).reset(LIVE_MESSAGE)
        self.query_one(AgentView).rest()

    def _tick(self) -> None:
        if self.has_class("-running") and self.region:
            self._draw_stages()

    def _draw_stages(self) -> None:
        if self._story.stages or self._story.state != "running":
            roomy = self.size.height >= ROOMY_ROWS
            text = stages_text(self._story, time.time(), roomy=roomy)
            self.query_one(".run-stage", Static).update(Content.from_markup(text))

    def _write(self, content: object) -> None:
        self.query_one(RichLog).write(content)


def stages_text(story: Story, now: float, *, roomy: bool) -> str:
    """Which parts are over, which goes on and for how long, as markup: a line each where there is room."""
    stages, over = story.stages, story.ended is not None
    until = story.ended if story.ended is not None else now
    whole = clock_text(max(0.0, until - story.began)).split(".")[0] if story.began is not None else ""
    if not stages:
        return f"{story.end}  [dim]{escape(story.name)}  {whole}[/]"
    newest = stages[-1]
    done = len(stages) if story.state == "done" else len(stages) - 1
    last = "" if done == len(stages) else "[$error]✗[/]" if over else "[$warning]◉[/]"
    left = "○" * max(0, newest.of - newest.number)
    dots = f"[$success]{'●' * done}[/]{last}[dim]{left}[/]"
    name = f"[b]{newest.number} of {newest.of}[/]  {escape(newest.name)}"
    going_on = name if done < len(stages) else ""
    line = f"{story.end}  {dots}  {going_on}  [dim]{whole}  {escape(story.name)}[/]".strip()
    if not roomy or newest.of < 2:
        return line
    begins = [*(stage.at for stage in stages), until]
    rows = [f"{story.end}  {dots}  [dim]{whole} in all  {escape(story.name)}[/]".strip()]
    for index, stage in enumerate(stages):
        took = clock_text(max(0.0, begins[index + 1] - begins[index])).split(".")[0]
        mark = "[$success]✓[/]" if index < done else last
        style = "b" if index == len(stages) - 1 and not over else "not bold"
        rows.append(f"  {mark} [{style}]{escape(stage.name)}[/]  [dim]{took}[/]")
    return "\n".join(rows)
