"""Replay pane: a recording's picture and keys, with pause, step, seek and speed."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from agp_tui.protocol.commands import Exclude, Include, Seek, Undo
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
    """Shows a replay's `Live` events and a seek bar; sends its commands as `CommandSent`.

    Stretches that training shall not learn from are marked here.
    """

    DEFAULT_CSS = """
    ReplayPane > .replay-mark { height: 1; padding: 0 1; display: none; }
    ReplayPane > .replay-mark.-visible { display: block; }
    """

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
        Binding("n", "mark", "Exclude", id="replay.exclude"),
        Binding("l", "include", "Include", id="replay.include"),
        Binding("u", "undo", "Undo", id="replay.undo", show=False),
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
        self._marked_from: int | None = None
        """The frame at which the stretch that is being marked begins."""
        self._stretch: tuple[int, int] | None = None
        """The excluded stretch around the newest shown frame."""
        self._changes = 0
        """Changes of the exclusions in this replay that can be taken back."""

    def compose(self) -> ComposeResult:
        yield LiveView("replay", "Opening …")
        yield Static(classes="replay-mark")
        yield SeekBar()

    def reset(self, title: str) -> None:
        """Prepare for another recording."""
        self.clear_state()
        self._frame = self._changes = 0
        self._mark_from(None)
        self.query_one(LiveView).reset(f"Opening {title} …")
        self.query_one(SeekBar).show(None)

    def show(self, live: Live) -> None:
        """Show the newest state."""
        first = self.live is None
        self.update_state(live)
        self._frame = live.frame or 0
        stretch, self._stretch = self._stretch, self._excluded_here
        if first or stretch != self._stretch:
            self.refresh_bindings()
        self.query_one(LiveView).show(live)
        self.query_one(SeekBar).show(live, self._marked_from)

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

    @property
    def _excluded_here(self) -> tuple[int, int] | None:
        """The excluded stretch that the shown frame is in."""
        found = self.live.excluded_frames if self.live is not None else []
        return next(((start, stop) for start, stop in found if start <= self._frame < stop), None)

    def action_mark(self) -> None:
        """Begin a stretch that training shall not learn from; the second time, end it at the shown frame."""
        if self.live is None:
            return
        if self._marked_from is None:
            self._mark_from(self._frame)
            return
        first, last = sorted((self._marked_from, self._frame))
        self._change(Exclude(start=first, stop=last + 1))

    def action_include(self) -> None:
        """Learn from the stretch at the shown frame again."""
        if (stretch := self._excluded_here) is not None:
            self._change(Include(start=stretch[0], stop=stretch[1]))

    def action_undo(self) -> None:
        """Forget the begun stretch, or take back the newest change of this replay."""
        if self._marked_from is not None:
            self._mark_from(None)
        elif self._changes:
            self._changes -= 1
            self.send(Undo())
            self.refresh_bindings()

    def _change(self, command: Exclude | Include) -> None:
        self._changes += 1
        self.send(command)
        self._mark_from(None)

    def _mark_from(self, frame: int | None) -> None:
        self._marked_from = frame
        text = ""
        if frame is not None:
            text = (
                f"[$error]╳[/] not for training from frame {frame + 1} on: go to its last frame and press "
                "[b]n[/], or [b]u[/] to forget it"
            )
        line = self.query_one(".replay-mark", Static)
        line.update(Content.from_markup(text))
        line.set_class(bool(text), "-visible")
        self.query_one(SeekBar).show(self.live, frame)
        self.refresh_bindings()

    def action_disagreements(self) -> None:
        """Ask for the list of disagreements."""
        self.post_message(self.DisagreementsRequested())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what is possible at the shown frame; disagreements only with a second player's keys."""
        if action == "undo":
            return self._marked_from is not None or self._changes > 0
        if action == "include":
            return self._excluded_here is not None
        return action != "disagreements" or (self.live is not None and self.live.advised is not None)

    def on_seek_bar_seek_requested(self, request: SeekBar.SeekRequested) -> None:
        self.action_seek(request.frame)
