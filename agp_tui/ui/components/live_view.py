"""Live view of a job: picture, key bars, and latency against the frame's budget.

Used for recording, replay, play and the demo.
"""

import os
from typing import Any, Literal

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.markup import escape
from textual.reactive import reactive
from textual.widgets import Static

from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Live
from agp_tui.ui.widgets.key_bars import KeyBars
from agp_tui.ui.widgets.latency_budget import LatencyBudget, LatencyHistory
from agp_tui.ui.widgets.live_picture import LivePicture, resolve_colors

Kind = Literal["record", "replay", "play"]


class LiveView(Horizontal):
    """The picture on the left; figures, keys and, for play, latency on the right."""

    kind: reactive[Kind] = reactive[Kind]("record")

    def __init__(self, kind: Kind, message: str, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="live-view")
        self._message = message
        self._own_kind = kind
        self.set_reactive(LiveView.kind, kind)

    def compose(self) -> ComposeResult:
        yield configured_picture(self.app, self._message)
        with Vertical(classes="live-figures"):
            yield Static(classes="live-facts")
            yield KeyBars("record", classes="live-held", message="The keys show here.")
            yield KeyBars("play", classes="live-probabilities", message="The keys show here.")
            yield LatencyBudget(classes="live-budget")
            yield LatencyHistory(classes="live-history")

    def on_mount(self) -> None:
        self.watch(self, "kind", self._arrange)

    def _arrange(self, kind: Kind) -> None:
        for name in ("record", "replay", "play"):
            self.set_class(name == kind, f"-{name}")

    def reset(self, message: str) -> None:
        """Show a message instead of a job."""
        self.kind = self._own_kind
        self.query_one(LivePicture).clear(message)
        self.query_one(".live-facts", Static).update("")
        for bars in self.query(KeyBars):
            bars.reset()
        self.query_one(LatencyBudget).set_figures({}, 0.0)
        self.query_one(LatencyHistory).reset()

    def show(self, live: Live) -> None:
        """Show a job's newest state."""
        self._show_thumbnail(live)
        if self.kind != "replay":
            # A job with probabilities is a player, whatever the view started as.
            self.kind = "play" if live.probabilities else self.kind
        self.query_one(".live-facts", Static).update(Content.from_markup(figures_text(live, self.kind)))
        for bars in self.query(KeyBars):
            if bars.display:
                bars.update_live(live)
        if self.kind == "play":
            self.query_one(LatencyBudget).update_live(live)
            self.query_one(LatencyHistory).update_live(live)

    def show_picture(self, live: Live, markup: str) -> None:
        """Show only the picture of `live`, with `markup` in place of figures."""
        self._show_thumbnail(live)
        self.query_one(".live-facts", Static).update(Content.from_markup(markup))

    def _show_thumbnail(self, live: Live) -> None:
        if live.thumbnail and live.thumbnail_size is not None:
            self.query_one(LivePicture).show(live.thumbnail, live.thumbnail_size)


def configured_picture(app: App[Any], message: str, classes: str | None = None) -> LivePicture:
    """A live picture with the colors and the size limit of the settings `[preview]`."""
    preview = app.loaded.config.preview  # type: ignore[attr-defined]
    colors = resolve_colors(preview.colors, os.environ)
    return LivePicture(message, colors=colors, limit=preview.cells, classes=classes)


def figures_text(live: Live, kind: Kind) -> str:
    """The figures of a live event as markup."""
    parts = [clock_text(live.seconds)]
    if kind == "replay":
        parts = [f"frame [b]{(live.frame or 0) + 1}[/] of {live.total}", f"{live.seconds:.2f} s"]
        parts.append("[$warning]paused[/]" if live.paused else f"{live.fps_asked:g} fps")
    else:
        slots = live.frames + live.missed
        filled = 100 * live.frames / slots if slots else 100.0
        style = "$warning" if filled < 99.5 else "$success"
        parts.append(f"[b]{live.fps:.1f}[/]/{live.fps_asked:g} fps")
        parts.append(f"[{style}]{filled:.1f} % filled[/], {live.missed} missed")
    parts += [f"[$warning]{live.excluded:.1f} s excluded[/]"] if live.excluded else []
    if live.decisions is not None:
        parts.append(f"{live.decisions} decisions, {live.deadline_misses or 0} late")
    if live.score is not None:
        parts.append(f"score [b]{live.score:g}[/]" + (f", {live.lives} lives" if live.lives else ""))
    if live.value is not None:
        parts.append(f"value [b]{live.value:.2f}[/]")
    if live.advised is not None:
        parts.append(f"advised: [b]{escape(' '.join(live.advised)) or 'nothing'}[/]")
    if live.agreement:
        shares = " ".join(f"{escape(key)} {share:.0%}" for key, share in live.agreement.items())
        parts.append(f"agrees on {shares}")
    if live.bytes is not None:
        parts.append(f"{live.bytes / 1e6:.1f} MB")
    if live.speed not in (None, 1.0) and kind != "replay":
        parts.append(f"[b]{live.speed:g}x[/]")
    if live.driver == "human":
        parts.insert(0, "[b $text-warning on $warning-muted] YOU DRIVE [/]")
    if live.nudge:
        parts.insert(0, f"[b $text-warning on $warning-muted] NUDGE {escape(' '.join(live.nudge))} [/]")
    if live.paused and kind != "replay":
        parts.append("[$warning]paused[/]")
    return "  ".join(parts)
