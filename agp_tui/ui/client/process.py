"""One of our commands as a process of its own: its events come in, commands go out.

The app never does a job's work itself. What it can do, the same words in a shell can do.
"""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from agp_tui.engine.children import module_command, module_environment
from agp_tui.engine.events import AnyEvent, Command, Failed, Finished, Stop, Table, decode_event, encode
from agp_tui.errors import AgpError

LINE_BYTES = 1 << 23
"""Longest line of events that is read; pictures travel in them."""

NARRATION_LINES = 20
PATIENCE_SECONDS = 5.0
"""How long a job may take to finish its files and release its keys before it is made to end."""


@dataclass
class JobProcess:
    """A running command. It ends with the app: its stdin closes, and live jobs take that for a stop."""

    words: tuple[str, ...]
    process: Process
    narration: deque[str] = field(default_factory=lambda: deque(maxlen=NARRATION_LINES))
    """The last lines that it told people."""

    @classmethod
    async def start(cls, *words: str, variables: Mapping[str, str] | None = None) -> "JobProcess":
        """Start `agp WORDS --json`."""
        process = await asyncio.create_subprocess_exec(
            *module_command("agp_tui", *words, "--json"),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=module_environment(**(variables or {})),
            limit=LINE_BYTES,
            # Ctrl-C in the terminal is the app's, not the job's.
            start_new_session=True,
        )
        return cls(words, process)

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Everything it tells. The last one is `Finished` or `Failed`, also where it died without a word."""
        assert self.process.stdout is not None
        listening = asyncio.create_task(self._listen())
        ended = False
        try:
            async for line in self.process.stdout:
                with contextlib.suppress(AgpError):
                    event = decode_event(line)
                    ended = isinstance(event, Finished | Failed)
                    yield event
            await self.process.wait()
            await listening
        finally:
            listening.cancel()
        if not ended:
            yield self._died()

    def tell(self, command: Command) -> None:
        """Give it a command; one that has ended no longer hears it."""
        if self.process.stdin is not None and not self.process.stdin.is_closing():
            self.process.stdin.write(encode(command))

    async def end(self) -> None:
        """Have it finish: a stop, the end of its stdin, then signals where it does not come to an end."""
        self.tell(Stop())
        if self.process.stdin is not None:
            self.process.stdin.close()
        for insist in (self.process.terminate, self.process.kill):
            try:
                await asyncio.wait_for(self.process.wait(), PATIENCE_SECONDS)
                return
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    insist()
        await self.process.wait()

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(ValueError):
            async for line in self.process.stderr:
                if text := line.decode(errors="replace").strip():
                    self.narration.append(text)

    def _died(self) -> Failed:
        last = self.narration[-1] if self.narration else "it said nothing"
        name = " ".join(self.words[:2])
        return Failed(
            error=f"agp {name} ended without a result (exit code {self.process.returncode}): {last}",
            hint=f"Run it in a shell to see more: agp {' '.join(self.words)}",
            exit_code=self.process.returncode or 1,
        )


@dataclass(frozen=True)
class Answer:
    """What a short command told: its result and its tables."""

    finished: Finished
    tables: tuple[Table, ...] = ()


async def ask(*words: str) -> Answer:
    """Run a short command to its end. Raises `AgpError` with its words where it fails."""
    job = await JobProcess.start(*words)
    tables: list[Table] = []
    try:
        async for event in job.events():
            match event:
                case Table():
                    tables.append(event)
                case Failed():
                    raise AgpError(event.error, event.hint)
                case Finished():
                    return Answer(event, tuple(tables))
    finally:
        await job.end()
    raise AgpError("Expected a result, found none.")
