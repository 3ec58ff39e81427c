"""`agp doctor`: what of this machine helps or hinders, and what to do about it."""

from dataclasses import asdict

from agp_tui.cli.flags import GameFlags, OutputFlags
from agp_tui.cli.run_job import settings_of, show
from agp_tui.config import GameSettings, Output, check
from agp_tui.protocol.events import Table

_MARKS = {True: "ok", False: "PROBLEM", None: "-"}


def doctor(*, place: GameFlags = GameSettings(), output: OutputFlags = Output()) -> int:
    """Look over this machine: displays, keyboards, runtime, training, disk. Exit code 0 whatever it finds.

    With --json the report's `findings` have `name`, `ok` (null: good to know), `found` and `cure`.
    """
    from agp_tui.jobs.doctor import checkup

    loaded = settings_of(output)
    findings = checkup(check(place), loaded.folder("recordings"), loaded.config.record.min_free_mb)
    rows: list[list[str | float | int | None]] = [
        [_MARKS[finding.ok], finding.name, finding.found, finding.cure] for finding in findings
    ]
    table = Table(title="Doctor", columns=["", "what", "found", "to do"], rows=rows)
    return show(output, "doctor", table, report={"findings": [asdict(finding) for finding in findings]})
