"""A test window that draws its state into each picture: a counter, the held keys, a bright target.

Runs as a program: `python tests/support/arena.py X Y SIZE`. A line `WIDTH HEIGHT` on stdin resizes the window
and its picture. In its upper quarter it paints its count of pictures as 16 black or white blocks, and below
them a square for each of KEYS, bright while the key is held. The rest is the field: a yellow target on the
left or right, put there by a line on stdin (`left`, `right`, `none`), each time at another height. It paints
at each key event, at each such line, and 60 times a second.

It writes one JSON object a line: `{"ready": true}`; `{"key", "down", "time_ns"}` for each key event as
it comes; `{"painted", "held", "side", "time_ns"}` after each picture is with the X server.
"""

import json
import os
import sys
import threading
import time
from collections import Counter

FPS = 60
BITS = 16
KEYS = ("up", "left", "right", "down", "space", "x")
GOLDEN = (5**0.5 - 1) / 2
"""Its multiples modulo 1 are spread evenly (low-discrepancy sequence)."""


def write_line(**facts: object) -> None:
    """Write one JSON line to stdout and flush."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(left: int, top: int, size: int) -> None:
    """Show the window until it is closed or killed."""
    os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
    os.environ["SDL_VIDEO_WINDOW_POS"] = f"{left},{top}"
    os.environ["SDL_VIDEODRIVER"] = "x11"
    os.environ["SDL_AUDIODRIVER"] = "dummy"
    os.environ["SDL_FRAMEBUFFER_ACCELERATION"] = "0"
    import pygame

    pygame.display.init()
    screen = pygame.display.set_mode((size, size), pygame.NOFRAME)
    side_event = pygame.event.custom_type()

    def read_sides() -> None:
        for line in sys.stdin:
            pygame.event.post(pygame.event.Event(side_event, side=line.strip()))

    threading.Thread(target=read_sides, daemon=True).start()
    pygame.display.set_caption(os.environ.get("SDL_VIDEO_X11_WMCLASS", "arena"))
    wide, high = size, size
    count, side, height = 0, "none", 0.5
    shown: Counter[str] = Counter()
    held: set[str] = set()
    ready = False
    while True:
        block, rows = wide // BITS, high // 8
        screen.fill((0, 40, 90))
        for bit in range(BITS):
            shade = 255 if count >> bit & 1 else 0
            screen.fill((shade,) * 3, (bit * block, 0, block, rows))
        for number, key in enumerate(KEYS):
            color = (255, 255, 255) if key in held else (90, 0, 0)
            screen.fill(color, (number * rows, rows, rows, rows))
        if side != "none":
            middle = wide // 4 if side == "left" else 3 * wide // 4
            corner = (middle - wide // 8, round(high * height))
            screen.fill((255, 230, 40), (*corner, wide // 4, high // 4))
        pygame.display.flip()
        write_line(painted=count, held=sorted(held), side=side, time_ns=time.monotonic_ns())
        count = (count + 1) % (1 << BITS)
        if not ready and count > 5 and pygame.key.get_focused():
            ready = True
            write_line(ready=True)
        for event in (pygame.event.wait(1000 // FPS), *pygame.event.get()):
            if event.type == pygame.QUIT:
                return
            if event.type == side_event and event.side[:1].isdigit():
                wide, high = map(int, event.side.split())
                screen = pygame.display.set_mode((wide, high), pygame.NOFRAME)
            elif event.type == side_event:
                # Spread the heights evenly on each side even if few are shown: with random heights some
                # would be missing from the training data.
                side = event.side
                shown[side] += 1
                height = 0.25 + (shown[side] * GOLDEN % 1) / 2
            if event.type in (pygame.KEYDOWN, pygame.KEYUP):
                name, down = pygame.key.name(event.key), event.type == pygame.KEYDOWN
                write_line(key=name, down=down, time_ns=time.monotonic_ns())
                (held.add if down else held.discard)(name)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
