"""An `agp` command as a process: events from its stdout, commands to its stdin."""

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
"""Maximum length of an event line; live events contain pictures."""

LOG_LINES = 20
STOP_SECONDS = 5.0
"""Time for a job to finish its files and release its keys before it gets a signal."""
CANCEL_SECONDS = 1.0
"""The same for a short command that was cancelled."""


class JobProcess:
    """A command that runs within `async with`; afterwards its process and pipes are closed.

    It ends with the app, even if the app is killed: live jobs stop when their stdin closes.
    """

    def __init__(self, *words: str) -> None:
        """`agp WORDS --json`."""
        self.words = words
        self.process: Process | None = None
        """None until it has started."""
        self.log_lines: deque[str] = deque(maxlen=LOG_LINES)
        """The last lines of its stderr."""
        self.stop_timeout = STOP_SECONDS
        """Seconds to wait before each signal."""
        self._queued: list[Command] = []
        self._started = asyncio.Event()

    async def __aenter__(self) -> "JobProcess":
        """Raises `AgpError` if the process cannot be started."""
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
            self._started.set()
        for command in self._queued:
            self.send(command)
        return self

    async def __aexit__(self, *_error: object) -> None:
        # The app cancels its workers more than once as it closes; the end must not be interrupted.
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
        """Its events. The last one is `Finished` or `Failed`, even if the process died without a result."""
        assert self.process is not None and self.process.stdout is not None
        listening = asyncio.create_task(self._read_log())
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
            yield self._lost_event()

    def send(self, command: Command) -> None:
        """Send a command, queued until the process has started; ignored after it has ended."""
        if not self._started.is_set():
            self._queued.append(command)
        elif (stdin := self._stdin) is not None and not stdin.is_closing():
            stdin.write(encode_command(command))

    async def end(self) -> None:
        """End the process: a stop command, the end of its stdin, then signals."""
        self.send(Stop())
        await self._started.wait()
        if self.process is None:
            return
        if self._stdin is not None:
            self._stdin.close()
        for insist in (self.process.terminate, self.process.kill):
            try:
                await asyncio.wait_for(self.process.wait(), self.stop_timeout)
                return
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    insist()
        await self.process.wait()

    @property
    def _stdin(self) -> asyncio.StreamWriter | None:
        return self.process.stdin if self.process is not None else None

    async def _read_log(self) -> None:
        assert self.process is not None and self.process.stderr is not None
        with contextlib.suppress(ValueError):
            async for line in self.process.stderr:
                if text := line.decode(errors="replace").strip():
                    self.log_lines.append(text)

    def _lost_event(self) -> Failed:
        last = self.log_lines[-1] if self.log_lines else "it printed nothing"
        name = " ".join(self.words[:2])
        code = self.process.returncode if self.process is not None else None
        return Failed(
            error=f"agp {name} ended without a result (exit code {code}): {last.rstrip('.')}.",
            hint=f"Run it in a shell to see more: agp {' '.join(self.words)}",
            exit_code=code or 1,
        )


async def run_command(*words: str) -> Finished:
    """Run a short command and return its result. Raises `AgpError` with its message if it fails."""
    async with JobProcess(*words) as job:
        try:
            events = [event async for event in job.events()]
        except asyncio.CancelledError:
            job.stop_timeout = CANCEL_SECONDS
            raise
    end = events[-1]
    if isinstance(end, Failed):
        raise end.as_error()
    assert isinstance(end, Finished)
    return end
