"""The keyboard of a game that a person plays in a terminal: strokes come as commands to the job."""

import time

from agp_tui.config import TerminalSettings
from agp_tui.engine.job import Job
from agp_tui.keys.typed import TypedKeys
from agp_tui.protocol.events import Holding, Key, LetGo


def typed_keyboard(job: Job, keys: tuple[str, ...], settings: TerminalSettings) -> TypedKeys:
    """Hears `keys` in the commands `Key`, `LetGo` and `Holding` that the job is given, from now on."""
    holding = "releases" if settings.holding == "auto" else settings.holding
    keyboard = TypedKeys(keys, holding, settings.hold_seconds, lambda text: job.note(text, level="warning"))

    def hear(key: Key) -> None:
        keyboard.hear(key.key, key.stroke, _moment(key.time_ns))

    def let_go(command: LetGo) -> None:
        keyboard.let_go(_moment(command.time_ns))

    def hold(command: Holding) -> None:
        keyboard.choose(command.way, time.monotonic_ns())

    job.on_command(Key, hear)
    job.on_command(LetGo, let_go)
    job.on_command(Holding, hold)
    return keyboard


def _moment(time_ns: int | None) -> int:
    """When a stroke was: never in the future, whatever a program says."""
    now_ns = time.monotonic_ns()
    return now_ns if time_ns is None else min(time_ns, now_ns)
