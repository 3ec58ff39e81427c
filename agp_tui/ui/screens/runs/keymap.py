"""Which key does what, and giving something another key."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from agp_tui.ui.app_base import AppBase


@dataclass(frozen=True)
class Bound:
    """Something that a key does: its id in `ui.keymap`, the key that it has now, what it is."""

    id: str
    key: str
    what: str


def bindings_of(app: AppBase) -> list[Bound]:
    """Everything of the app and its screens that can have another key, by id."""
    found: dict[str, Bound] = {}
    classes = (
        getattr(import_module(f"agp_tui.ui.screens.{mode}.screen"), f"{mode.capitalize()}Screen")
        for mode in app.MODES
    )
    for owner in (type(app), *classes):
        for binding in _plain(getattr(owner, "BINDINGS", ())):
            if binding.id and binding.id not in found:
                what = binding.description or binding.action
                found[binding.id] = Bound(binding.id, app.own_keys.get(binding.id, binding.key), what)
    return list(found.values())


def _plain(bindings: Iterable[Any]) -> Iterable[Binding]:
    return (one for one in bindings if isinstance(one, Binding))


def with_key(keymap: Sequence[str], name: str, key: str) -> list[str]:
    """The keymap with this one changed."""
    return [*(part for part in keymap if not part.startswith(f"{name}=")), f"{name}={key}"]


class KeyAsk(ModalScreen[str | None]):
    """The next key that is pressed is the answer; Escape leaves everything as it is."""

    CSS: ClassVar[str] = "KeyAsk { align: center middle; }"

    def __init__(self, action: str, bound: Sequence[Bound]) -> None:
        super().__init__()
        self._action = action
        self._bound = bound

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(f"Press the new key for {self._action}.", classes="title", markup=False)
            yield Static("Escape leaves it as it is.", id="key-ask-note", markup=False)

    def on_key(self, event: events.Key) -> None:
        """Take it, unless something on the same screen has it."""
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss(None)
        elif taken := self._taken(event.key):
            text = f"{event.key} is the key of {taken.id} ({taken.what}). Press another one, or Escape."
            self.query_one("#key-ask-note", Static).update(text)
        else:
            self.dismiss(event.key)

    def _taken(self, key: str) -> Bound | None:
        own = self._action.split(".", maxsplit=1)[0]
        everywhere = {"app", "go"}
        for one in self._bound:
            place = one.id.split(".", maxsplit=1)[0]
            near = place == own or place in everywhere or own in everywhere
            if one.id != self._action and near and key in one.key.split(","):
                return one
        return None
