"""Jobs: each takes a request, opens games, models and recordings, and runs one part of the program.

Live jobs (record, play) run in the process of their command; long jobs (train, practice, demo, diagnose) in a
worker with a run folder.
"""

from collections.abc import Callable
from typing import Any

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run
from agp_tui.errors import SettingError
from agp_tui.protocol.events import Finished

LongJob = Callable[[dict[str, Any], Job, Run], Finished]


def long_job(name: str) -> LongJob:
    """The function of a long job. Raises `SettingError` for an unknown name."""
    if name == "train":
        from agp_tui.jobs.train import run_train

        return run_train
    if name == "practice":
        from agp_tui.jobs.practice import run_practice

        return run_practice
    if name == "demo":
        from agp_tui.jobs.demo import run_demo

        return run_demo
    if name == "diagnose":
        from agp_tui.jobs.diagnose import run_diagnose

        return run_diagnose
    if name == "atari":
        from agp_tui.jobs.atari import run_atari

        return run_atari
    raise SettingError(f"Expected a long job (train, practice, demo, diagnose, atari), found {name!r}.")
