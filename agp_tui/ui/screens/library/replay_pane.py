"""A recording as it was: its picture and its keys, moved through by keys and mouse."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message

from agp_tui.protocol.commands import Seek
from agp_tui.protocol.events import Live
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.playback_controls import (
    CLOSE,
    FASTER,
    PAUSE,
    SLOWER,
    STEP_FORWARD,
    PlaybackControls,
)
from agp_tui.ui.screens.library.seek_bar import SeekBar


class ReplayPane(PlaybackControls):
    """Shows a replay's `Live` events; tells what it is to do in `CommandSent` messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        PAUSE,
        Binding("left", "step(-1)", "Step", key_display="← →", id="replay.back"),
        STEP_FORWARD,
        Binding(
            "shift+left,left_square_bracket", "seconds(-1)", "1 s", key_display="[ ]", id="replay.back_second"
        ),
        Binding(
            "shift+right,right_square_bracket", "seconds(1)", "1 s on", id="replay.on_second", show=False
        ),
        Binding("home", "seek(0)", "Beginning", id="replay.beginning", show=False),
        Binding("end", "end", "End", id="replay.end", show=False),
        FASTER,
        SLOWER,
        Binding("m", "moments", "Disagreements", id="replay.moments"),
        CLOSE,
    ]

    class CommandSent(PlaybackControls.CommandSent):
        """The replay is to do this."""

    class Closed(PlaybackControls.Closed):
        """The person has seen enough."""

    class DisagreementsRequested(Message):
        """The person wants to see where the two players disagree."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._frame = 0
        """Where it is, or will be once the last command has arrived: quick presses add up."""

    def compose(self) -> ComposeResult:
        yield LiveView("replay", "Opening …")
        yield SeekBar()

    def begin(self, title: str) -> None:
        """Another recording."""
        self.forget()
        self._frame = 0
        self.query_one(LiveView).reset(f"Opening {title} …")
        self.query_one(SeekBar).show(None)

    def show(self, live: Live) -> None:
        """The newest state."""
        first = self.live is None
        self.take(live)
        if first:
            self.refresh_bindings()
        self._frame = live.frame or 0
        self.query_one(LiveView).show(live)
        self.query_one(SeekBar).show(live)

    def action_step(self, by: int) -> None:
        """One frame on or back, paused."""
        self._frame += by
        super().action_step(by)

    def action_seconds(self, by: int) -> None:
        """A second on or back."""
        if self.live is not None:
            self.action_seek(self._frame + by * round(self.live.fps_asked))

    def action_seek(self, frame: int) -> None:
        """To a frame; past an end is that end."""
        if self.live is not None:
            self._frame = min(max(frame, 0), (self.live.total or 1) - 1)
            self.tell(Seek(frame=self._frame))

    def action_end(self) -> None:
        """To the last frame."""
        if self.live is not None:
            self.action_seek((self.live.total or 1) - 1)

    def action_moments(self) -> None:
        """Where somebody beside the player would have pressed something else."""
        self.post_message(self.DisagreementsRequested())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disagreements are offered where there are two to disagree."""
        return action != "moments" or (self.live is not None and self.live.advised is not None)

    def on_seek_bar_seek_requested(self, request: SeekBar.SeekRequested) -> None:
        """A click on the line."""
        self.action_seek(request.frame)
