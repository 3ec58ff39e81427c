"""The process of a long job: runs the request of one run folder, detached from any terminal."""

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
    """Execute the request of the run at `path`. Returns the exit code."""
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
            return _failed(job, Failed.of(error, code))
        except KeyboardInterrupt:
            return _failed(job, Failed.of(Interrupted("Interrupted.")))
        except Exception as error:
            traceback.print_exc()
            hint = f"See {run.path}/narration.log."
            return _failed(job, Failed(error=f"{type(error).__name__}: {error}", hint=hint))
        finally:
            job.close()


def _failed(job: Job, event: Failed) -> int:
    """Emit the last event, unless the disk is too full for it. Returns the exit code."""
    with contextlib.suppress(OSError):
        job.emit(event)
    return event.exit_code


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
