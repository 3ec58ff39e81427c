"""`agp doctor`: check the machine and suggest remedies."""

from dataclasses import asdict

from agp_tui.cli.flags import Game, GameFlags, OutputFlags
from agp_tui.cli.run_job import print_tables, run_live, settings_of
from agp_tui.cli.setting_sources import is_region_chosen
from agp_tui.config import GameSettings, Output, check
from agp_tui.engine.job import Job
from agp_tui.protocol.events import Finished, Table
from agp_tui.protocol.results import DoctorResult
from agp_tui.protocol.summaries import Finding

_MARKS = {True: "ok", False: "PROBLEM", None: "-"}


def doctor(
    *, game: Game | None = None, place: GameFlags = GameSettings(), output: OutputFlags = Output()
) -> int:
    """Check this machine: displays, profiles, keyboards, runtime, training, disk. The exit code is always 0.

    With --game, keys of that game are pressed for half a minute to measure the game's own delay from a key to
    the picture; its window must have the focus. Recordings and models made afterwards hold the figure.

    With --json the report's `findings` have `name`, `ok` (null: for information), `found` and `cure`.
    """
    from agp_tui.jobs.doctor import checkup

    loaded = settings_of(output)
    config, recordings = loaded.config, loaded.folder("recordings")
    findings = checkup(check(place), recordings, config.record.min_free_mb, config.games)
    if game is None:
        return print_tables(output, "doctor", _table(findings), report=DoctorResult(findings=findings))

    def body(job: Job) -> Finished:
        from agp_tui.jobs.game_delay import game_delay_finding

        chosen = is_region_chosen(loaded, game, place)
        found = [*findings, game_delay_finding(game, place, recordings, chosen, job)]
        job.emit(_table(found))
        return Finished(job="doctor", report=DoctorResult(findings=found))

    return run_live(output, "doctor", {"game": game} | asdict(place), body)


def _table(findings: list[Finding]) -> Table:
    rows: list[list[str | float | int | None]] = [
        [_MARKS[finding.ok], finding.name, finding.found, finding.cure] for finding in findings
    ]
    return Table(title="Doctor", columns=["", "what", "found", "to do"], rows=rows)
