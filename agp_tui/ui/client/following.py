"""Following a run that belongs to nobody: what it told, and what it tells from now on."""

import asyncio
from collections.abc import AsyncIterator

from agp_tui.engine.events import AnyEvent, Failed, Finished
from agp_tui.engine.runs import Run

POLL_SECONDS = 0.1
BREATH = 20
"""Between so many events of a long story the app does something else."""


async def follow(run: Run) -> AsyncIterator[AnyEvent]:
    """Its events from the beginning of its latest execution to its end.

    The last one is `Finished` or `Failed`, also where its process is gone without a word.
    """
    from agp_tui.engine.client import last_words

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
        error=f"The run {run.id} ended without a word: {last_words(run)}",
        hint=f"See {run.path}/narration.log; agp runs list shows every run.",
    )
