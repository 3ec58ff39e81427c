"""A recording as it was: its picture and its keys, moved through by keys and mouse."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from agp_tui.engine.events import Command, Live, Pause, Resume, Seek, Speed, Step
from agp_tui.ui.panes.position import PositionBar
from agp_tui.ui.parts.live_view import LiveView

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


class ReplayPane(Vertical, can_focus=True):
    """Shows a replay's `Live` events; tells what it is to do in `Told` messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "pause", "Pause/play", id="replay.pause"),
        Binding("left", "step(-1)", "Step", key_display="← →", id="replay.back"),
        Binding("right", "step(1)", "Step on", id="replay.on", show=False),
        Binding(
            "shift+left,left_square_bracket", "seconds(-1)", "1 s", key_display="[ ]", id="replay.back_second"
        ),
        Binding(
            "shift+right,right_square_bracket", "seconds(1)", "1 s on", id="replay.on_second", show=False
        ),
        Binding("home", "seek(0)", "Beginning", id="replay.beginning", show=False),
        Binding("end", "end", "End", id="replay.end", show=False),
        Binding("plus,equals_sign", "speed(1)", "Speed", key_display="+ -", id="replay.faster"),
        Binding("minus", "speed(-1)", "Slower", id="replay.slower", show=False),
        Binding("escape", "leave", "Back", id="replay.leave"),
    ]

    class Told(Message):
        """The replay is to do this."""

        def __init__(self, command: Command) -> None:
            super().__init__()
            self.command = command

    class Left(Message):
        """The person has seen enough."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.live: Live | None = None
        """The newest event; None before there is one."""
        self._frame = 0
        """Where it is, or will be once the last command has arrived: quick presses add up."""
        self._speed = 1.0

    def compose(self) -> ComposeResult:
        yield LiveView("replay", "Opening …")
        yield PositionBar()

    def begin(self, title: str) -> None:
        """Another recording."""
        self.live, self._frame, self._speed = None, 0, 1.0
        self.query_one(LiveView).reset(f"Opening {title} …")
        self.query_one(PositionBar).show(None)

    def show(self, live: Live) -> None:
        """The newest state."""
        self.live = live
        self._frame = live.frame or 0
        self._speed = live.speed or 1.0
        self.query_one(LiveView).show(live)
        self.query_one(PositionBar).show(live)

    def action_pause(self) -> None:
        """Pause, or go on; at the end, from the beginning."""
        if self.live is not None:
            self._tell(Resume() if self.live.paused else Pause())

    def action_step(self, by: int) -> None:
        """One frame on or back, paused."""
        self._frame += by
        self._tell(Step(frames=by))

    def action_seconds(self, by: int) -> None:
        """A second on or back."""
        if self.live is not None:
            self.action_seek(self._frame + by * round(self.live.fps_asked))

    def action_seek(self, frame: int) -> None:
        """To a frame; past an end is that end."""
        if self.live is not None:
            self._frame = min(max(frame, 0), (self.live.total or 1) - 1)
            self._tell(Seek(frame=self._frame))

    def action_end(self) -> None:
        """To the last frame."""
        if self.live is not None:
            self.action_seek((self.live.total or 1) - 1)

    def action_speed(self, by: int) -> None:
        """The next faster, or slower, of the speeds."""
        nearest = min(range(len(SPEEDS)), key=lambda place: abs(SPEEDS[place] - self._speed))
        self._speed = SPEEDS[min(max(nearest + by, 0), len(SPEEDS) - 1)]
        self._tell(Speed(factor=self._speed))

    def action_leave(self) -> None:
        """Back to the list."""
        self.post_message(self.Left())

    def on_position_bar_sought(self, sought: PositionBar.Sought) -> None:
        """A click on the line."""
        self.action_seek(sought.frame)

    def _tell(self, command: Command) -> None:
        self.post_message(self.Told(command))
