"""One of our commands as a process of its own: its events come in, commands go out.

The app never does a job's work itself. What it can do, the same words in a shell can do.
"""

import asyncio
import contextlib
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncGenerator

from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import AgpError
from agp_tui.protocol.commands import Command, Stop, encode_command
from agp_tui.protocol.events import AnyEvent, Failed, Finished, decode_event

LINE_BYTES = 1 << 23
"""Longest line of events that is read; pictures travel in them."""

NARRATION_LINES = 20
PATIENCE_SECONDS = 5.0
"""How long a job may take to finish its files and release its keys before it is made to end."""
UNWANTED_SECONDS = 1.0
"""The same for a short command whose answer nobody waits for any more."""


class JobProcess:
    """A command that runs within `async with`; afterwards its process and its pipes are gone.

    It ends with the app, however that ends: its stdin closes, and live jobs take that for a stop.
    """

    def __init__(self, *words: str) -> None:
        """`agp WORDS --json`."""
        self.words = words
        self.process: Process | None = None
        """None until it has begun."""
        self.narration: deque[str] = deque(maxlen=NARRATION_LINES)
        """The last lines that it told people."""
        self.patience = PATIENCE_SECONDS
        """How long it is waited for before each signal."""
        self._early: list[Command] = []
        self._begun = asyncio.Event()

    async def __aenter__(self) -> "JobProcess":
        """Raises `AgpError` where no process can be had."""
        try:
            self.process = await asyncio.create_subprocess_exec(
                *module_command("agp_tui", *self.words, "--json"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=module_environment(),
                limit=LINE_BYTES,
                # Ctrl-C in the terminal is the app's, not the job's.
                start_new_session=True,
            )
        except OSError as error:
            raise AgpError(
                f"Expected to start agp {self.words[0]}, found: {error.strerror}.",
                "Close other programs, or start the app anew.",
            ) from error
        finally:
            self._begun.set()
        for command in self._early:
            self.send(command)
        return self

    async def __aexit__(self, *_error: object) -> None:
        # The app cancels its workers more than once as it closes: that does not cut the end short.
        ending, interrupted = asyncio.create_task(self._finish()), False
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                interrupted = True
        if interrupted:
            raise asyncio.CancelledError

    async def _finish(self) -> None:
        try:
            await self.end()
        finally:
            if self.process is not None:
                # Otherwise pipes are closed when they are collected, perhaps after their event loop.
                # Where the loop itself ends before the process does, this kills it.
                self.process._transport.close()  # type: ignore[attr-defined]

    async def events(self) -> AsyncGenerator[AnyEvent, None]:
        """Everything it tells. The last one is `Finished` or `Failed`, also where it died without a word."""
        assert self.process is not None and self.process.stdout is not None
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

    def send(self, command: Command) -> None:
        """Give it a command, as soon as it has begun; one that has ended no longer hears it."""
        if not self._begun.is_set():
            self._early.append(command)
        elif (stdin := self._stdin) is not None and not stdin.is_closing():
            stdin.write(encode_command(command))

    async def end(self) -> None:
        """Have it finish: a stop, the end of its stdin, then signals where it does not come to an end."""
        self.send(Stop())
        await self._begun.wait()
        if self.process is None:
            return
        if self._stdin is not None:
            self._stdin.close()
        for insist in (self.process.terminate, self.process.kill):
            try:
                await asyncio.wait_for(self.process.wait(), self.patience)
                return
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    insist()
        await self.process.wait()

    @property
    def _stdin(self) -> asyncio.StreamWriter | None:
        return self.process.stdin if self.process is not None else None

    async def _listen(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        with contextlib.suppress(ValueError):
            async for line in self.process.stderr:
                if text := line.decode(errors="replace").strip():
                    self.narration.append(text)

    def _died(self) -> Failed:
        last = self.narration[-1] if self.narration else "it said nothing"
        name = " ".join(self.words[:2])
        code = self.process.returncode if self.process is not None else None
        return Failed(
            error=f"agp {name} ended without a result (exit code {code}): {last.rstrip('.')}.",
            hint=f"Run it in a shell to see more: agp {' '.join(self.words)}",
            exit_code=code or 1,
        )


async def run_command(*words: str) -> Finished:
    """Run a short command to its end and give its result. Raises `AgpError` with its words where it fails."""
    async with JobProcess(*words) as job:
        try:
            told = [event async for event in job.events()]
        except asyncio.CancelledError:
            job.patience = UNWANTED_SECONDS
            raise
    end = told[-1]
    if isinstance(end, Failed):
        raise end.as_error()
    assert isinstance(end, Finished)
    return end
