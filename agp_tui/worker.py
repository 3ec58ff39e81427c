"""The process behind a long job: it works on one run folder and belongs to no terminal."""

import sys
import traceback
from pathlib import Path

import msgspec

from agp_tui.engine.events import Failed, Finished, Started
from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run, RunLog
from agp_tui.errors import AgpError, Interrupted
from agp_tui.jobs import long_job


def main(path: Path) -> int:
    """Do what the run at `path` asks for; the exit code."""
    run = Run(path)
    run.claim()
    job = Job(RunLog(run))
    with job.signals():
        try:
            job.emit(Started(job=run.job, settings=run.request, run=run.id))
            finished: Finished = long_job(run.job)(run.request, job, run)
            job.emit(msgspec.structs.replace(finished, stopped=job.interrupted))
            return Interrupted.exit_code if job.interrupted else 0
        except AgpError as error:
            code = Interrupted.exit_code if job.interrupted else error.exit_code
            job.emit(Failed(error=error.problem, hint=error.cure, exit_code=code))
            return code
        except KeyboardInterrupt:
            job.emit(Failed(error="Interrupted.", exit_code=130))
            return 130
        except Exception as error:
            traceback.print_exc()
            job.emit(
                Failed(
                    error=f"{type(error).__name__}: {error}",
                    hint=f"See {run.path}/narration.log.",
                    exit_code=1,
                )
            )
            return 1
        finally:
            job.close()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
