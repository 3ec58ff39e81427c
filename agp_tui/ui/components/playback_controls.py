"""Playback controls: pause, step and speed keys, shared by a replay and a watched game."""

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
    """Base of panes that show a job's `Live` events and send commands to the job as `CommandSent`.

    A subclass declares subclasses of the two messages, so that their handlers carry its name.
    """

    class CommandSent(Message):
        """A command for the job."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    class Closed(Message):
        """The user closed the pane."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.live: Live | None = None
        """The newest event, or None before the first."""
        self._speed = 1.0

    def clear_state(self) -> None:
        """Forget the state: something else will be shown."""
        self.live, self._speed = None, 1.0

    def update_state(self, live: Live) -> None:
        """Take over the newest state."""
        self.live = live
        self._speed = live.speed or 1.0

    def action_pause(self) -> None:
        """Pause or resume."""
        if self.live is not None:
            self.send(Resume() if self.live.paused else Pause())

    def action_step(self, by: int) -> None:
        """Pause, and go `by` frames forward."""
        self.send(Step(frames=by))

    def action_speed(self, by: int) -> None:
        """Go `by` places along `SPEEDS`."""
        nearest = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - self._speed))
        self._speed = SPEEDS[min(max(nearest + by, 0), len(SPEEDS) - 1)]
        self.send(SetSpeed(factor=self._speed))

    def action_leave(self) -> None:
        """Close the pane."""
        self.post_message(self.Closed())

    def send(self, command: Command) -> None:
        """Send a command to the job."""
        self.post_message(self.CommandSent(command))
