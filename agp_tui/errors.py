"""Errors that a user can cause. Each names what was expected, what was found and what to do."""

LONGEST = 600
"""Characters of a message: what was found may be of any size."""


class AgpError(Exception):
    """A problem and what to do about it. The commands print both and exit with `exit_code`.

    `message` is one sentence that names what was expected and what was found, `hint` what to do or to
    type next, `setting` the setting at fault (`keys`), if it is one.
    """

    exit_code = 2
    stopped = False
    """Whether the job was stopped, as opposed to failed."""

    def __init__(self, message: str, hint: str = "", *, setting: str | None = None) -> None:
        self.message = _in_a_line(message)
        super().__init__(self.message)
        self.hint = hint
        self.setting = setting

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class SettingError(AgpError):
    """A setting, flag or name that does not fit."""


class BadSetting(SettingError):
    """A value that does not fit `setting`. `reason` is the message without the name: `Expected ...`."""

    def __init__(self, reason: str, hint: str = "", *, setting: str) -> None:
        super().__init__(f"{setting}: {reason}", hint, setting=setting)
        self.reason = reason

    def as_flag(self) -> SettingError:
        """The same error under the name of the flag: `--keys: Expected ...`."""
        name = (self.setting or "").partition("[")[0]
        return SettingError(f"--{name.replace('_', '-')}: {self.reason}", self.hint, setting=name)


class DisplayError(AgpError):
    """No usable display, or a region that is not on it."""


class RecordingError(AgpError):
    """A recording that is missing, foreign, damaged or too short."""


class ModelError(AgpError):
    """A model or checkpoint that is missing, damaged, foreign or does not fit the game."""


class MissingPart(AgpError):
    """An optional part of the program that is not installed here."""


class JobFailed(AgpError):
    """A job that started and could not continue, for a reason other than its settings."""

    exit_code = 1


class JobStopped(JobFailed):
    """A job that was stopped before it had a result."""

    stopped = True


class Interrupted(AgpError):
    """A second interrupt ended the job before it could finish by itself."""

    exit_code = 130
    stopped = True


def _in_a_line(text: str) -> str:
    """The text on one line, shortened in the middle to about `LONGEST` characters."""
    line = " ".join(text.splitlines())
    return line if len(line) <= LONGEST else f"{line[: LONGEST * 2 // 3]} … {line[-LONGEST // 4 :]}"
