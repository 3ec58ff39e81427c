"""A tiny game window: shows a frame counter and a square that keys move, and tells every key it gets.

Runs as a program: `python tests/support/window.py X Y SIZE`. It writes one JSON object a line to
stdout: first `{"ready": true}`, then `{"key": NAME, "down": BOOL, "time_ns": N}` for every key
event (auto-repeat is off, as in a game), `time_ns` on the monotonic clock.
"""

import json
import os
import sys
import time

FPS = 60


def tell(**facts: object) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(left: int, top: int, size: int) -> None:
    """Show the window until it is closed or killed."""
    os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
    os.environ["SDL_VIDEO_WINDOW_POS"] = f"{left},{top}"
    os.environ["SDL_VIDEODRIVER"] = "x11"
    os.environ["SDL_AUDIODRIVER"] = "dummy"
    import pygame

    pygame.display.init()
    pygame.font.init()
    screen = pygame.display.set_mode((size, size), pygame.NOFRAME)
    font = pygame.font.Font(None, 48)
    position = [size // 2, size // 2]
    frame = 0
    ready = False
    while True:
        frame_end = time.monotonic() + 1 / FPS
        while (left_ms := int(1000 * (frame_end - time.monotonic()))) > 0:
            event = pygame.event.wait(left_ms)
            if event.type == pygame.QUIT:
                return
            if event.type in (pygame.KEYDOWN, pygame.KEYUP):
                down = event.type == pygame.KEYDOWN
                tell(key=pygame.key.name(event.key), down=down, time_ns=time.monotonic_ns())
        held = pygame.key.get_pressed()
        position[0] = (position[0] + 4 * (held[pygame.K_RIGHT] - held[pygame.K_LEFT])) % size
        position[1] = (position[1] + 4 * (held[pygame.K_DOWN] - held[pygame.K_UP])) % size
        screen.fill((0, 60, 120))
        screen.fill((255, 220, 0), (position[0] - 10, position[1] - 10, 20, 20))
        screen.blit(font.render(str(frame), True, (255, 255, 255)), (8, 8))
        pygame.display.flip()
        frame += 1
        if not ready and frame > 5 and pygame.key.get_focused():
            ready = True
            tell(ready=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
