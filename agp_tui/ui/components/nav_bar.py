"""Navigation bar at the top: the screens with their keys, clickable."""

from textual.content import Content
from textual.widgets import Static

SCREENS: dict[str, str] = {
    "home": "Home",
    "record": "Record",
    "library": "Library",
    "train": "Train",
    "play": "Play",
    "atari": "Atari",
    "runs": "Runs",
}
"""By mode: the title, in the order of the keys 1 to 7."""


class NavBar(Static):
    """Shows all screens and highlights the current one."""

    def __init__(self, here: str) -> None:
        super().__init__(id="nav")
        self._here = here

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        roomy = self.size.width >= 76
        parts = ["[b $accent] agp [/]" if roomy else ""]
        for number, (mode, name) in enumerate(SCREENS.items(), start=1):
            label = f" {number} {name} "
            style = "b reverse" if mode == self._here else ""
            parts.append(f"[@click=app.go('{mode}')][{style or 'not bold'}]{label}[/][/]")
        self.update(Content.from_markup("".join(parts)))
