"""The process behind a long job: it works on one run folder and belongs to no terminal."""

import contextlib
import sys
import traceback
from pathlib import Path

import msgspec

from agp_tui.engine.job import Job
from agp_tui.engine.runs import Run, RunLog
from agp_tui.errors import AgpError, Interrupted
from agp_tui.jobs import long_job
from agp_tui.protocol.events import Failed, Finished, Started


def main(path: Path) -> int:
    """Do what the run at `path` asks for; the exit code."""
    run = Run(path)
    run.claim()
    job = Job(RunLog(run))
    with job.stop_on_signals():
        try:
            job.emit(Started(job=run.job, settings=run.request, run=run.id))
            finished: Finished = long_job(run.job)(run.request, job, run)
            job.emit(msgspec.structs.replace(finished, stopped=job.interrupted))
            return Interrupted.exit_code if job.interrupted else 0
        except AgpError as error:
            code = Interrupted.exit_code if job.interrupted else error.exit_code
            return _failed(job, error.problem, error.cure, code)
        except KeyboardInterrupt:
            return _failed(job, "Interrupted.", "", Interrupted.exit_code)
        except Exception as error:
            traceback.print_exc()
            return _failed(job, f"{type(error).__name__}: {error}", f"See {run.path}/narration.log.", 1)
        finally:
            job.close()


def _failed(job: Job, error: str, hint: str, exit_code: int) -> int:
    """Tell how it ended; a full disk may have no room even for that. Gives the exit code."""
    with contextlib.suppress(OSError):
        job.emit(Failed(error=error, hint=hint, exit_code=exit_code))
    return exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
