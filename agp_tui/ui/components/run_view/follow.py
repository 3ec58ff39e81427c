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
YIELD_EVENTS = 20
"""The event loop gets control after this many past events."""


async def follow(run: Run) -> AsyncIterator[AnyEvent]:
    """`follow_to_end` for an event loop."""
    from agp_tui.engine.launcher import follow_to_end

    for number, event in enumerate(follow_to_end(run, poll_seconds=0.0)):
        if event is None:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if number % YIELD_EVENTS == 0:
            await asyncio.sleep(0)
        yield event
        if isinstance(event, Finished | Failed):
            # Resumed, the iterator would block until the process has exited.
            return


LAYOUT_POLLS = 50
EXIT_POLLS = 500
WAITING = "waiting for {run} …"


async def follow_run(agp: AppBase, view: RunView, run: Run) -> Finished | Failed:
    """Show a run until it ends, its progress in the status bar; returns its final event.

    Raises `CancelledError` when the app closes.
    """
    view.clear(WAITING.format(run=run.id))
    for _ in range(LAYOUT_POLLS):
        # Lines written before the log has a width are never wrapped again.
        if view.size.width:
            break
        await asyncio.sleep(0.02)
    try:
        for number, event in enumerate(run.earlier_events()):
            _check_running(agp)
            view.show_before(event)
            if number % YIELD_EVENTS == 0:
                await asyncio.sleep(0)
        running = run.alive()
        async for event in follow(run):
            _check_running(agp)
            view.show(event)
            if running:
                _update_status(agp, run, event)
            if isinstance(event, Finished | Failed):
                await _wait_for_exit(run)
                if running:
                    agp.poll_runs()
                return event
    except AgpError as error:
        failed = Failed.of(error)
        view.show(failed)
        return failed
    finally:
        agp.status = replace(agp.status, run="")
    raise AssertionError("A run ends with a final event.")


def _check_running(agp: AppBase) -> None:
    """A closing app removes its widgets before it cancels the workers that use them."""
    if not agp.is_running:
        raise asyncio.CancelledError


async def _wait_for_exit(run: Run) -> None:
    """Wait until the process has exited: only then can the run be resumed or deleted."""
    for _ in range(EXIT_POLLS):
        if not run.alive():
            return
        await asyncio.sleep(0.02)


def _update_status(agp: AppBase, run: Run, event: AnyEvent) -> None:
    """Show the progress in the status bar."""
    if isinstance(event, Stage):
        agp.status = replace(agp.status, run=f"{run.job} {event.number}/{event.of}")
    elif isinstance(event, Progress) and event.total:
        before = agp.status.run.split(",")[0] or run.job
        text = f"{before}, {100 * event.done / event.total:.0f} %"
        if text != agp.status.run:
            agp.status = replace(agp.status, run=text)
