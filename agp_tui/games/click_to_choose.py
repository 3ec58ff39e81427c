"""Choosing the center of the game's region by a click on its display."""

import select
import sys

from agp_tui.engine.job import Job
from agp_tui.errors import DisplayError, JobFailed

LEFT_BUTTON = 1
POLL_SECONDS = 0.1


def choose_center(display: str | None, job: Job) -> tuple[int, int] | None:
    """Wait for a click on the display; its X, Y in pixels over all monitors, or None if the job is stopped.

    The window under the pointer receives the click too. Raises `DisplayError` if clicks cannot be
    observed, `JobFailed` if the display goes away.
    """
    if sys.platform in ("win32", "darwin"):
        return _choose_with_pynput(job)
    return _choose_on_x(display, job)


def _choose_on_x(display: str | None, job: Job) -> tuple[int, int] | None:
    from agp_tui.keys.xinput2 import BUTTON_DOWN, RawInputStream
    from agp_tui.keys.xserver import connect

    connection = connect(display)
    name = connection.get_display_name()
    try:
        clicks = RawInputStream(connection, (BUTTON_DOWN,))
        root = connection.screen().root
        while not job.stopping:
            for event in clicks.pending():
                if event.kind == BUTTON_DOWN and event.detail == LEFT_BUTTON:
                    pointer = root.query_pointer()
                    return int(pointer.root_x), int(pointer.root_y)
            select.select([connection.fileno()], [], [], POLL_SECONDS)
        return None
    except DisplayError:
        raise
    except Exception as error:
        # python-xlib raises all sorts of things when its server dies between two steps.
        raise JobFailed(f"The display {name} is gone ({error}).") from error
    finally:
        if connection.display.socket_error is None:
            connection.close()


def _choose_with_pynput(job: Job) -> tuple[int, int] | None:
    import queue

    from pynput import mouse

    clicks: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()

    def clicked(x: float, y: float, button: object, pressed: bool, *_injected: bool) -> None:
        if pressed and button == mouse.Button.left:
            clicks.put((int(x), int(y)))

    with mouse.Listener(on_click=clicked):
        while not job.stopping:
            try:
                return clicks.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
    return None
