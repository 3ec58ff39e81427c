"""A game that somebody plays, to be watched: paused, step by step, slowly or fast."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agp_tui.protocol.events import Live
from agp_tui.ui.components.live_view import LiveView
from agp_tui.ui.components.playback_controls import CLOSE, FASTER, PAUSE, SLOWER, PlaybackControls


class WatchPane(PlaybackControls):
    """The live view of the game, with the keys that steer it while it has the focus."""

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
        """The game is to do this."""

    class Closed(PlaybackControls.Closed):
        """The person has seen enough."""

    def __init__(self, message: str, *, id: str | None = None) -> None:
        """`message` stands there while nobody plays."""
        super().__init__(id=id)
        self._message = message

    def compose(self) -> ComposeResult:
        yield LiveView("record", self._message)

    def reset(self, message: str) -> None:
        """Nobody plays; say why or what to press."""
        self.forget()
        self.query_one(LiveView).reset(message)

    def show(self, live: Live) -> None:
        """The newest state."""
        self.take(live)
        self.query_one(LiveView).show(live)

    def action_second(self) -> None:
        """A second of the game on, paused."""
        if self.live is not None:
            self.action_step(max(1, round(self.live.fps_asked / (self.live.speed or 1.0))))
