"""The errors that a user can cause. Each says what was expected, what was found and what to do."""

LONGEST = 600
"""Characters of a problem: what was found may be of any size."""


class AgpError(Exception):
    """A problem with a cure. The commands print both and exit with `exit_code`.

    `problem` is one sentence that names what was expected and what was found;
    `cure` is what to do or to type next.
    """

    exit_code = 2

    def __init__(self, problem: str, cure: str = "") -> None:
        self.problem = _in_a_line(problem)
        super().__init__(self.problem)
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.problem} {self.cure}".strip()


class SettingError(AgpError):
    """A setting, flag or name that does not fit."""


class BadSetting(SettingError):
    """A value that does not fit. `problem` begins with the setting's name: `keys: Expected ...`."""

    def as_flag(self) -> SettingError:
        """The same said of the flag that gave it: `--keys: Expected ...`."""
        name, _, rest = self.problem.partition(": ")
        return SettingError(f"--{name.partition('[')[0].replace('_', '-')}: {rest}", self.cure)


class DisplayError(AgpError):
    """No usable display, or a region that is not on it."""


class RecordingError(AgpError):
    """A recording that is missing, foreign, damaged or too small for what is asked of it."""


class ModelError(AgpError):
    """A model or checkpoint that is missing, damaged, foreign or does not fit the game."""


class MissingPart(AgpError):
    """An optional part of the program that is not installed here."""


class JobFailed(AgpError):
    """A job that began well and could not go on, through no fault of its settings."""

    exit_code = 1


class Interrupted(AgpError):
    """A person insisted on the end before the job could come to it by itself."""

    exit_code = 130


def _in_a_line(text: str) -> str:
    """Without its middle where it is too long to be read."""
    line = " ".join(text.splitlines())
    return line if len(line) <= LONGEST else f"{line[: LONGEST * 2 // 3]} … {line[-LONGEST // 4 :]}"
