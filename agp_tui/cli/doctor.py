"""`agp doctor`: check the machine and suggest remedies."""

from agp_tui.cli.flags import GameFlags, OutputFlags
from agp_tui.cli.run_job import print_tables, settings_of
from agp_tui.config import GameSettings, Output, check
from agp_tui.protocol.events import Table
from agp_tui.protocol.results import DoctorResult

_MARKS = {True: "ok", False: "PROBLEM", None: "-"}


def doctor(*, place: GameFlags = GameSettings(), output: OutputFlags = Output()) -> int:
    """Check this machine: displays, profiles, keyboards, runtime, training, disk. The exit code is always 0.

    With --json the report's `findings` have `name`, `ok` (null: for information), `found` and `cure`.
    """
    from agp_tui.jobs.doctor import checkup

    loaded = settings_of(output)
    config = loaded.config
    findings = checkup(check(place), loaded.folder("recordings"), config.record.min_free_mb, config.games)
    rows: list[list[str | float | int | None]] = [
        [_MARKS[finding.ok], finding.name, finding.found, finding.cure] for finding in findings
    ]
    table = Table(title="Doctor", columns=["", "what", "found", "to do"], rows=rows)
    return print_tables(output, "doctor", table, report=DoctorResult(findings=list(findings)))
