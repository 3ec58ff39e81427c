"""The sandbox: a child process that opens and runs a model of unknown origin for the first time.

The model's content comes on stdin, the `SandboxResult` goes to stdout as JSON. A crash, a hang or
excessive memory use of the model costs only this process.

    python -m agp_tui.models.sandbox [1,20,256,256,3] < model.tflite
"""

import os
import sys

import msgspec

from agp_tui.engine.subprocesses import limit_resources
from agp_tui.errors import MissingPart
from agp_tui.models.tflite import ModelFacts, describe, open_interpreter, run_once

MEMORY_LIMIT = 16 << 30
"""Address space of the sandbox, in bytes."""


class SandboxResult(msgspec.Struct, frozen=True):
    """The model's `facts`, or why there are none."""

    facts: ModelFacts | None = None
    refusal: str = ""
    """The runtime's error."""
    missing: tuple[str, str] | None = None
    """Message and hint if no runtime is installed."""


def run_sandboxed(data: bytes, input_shape: tuple[int, ...] | None) -> SandboxResult:
    """Open the model, run it once on zeros and describe it."""
    try:
        interpreter = open_interpreter(data)
        facts = describe(interpreter)
        return SandboxResult(facts=run_once(interpreter, facts, input_shape))
    except MissingPart as error:
        return SandboxResult(missing=(error.message, error.hint))
    except Exception as error:
        # Any error comes from the model; the parent process reports it.
        return SandboxResult(refusal=f"{type(error).__name__}: {error}")


def main() -> None:
    """Read a model from stdin, run it, write the result to stdout."""
    limit_resources(MEMORY_LIMIT)
    # The runtime may print to stdout: only the result may go there.
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    shape = tuple(int(size) for size in sys.argv[1].split(",")) if len(sys.argv) > 1 else None
    result = run_sandboxed(sys.stdin.buffer.read(), shape)
    with stdout:
        stdout.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
