"""Replay pane: a recording's picture and keys, with pause, step, seek and speed."""

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
    """Shows a replay's `Live` events and a seek bar; sends its commands as `CommandSent`."""

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
        Binding("m", "disagreements", "Disagreements", id="replay.moments"),
        CLOSE,
    ]

    class CommandSent(PlaybackControls.CommandSent):
        """A command for the replay."""

    class Closed(PlaybackControls.Closed):
        """The user closed the replay."""

    class DisagreementsRequested(Message):
        """The user wants a list of the frames at which the two players disagree."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._frame = 0
        """The frame after all commands sent so far, so that quick key presses add up."""

    def compose(self) -> ComposeResult:
        yield LiveView("replay", "Opening …")
        yield SeekBar()

    def reset(self, title: str) -> None:
        """Prepare for another recording."""
        self.clear_state()
        self._frame = 0
        self.query_one(LiveView).reset(f"Opening {title} …")
        self.query_one(SeekBar).show(None)

    def show(self, live: Live) -> None:
        """Show the newest state."""
        first = self.live is None
        self.update_state(live)
        if first:
            self.refresh_bindings()
        self._frame = live.frame or 0
        self.query_one(LiveView).show(live)
        self.query_one(SeekBar).show(live)

    def action_step(self, by: int) -> None:
        """Pause, and go `by` frames forward or back."""
        self._frame += by
        super().action_step(by)

    def action_seconds(self, by: int) -> None:
        """Go `by` seconds forward or back."""
        if self.live is not None:
            self.action_seek(self._frame + by * round(self.live.fps_asked))

    def action_seek(self, frame: int) -> None:
        """Go to a frame, limited to the recording."""
        if self.live is not None:
            self._frame = min(max(frame, 0), (self.live.total or 1) - 1)
            self.send(Seek(frame=self._frame))

    def action_end(self) -> None:
        """Go to the last frame."""
        if self.live is not None:
            self.action_seek((self.live.total or 1) - 1)

    def action_disagreements(self) -> None:
        """Ask for the list of disagreements."""
        self.post_message(self.DisagreementsRequested())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer disagreements only if the recording holds a second player's keys."""
        return action != "disagreements" or (self.live is not None and self.live.advised is not None)

    def on_seek_bar_seek_requested(self, request: SeekBar.SeekRequested) -> None:
        self.action_seek(request.frame)
