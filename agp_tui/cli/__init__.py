"""The command line: parses flags, starts jobs and prints their events. Does no work of its own."""

import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from agp_tui.errors import AgpError, BadSetting, Interrupted, JobFailed, SettingError


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command line and exit with its code: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.exit(_run(words))
    except AgpError as error:
        _print_error(words, error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _print_error(words, Interrupted("Interrupted before the end."))
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            # Before Python 3.12, a Ctrl-C during class creation arrives as the cause of another error.
            _print_error(words, Interrupted("Interrupted before the end."))
            sys.exit(130)
        # A bug: people get the traceback, programs still get a final event.
        traceback.print_exc()
        if "--json" in words:
            _print_error(words, JobFailed(f"{type(error).__name__}: {error}", "This is a bug in agp-tui."))
        sys.exit(1)


def _run(words: list[str]) -> int:
    if not words:
        # The most frequent call: no flags are parsed, so the app opens immediately.
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
        # Settings files were validated before, so the value came from a flag.
        raise error.as_flag() from error
    return result if isinstance(result, int) else 0


def _print_error(words: list[str], error: AgpError) -> None:
    if "--json" in words:
        from agp_tui.protocol.events import Failed, encode_event

        sys.stdout.buffer.write(encode_event(Failed.of(error)))
        sys.stdout.flush()
    else:
        print(f"agp: {error}", file=sys.stderr)
