"""A private X server on which a game of the suite is recorded and played, with real keys (XTEST)."""

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from agp_tui.bench.private_display import SERVER, private_display
from agp_tui.errors import JobFailed, MissingPart
from agp_tui.games.human_like import HumanLike
from agp_tui.keys.state import Keys
from agp_tui.keys.virtual_keyboard import XTestKeyboard
from agp_tui.keys.xserver import connect
from agp_tui.protocol.events import AnyEvent, Finished, Live
from benchmarks.command_runner import CommandRunner
from benchmarks.imitation_suite.base import Reference, RunningGame, XGame
from benchmarks.imitation_suite.hosted import INSTALLER

POLL_SECONDS = 0.005
STARTUP_SECONDS = 120.0
DISPLAY_SIZE = (1024, 768)
"""Or that of the game's window, if it is larger."""
LEAST_FRAMES = 0.9
"""Recordings and drives with a smaller share of the frames do not count."""
NO_KEYS: Keys = frozenset()


@contextmanager
def open_x_session(game: XGame, commands: CommandRunner) -> "Iterator[XSession]":
    """Start an X server for the context. Raises `MissingPart` if Xvfb is not installed."""
    if shutil.which(SERVER) is None:
        raise MissingPart(f"Expected {SERVER}, found that it is not installed.", f"Run {INSTALLER}.")
    size = max(DISPLAY_SIZE[0], game.width), max(DISPLAY_SIZE[1], game.height)
    with private_display(size) as display:
        yield XSession(game, display, commands)


class _Hands:
    """Presses the keys of a player on a display."""

    def __init__(self, display: str, keys: Sequence[str]) -> None:
        self._keyboard = XTestKeyboard(display, tuple(keys))
        self._held = NO_KEYS

    def hold(self, keys: Keys) -> None:
        """Hold exactly these keys."""
        if keys == self._held:
            return
        for key in self._held - keys:
            self._keyboard.release(key)
        for key in keys - self._held:
            self._keyboard.press(key)
        self._keyboard.flush()
        self._held = keys


class _Constant:
    """A player that holds the same keys all the time."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def see(self, state: object) -> None:
        pass

    def keys(self, now: float) -> Keys:
        return self._keys


class XSession:
    """Implements `base.Session` with a new game for each recording and drive."""

    def __init__(self, game: XGame, display: str, commands: CommandRunner) -> None:
        self._game = game
        self._display = display
        self._commands = commands

    def record(self, seconds: float, seed: int, *options: str) -> Path | None:
        with self._running(seed) as running:
            command = _LiveCommand(
                self._commands, "record", *self._place(), "--keys", ",".join(self._game.keys),
                "--fps", str(self._game.fps), "--seconds", f"{seconds:g}", *options,
            )  # fmt: skip
            with command:
                if not command.wait_until_live():
                    return None
                running.resume()
                self._play(running, self._demonstrator(seed), command.ended)
            finished = command.result()
        if finished is None or finished.recording is None:
            return None
        self._check_frames(finished, seconds)
        return Path(finished.recording)

    def drive(self, player: Reference | Path, seconds: float, seed: int) -> float | None:
        with self._running(seed) as running:
            if isinstance(player, Path):
                return self._drive_model(running, player, seconds)
            hands = self._demonstrator(seed) if player == "demonstrator" else _Constant(self._game.constant)
            running.resume()
            until = time.monotonic() + seconds
            self._play(running, hands, lambda: time.monotonic() >= until)
            return None if self._commands.stopped else running.score()

    def _drive_model(self, running: RunningGame, model: Path, seconds: float) -> float | None:
        """The model has a little more time than it is scored for."""
        command = _LiveCommand(
            self._commands, "play", str(model), *self._place(), "--seconds", f"{seconds + 2:g}"
        )
        with command:
            if not command.wait_until_live():
                return None
            running.resume()
            until = time.monotonic() + seconds
            while time.monotonic() < until and not command.ended():
                time.sleep(POLL_SECONDS)
            score = running.score()
        finished = command.result()
        if finished is None:
            return None
        self._check_frames(finished, seconds)
        if command.paused:
            raise JobFailed(f"Expected the model to play {self._game.name} all the time, found a pause.")
        return score

    def _check_frames(self, finished: Finished, seconds: float) -> None:
        """Raise `JobFailed` if too many frames are missing."""
        asked, frames = round(seconds * self._game.fps), finished.frames or 0
        if frames < LEAST_FRAMES * asked:
            raise JobFailed(
                f"Expected agp {finished.job} to capture {asked} frames, found {frames}.",
                "Run this again while the machine is less busy: it goes on from here.",
            )

    def _play(self, running: RunningGame, player: Any, ended: Any) -> None:
        """Press the keys of a player until `ended()` or until the commands are stopped."""
        hands = _Hands(self._display, self._game.keys)
        try:
            while not ended() and not self._commands.stopped:
                state = running.state()
                if state is not None:
                    player.see(state)
                hands.hold(player.keys(time.monotonic()))
                time.sleep(POLL_SECONDS)
        finally:
            hands.hold(NO_KEYS)

    def _demonstrator(self, seed: int) -> HumanLike[Any]:
        return HumanLike(self._game.demonstrator(seed), self._game.keys, seed=seed)

    @contextmanager
    def _running(self, seed: int) -> Iterator[RunningGame]:
        """A new game, frozen, whose window has the focus."""
        with closing(self._game.start(self._display, seed)) as running:
            running.freeze()
            focus_window(self._display, self._game.width // 2, self._game.height // 2)
            yield running

    def _place(self) -> tuple[str, ...]:
        region = f"0,0,{self._game.width},{self._game.height}"
        return ("--game", self._game.game_id, "--display", self._display, "--region", region)


class _LiveCommand:
    """A command in a thread, which ends with the context."""

    def __init__(self, commands: CommandRunner, *arguments: str) -> None:
        self.paused = False
        """Whether it reported a pause while it was live."""
        self._live = threading.Event()
        self._result: Finished | None = None
        self._error: Exception | None = None
        self._commands = commands
        self._thread = threading.Thread(target=self._run, args=arguments)

    def __enter__(self) -> "_LiveCommand":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._thread.join()

    def wait_until_live(self) -> bool:
        """Wait for its first frame. False if it ended before; raises what it raised."""
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._live.wait(POLL_SECONDS):
            if self.ended():
                self.result()
                return False
            if time.monotonic() > deadline:
                raise JobFailed("Expected the command to start, found no frame of it.")
        return True

    def ended(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Finished | None:
        """Its result, None if stopped. Raises `JobFailed` if it failed."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self, *arguments: str) -> None:
        try:
            self._result = self._commands.run(*arguments, on_event=self._on_event)
        except JobFailed as error:
            self._error = error

    def _on_event(self, event: AnyEvent) -> None:
        if isinstance(event, Live) and event.frames:
            self._live.set()
            self.paused |= event.paused


def focus_window(display: str, x: int, y: int) -> None:
    """Give the focus to the top-level window at a point. Raises `JobFailed` if there is none."""
    from Xlib import X

    connection = connect(display)
    try:
        child = connection.screen().root.translate_coords(connection.screen().root, x, y).child
        if not child:
            raise JobFailed(f"Expected the window of the game at {x},{y} of {display}, found none.")
        window = connection.create_resource_object("window", int(getattr(child, "id", child)))
        window.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        connection.sync()
    finally:
        connection.close()
