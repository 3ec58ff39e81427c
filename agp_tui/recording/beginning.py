"""What comes before the first frame: the key that begins, then a countdown."""

import math
import time

from agp_tui.config import RecordSettings
from agp_tui.engine.events import Progress
from agp_tui.engine.job import Job
from agp_tui.recording.playing import Keyboard

LISTEN_EVERY_SECONDS = 0.005


def begun(heard: Keyboard, settings: RecordSettings, job: Job) -> bool:
    """Wait as the settings ask; False where a stop, or the stop key, came first."""
    if settings.wait_for_enter and not _key_pressed(heard, settings, job):
        return False
    return not settings.countdown or _counted_down(heard, settings, job)


def _key_pressed(heard: Keyboard, settings: RecordSettings, job: Job) -> bool:
    job.note(f"Press {settings.start_key} on the game's keyboard to begin, {settings.stop_key} to end.")
    while not job.wait_for_stop(LISTEN_EVERY_SECONDS):
        heard.poll()
        if heard.pressed(settings.start_key):
            return True
        if heard.pressed(settings.stop_key):
            return False
    return False


def _counted_down(heard: Keyboard, settings: RecordSettings, job: Job) -> bool:
    """Tell each second that is left, in the machine's own time."""
    whole = settings.countdown
    job.stage("countdown", 1, 2)
    job.note(f"The recording begins in {whole:g} s.")
    end = time.monotonic() + whole
    told = math.inf
    while (left := end - time.monotonic()) > 0:
        if math.ceil(left) < told:
            told = math.ceil(left)
            seconds = min(float(told), whole)
            job.emit(Progress(done=whole - seconds, total=whole, unit="seconds", seconds_left=seconds))
        if job.wait_for_stop(min(left, LISTEN_EVERY_SECONDS)):
            return False
        heard.poll()
        if heard.pressed(settings.stop_key):
            return False
    job.emit(Progress(done=whole, total=whole, unit="seconds", seconds_left=0.0))
    job.stage("recording", 2, 2)
    return not job.stopping
