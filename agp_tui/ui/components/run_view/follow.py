"""Shows the past and future events of a run in a `RunView`."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from agp_tui.engine.runs import Run
from agp_tui.errors import AgpError
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Progress, Stage
from agp_tui.ui.app_base import AppBase
from agp_tui.ui.components.run_view.view import RunView

POLL_SECONDS = 0.1
BREATH = 20
"""Between so many events of a long story the app does something else."""


async def follow(run: Run) -> AsyncIterator[AnyEvent]:
    """Its events from the beginning of its latest execution to its end.

    The last one is `Finished` or `Failed`, also where its process is gone without a word.
    """
    from agp_tui.engine.launcher import last_words

    for number, event in enumerate(run.follow(poll_seconds=0.0)):
        if event is None:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if number % BREATH == 0:
            await asyncio.sleep(0)
        yield event
        if isinstance(event, Finished | Failed):
            return
    yield Failed(
        error=f"The run {run.id} ended without a result: {last_words(run)}",
        hint=f"See {run.path}/narration.log; agp runs list shows every run.",
    )


LAYOUT_POLLS = 50
REST_POLLS = 500
WAITING = "waiting for {run} …"


async def follow_run(agp: AppBase, view: RunView, run: Run) -> Finished | Failed:
    """Show a run from its beginning to its end, which is given back; the status bar says how far it is.

    Ends as if it were cancelled once the app closes.
    """
    view.clear(WAITING.format(run=run.id))
    for _ in range(LAYOUT_POLLS):
        # What is written before the log has a width stays as narrow as it then is.
        if view.size.width:
            break
        await asyncio.sleep(0.02)
    try:
        for number, event in enumerate(run.earlier_events()):
            _need_open(agp)
            view.show_before(event)
            if number % BREATH == 0:
                await asyncio.sleep(0)
        running = run.alive()
        async for event in follow(run):
            _need_open(agp)
            view.show(event)
            if running:
                _tell(agp, run, event)
            if isinstance(event, Finished | Failed):
                await _at_rest(run)
                if running:
                    agp.poll_runs()
                return event
    except AgpError as error:
        failed = Failed.of(error)
        view.show(failed)
        return failed
    finally:
        agp.status = replace(agp.status, run="")
    raise AssertionError("Following ends with a result.")


def _need_open(agp: AppBase) -> None:
    """A closing app takes its widgets away one by one, and only then cancels who shows something in them."""
    if not agp.is_running:
        raise asyncio.CancelledError


async def _at_rest(run: Run) -> None:
    """After its last word a process needs a moment to go; only then can a run be gone on with or deleted."""
    for _ in range(REST_POLLS):
        if not run.alive():
            return
        await asyncio.sleep(0.02)


def _tell(agp: AppBase, run: Run, event: AnyEvent) -> None:
    """How far it is, in a few words, for the status bar."""
    if isinstance(event, Stage):
        agp.status = replace(agp.status, run=f"{run.job} {event.number}/{event.of}")
    elif isinstance(event, Progress) and event.total:
        before = agp.status.run.split(",")[0] or run.job
        text = f"{before}, {100 * event.done / event.total:.0f} %"
        if text != agp.status.run:
            agp.status = replace(agp.status, run=text)
