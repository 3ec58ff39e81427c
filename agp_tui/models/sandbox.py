"""The child process in which a model that was not made here is first opened and run.

The model's content comes on stdin, what was found goes as JSON to stdout. Whatever the model does
to the process (a crash, a hang, all the memory), only this one is lost.

    python -m agp_tui.models.sandbox [1,20,256,256,3] < model.tflite
"""

import os
import sys

import msgspec

from agp_tui.errors import MissingPart
from agp_tui.models.tflite import ModelFacts, describe, open_interpreter, run_once

MEMORY_LIMIT = 16 << 30
"""Bytes of address space that a model on trial may take."""


class SandboxResult(msgspec.Struct, frozen=True):
    """How the trial ended: with `facts`, or with what the runtime said (`refusal`)."""

    facts: ModelFacts | None = None
    refusal: str = ""
    missing: tuple[str, str] | None = None
    """Problem and cure where no runtime is installed."""


def run_sandboxed(data: bytes, input_shape: tuple[int, ...] | None) -> SandboxResult:
    """Open the model, run it once on zeros and describe it."""
    try:
        interpreter = open_interpreter(data)
        facts = describe(interpreter)
        return SandboxResult(facts=run_once(interpreter, facts, input_shape))
    except MissingPart as error:
        return SandboxResult(missing=(error.message, error.hint))
    except Exception as error:
        # Whatever it is, it is the model's doing, and the parent says so.
        return SandboxResult(refusal=f"{type(error).__name__}: {error}")


def main() -> None:
    """Read, try, answer."""
    _limit_resources()
    # The runtime may print: the answer alone goes to stdout.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    shape = tuple(int(size) for size in sys.argv[1].split(",")) if len(sys.argv) > 1 else None
    outcome = run_sandboxed(sys.stdin.buffer.read(), shape)
    with answer:
        answer.write(msgspec.json.encode(outcome))


def _limit_resources() -> None:
    """No core dump of a crash, and no more memory than a model can need."""
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = MEMORY_LIMIT if hard == resource.RLIM_INFINITY else min(MEMORY_LIMIT, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


if __name__ == "__main__":
    main()
