"""The line at the bottom: game, display, what runs now and how fast, disk."""

from textual.markup import escape

from agp_tui.ui.app_base import Status
from agp_tui.ui.widgets.row_widget import ChangeOnlyStatic

LOW_BYTES = 1 << 30
"""With less on the disk the number is shown as a warning."""


class StatusBar(ChangeOnlyStatic):
    """Shows the app's status, whatever screen it is on."""

    def __init__(self) -> None:
        super().__init__(id="status")

    def on_mount(self) -> None:
        self.watch(self.app, "status", self._show)

    def _show(self, status: Status) -> None:
        self.set_markup(bar_text(status))


def bar_text(status: Status) -> str:
    """The status as one line of markup."""
    parts = [f"[b]{escape(status.game) or 'no game yet'}[/]"]
    if status.display:
        parts.append(f"on {escape(status.display)}")
    if status.job:
        mark = "[b $error]● REC[/]" if status.job == "REC" else f"[b $success]▶ {escape(status.job)}[/]"
        if status.fps is not None and status.fps_asked:
            slow = status.fps < 0.98 * status.fps_asked
            rate = f"{status.fps:.1f}/{status.fps_asked:g} fps"
            mark += f" [$warning]{rate}[/]" if slow else f" {rate}"
        parts.append(mark)
    if status.run:
        parts.append(f"[$accent]⟳ {escape(status.run)}[/]")
    if status.free_bytes is not None:
        free = f"{status.free_bytes / 1e9:.1f} GB free"
        parts.append(f"[$warning]{free}[/]" if status.free_bytes < LOW_BYTES else free)
    return "  [dim]│[/]  ".join(parts)
