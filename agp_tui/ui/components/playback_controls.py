"""Steering what is shown: pause, step, speed. The same keys for a replay and for a game that is watched."""

from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message

from agp_tui.protocol.commands import Command, Pause, Resume, SetSpeed, Step
from agp_tui.protocol.events import Live

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

PAUSE = Binding("space", "pause", "Pause/play", id="replay.pause")
STEP_FORWARD = Binding("right", "step(1)", "Step on", id="replay.on", show=False)
FASTER = Binding("plus,equals_sign", "speed(1)", "Speed", key_display="+ -", id="replay.faster")
SLOWER = Binding("minus", "speed(-1)", "Slower", id="replay.slower", show=False)
CLOSE = Binding("escape", "leave", "Back", id="replay.leave")


class PlaybackControls(Vertical, can_focus=True):
    """Shows a job's `Live` events and tells what the job is to do in `CommandSent` messages.

    Whoever is one has these messages as its own, so that they are heard under its name.
    """

    class CommandSent(Message):
        """The job is to do this."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    class Closed(Message):
        """The person has seen enough."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.live: Live | None = None
        """The newest event; None before there is one."""
        self._speed = 1.0

    def forget(self) -> None:
        """Something else is shown from now on."""
        self.live, self._speed = None, 1.0

    def take(self, live: Live) -> None:
        """Know the newest state."""
        self.live = live
        self._speed = live.speed or 1.0

    def action_pause(self) -> None:
        """Pause, or go on."""
        if self.live is not None:
            self.tell(Resume() if self.live.paused else Pause())

    def action_step(self, by: int) -> None:
        """So many frames on, paused."""
        self.tell(Step(frames=by))

    def action_speed(self, by: int) -> None:
        """The next faster, or slower, of the speeds."""
        nearest = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - self._speed))
        self._speed = SPEEDS[min(max(nearest + by, 0), len(SPEEDS) - 1)]
        self.tell(SetSpeed(factor=self._speed))

    def action_leave(self) -> None:
        """Enough."""
        self.post_message(self.Closed())

    def tell(self, command: Command) -> None:
        """Have the job do this."""
        self.post_message(self.CommandSent(command))
