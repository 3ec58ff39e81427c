"""Read files in a child process, which may crash, hang or run out of memory without ending the test."""

import json
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from agp_tui.engine.subprocesses import module_environment

ROOT = Path(__file__).parents[2]
ANSWER_TIMEOUT_SECONDS = 10.0
START_TIMEOUT_SECONDS = 120.0


class ReaderProcess:
    """A process for one of `support.file_readers`; it is restarted after it ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process = self._start()

    def __enter__(self) -> "ReaderProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def failure(self, path: Path) -> str | None:
        """Describe the failure of reading `path`; None if it was read, or refused with a concise error."""
        answer = self._ask(path)
        if "failed" in answer:
            return str(answer["failed"])
        if "refused" in answer and not answer["concise"]:
            return f"not a concise error: {answer['refused']!r}"
        return None

    def _ask(self, path: Path) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        process.stdin.write(f"{path}\n".encode())
        process.stdin.flush()
        line = self._line(ANSWER_TIMEOUT_SECONDS)
        if line:
            found: dict[str, Any] = json.loads(line)
            return found
        hung = process.poll() is None
        self._end()
        stderr = (process.stderr.read() if process.stderr else b"").decode(errors="replace")[-500:]
        self._process = self._start()
        if hung:
            return {"failed": f"no answer for {ANSWER_TIMEOUT_SECONDS:g} s"}
        return {"failed": f"ended with exit code {process.returncode}: {stderr}"}

    def _start(self) -> "subprocess.Popen[bytes]":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.file_readers", self._name],
            env=module_environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if self._line(START_TIMEOUT_SECONDS) != b"ready\n":
            self._end()
            stderr = self._process.stderr.read().decode() if self._process.stderr else ""
            raise RuntimeError(f"the reader of {self._name} did not start: {stderr}")
        return self._process

    def _line(self, seconds: float) -> bytes:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        return self._process.stdout.readline() if ready else b""

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
