"""The commands. Each job of the program also runs headless from here.

This package knows how to read flags and how to tell results; it does none of the work itself.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from agp_tui.errors import AgpError, BadSetting, Interrupted, JobFailed, SettingError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code: 0, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(_run(words))
    except AgpError as error:
        _complain(words, error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _complain(words, Interrupted("Interrupted before the end."))
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # Before Python 3.12 a Ctrl-C while a class is made comes as the cause of another error.
            _complain(words, Interrupted("Interrupted before the end."))
            sys.exit(130)
        # A fault of ours: people get the traceback, programs still get their last line.
        traceback.print_exc()
        if "--json" in words:
            _complain(words, JobFailed(f"{type(error).__name__}: {error}", "This is a fault of agp-tui."))
        sys.exit(1)


def _run(words: list[str]) -> int:
    if not words:
        # The most frequent words of all: no flags are read, so that the app is there at once.
        from agp_tui.cli.terminal import open_app

        return open_app()
    from cyclopts import CycloptsError

    from agp_tui.cli.commands import app_for

    try:
        result = app_for(words)(words, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        argument = getattr(error, "argument", None)
        setting = argument.name.lstrip("-").replace("-", "_") if argument is not None else None
        hint = "See agp --help, or --help after the command."
        raise SettingError(str(error), hint, setting=setting) from error
    except BadSetting as error:
        # Settings files were checked before: a flag gave it.
        raise error.as_flag() from error
    return result if isinstance(result, int) else 0


def _complain(words: list[str], error: AgpError) -> None:
    if "--json" in words:
        from agp_tui.protocol.events import Failed, encode

        sys.stdout.buffer.write(encode(Failed.of(error)))
        sys.stdout.flush()
    else:
        print(f"agp: {error}", file=sys.stderr)
