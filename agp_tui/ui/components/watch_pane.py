"""Watch pane: an Atari game that an expert, a model or an agent plays, with pause, step and speed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agp_tui.protocol.events import Live
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.playback_controls import CLOSE, FASTER, PAUSE, SLOWER, PlaybackControls


class WatchPane(PlaybackControls):
    """The live view of the game, with the playback keys while it has the focus."""

    DEFAULT_CSS = """
    WatchPane .live-budget, WatchPane .live-history { display: none !important; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        PAUSE,
        Binding("right", "step(1)", "Step", key_display="→", id="replay.on"),
        Binding("shift+right,right_square_bracket", "second", "1 s", key_display="]", id="replay.on_second"),
        FASTER,
        SLOWER,
        CLOSE,
    ]

    class CommandSent(PlaybackControls.CommandSent):
        """A command for the game."""

    class Closed(PlaybackControls.Closed):
        """The user closed the pane."""

    def __init__(self, message: str, *, id: str | None = None) -> None:
        """`message` is shown while nothing is played."""
        super().__init__(id=id)
        self._message = message

    def compose(self) -> ComposeResult:
        yield LiveView("record", self._message)

    def reset(self, message: str) -> None:
        """Show a message instead of a game."""
        self.clear_state()
        self.query_one(LiveView).reset(message)

    def show(self, live: Live) -> None:
        """Show the newest state."""
        self.update_state(live)
        self.query_one(LiveView).show(live)

    def action_second(self) -> None:
        """Pause, and go one second of the game forward."""
        if self.live is not None:
            self.action_step(max(1, round(self.live.fps_asked / (self.live.speed or 1.0))))
