"""A window that reports when it receives a key press; stands in for a game.

    python -m agp_tui.bench.echo_window DISPLAY LEFT TOP SIZE

It writes `ready` once it has the focus, then the time of each key press (monotonic, ns).
"""

import sys
import time

import numpy as np

from agp_tui.keys.xserver import connect


def main(display: str, left: int, top: int, size: int) -> None:
    """Show the window until the process is killed."""
    from Xlib import X

    connection = connect(display)
    screen = connection.screen()
    window = screen.root.create_window(
        left, top, size, size, 0, screen.root_depth, background_pixel=screen.black_pixel,
        event_mask=X.KeyPressMask | X.ExposureMask | X.FocusChangeMask, override_redirect=True,
    )  # fmt: skip
    window.map()
    painter = window.create_gc()
    for shade in np.random.default_rng(0).integers(0, 1 << 24, 40):
        painter.change(foreground=int(shade))
        x, y = (int(value) for value in np.random.default_rng(int(shade)).integers(0, size, 2))
        window.fill_rectangle(painter, x, y, size // 4, size // 4)
    window.set_input_focus(X.RevertToParent, X.CurrentTime)
    connection.flush()
    while True:
        event = connection.next_event()
        if event.type == X.KeyPress:
            report(time.monotonic_ns())
        elif event.type == X.FocusIn:
            report("ready")
        elif event.type == X.Expose:
            window.set_input_focus(X.RevertToParent, X.CurrentTime)
            connection.flush()


def report(value: object) -> None:
    """Write a line to stdout and flush it."""
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:5]))
