"""The jobs of `agp screen`: show a display, and choose a point on it by a click."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agp_tui.config import GameSettings, PreviewSettings
from agp_tui.engine.clock import NS, Clock
from agp_tui.engine.job import Job
from agp_tui.errors import JobFailed
from agp_tui.games.base import Pixels
from agp_tui.games.click_to_choose import choose_center
from agp_tui.games.display_discovery import DisplayCandidate, find_display
from agp_tui.games.factory import KnownViews, locate
from agp_tui.games.live_preview import Preview, live_event
from agp_tui.games.profiles import has_region
from agp_tui.games.screen import Grabber, ScreenGame, to_rgb
from agp_tui.games.screen_region import ScreenRegion
from agp_tui.protocol.events import Finished, Table
from agp_tui.protocol.results import PickResult, ScreenWatchResult
from agp_tui.recording.library import known_views
from agp_tui.recording.store import find_recordings

SIZE_UPDATE_SECONDS = 2.0
"""Interval at which the size of the display is updated, since a larger size is not reported."""


@dataclass(frozen=True, kw_only=True)
class ScreenWatchRequest:
    """The request of `agp screen watch`: the whole display if neither `place` nor `game` gives a region."""

    place: GameSettings
    game: str | None = None
    """The game whose last recording's window is followed."""
    recordings: Path = Path("recordings")
    preview: PreviewSettings = PreviewSettings()


def run_screen_watch(request: ScreenWatchRequest, job: Job) -> Finished:
    """Emit the display as `Live` events at `preview.fps` until the job is stopped.

    `shown` is the part of the display in the thumbnail, in pixels over all monitors. Raises
    `DisplayError` if it cannot be grabbed, `JobFailed` if it goes away.
    """
    preview = Preview(request.preview)
    clock = Clock(preview.fps)
    with _view(request, preview, job) as (view, display):
        for slot in clock.slots():
            if job.stopping:
                break
            with clock.stage("grab"):
                pixels, box = view.grab()
            with clock.stage("thumbnail"):
                picture = preview.thumbnail(pixels)
            job.emit(
                live_event(
                    picture,
                    seconds=round(slot * clock.period_ns / NS, 2),
                    pace=clock.pace(),
                    fps_asked=clock.fps,
                    jitter_ms=None,
                    shown=(box.left, box.top, box.width, box.height),
                )
            )
    pace = clock.pace()
    return Finished(
        job="watch", frames=pace.filled, fps=pace.fps, report=ScreenWatchResult(display=display.name)
    )


def run_screen_pick(place: GameSettings, job: Job) -> Finished:
    """Wait for a click on the display; the `report` is `center` (X, Y) and `display`.

    Raises `DisplayError` if clicks cannot be observed, `JobFailed` if it is stopped before one.
    """
    display = _open_display(place)
    job.note(f"Click on the middle of the game on the display {display.name or 'of this machine'}.")
    center = choose_center(display.name or None, job)
    if center is None:
        raise JobFailed(
            "Expected a click, found that it was stopped before one.", "Give it with --center X,Y."
        )
    where = f"{center[0]},{center[1]}"
    rows: list[list[str | float | int | None]] = [[display.name or "this desktop", where]]
    job.emit(Table(title="picked", columns=["display", "center"], rows=rows))
    return Finished(job="pick", report=PickResult(center=center, display=display.name))


class _View(Protocol):
    def grab(self) -> tuple[Pixels, ScreenRegion]:
        """The current image, RGB, and the part of the display that it shows."""
        ...


@dataclass
class _WholeDisplay:
    """All monitors in one image, downscaled first."""

    grabber: Grabber
    preview: Preview
    updated: float = 0.0

    def grab(self) -> tuple[Pixels, ScreenRegion]:
        now = time.monotonic()
        if now - self.updated > SIZE_UPDATE_SECONDS:
            self.grabber.reopen()
            self.updated = now
        small = self.preview.downscale(self.grabber.grab())
        return to_rgb(small, (small.shape[0], small.shape[1])), self.grabber.visible


@dataclass
class _Region:
    """A region as in a recording: scaled, and black off the screen."""

    game: ScreenGame

    def grab(self) -> tuple[Pixels, ScreenRegion]:
        return self.game.grab().pixels, self.game.region


@contextmanager
def _view(
    request: ScreenWatchRequest, preview: Preview, job: Job
) -> Iterator[tuple[_View, DisplayCandidate]]:
    place = request.place
    known = KnownViews(owner="the last recording", chosen=request.game is None)
    if request.game is not None:
        recordings = find_recordings(request.recordings, request.game)
        known = dataclasses.replace(known, views=known_views(recordings))
    if has_region(place) or known.views:
        display, tracker = locate(request.game or "the game", place, known, job)
        with closing(tracker), closing(ScreenGame("watched", place, display, tracker)) as game:
            yield _Region(game), display
    else:
        display = _open_display(place)
        with closing(Grabber(display.name or None, None)) as grabber:
            yield _WholeDisplay(grabber, preview, time.monotonic()), display


def _open_display(place: GameSettings) -> DisplayCandidate:
    display = find_display(place)
    display.enter()
    return display
