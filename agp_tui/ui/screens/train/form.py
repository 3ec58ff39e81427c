"""The form of a training: the main settings of [train]."""

from collections.abc import Sequence
from typing import ClassVar

from textual.message import Message
from textual.widgets import Input

from agp_tui.ui.components.settings_form import Setting, SettingsForm

SPLIT_KEYS = ("segment",)
"""Settings that change how the recordings are split."""


class TrainForm(SettingsForm):
    """The settings that a training most often changes; all others come from config.toml."""

    SECTION = "train"
    KEYS: ClassVar[tuple[str, ...]] = ("model", "minutes", "epochs", "segment", "name")
    SUBMIT = "start"

    class SplitChanged(Message):
        """A setting of `SPLIT_KEYS` has changed."""

    def on_mount(self) -> None:
        self.border_title = "Training"

    def placeholder(self, setting: Setting) -> str:
        """The text in an empty field."""
        return "the game's name" if setting.key == "name" else super().placeholder(setting)

    def on_input_changed(self, changed: Input.Changed) -> None:
        """Notify the screen if the split depends on the value."""
        if (changed.input.id or "").removeprefix("train-") in SPLIT_KEYS:
            self.post_message(self.SplitChanged())

    def flags(self, keys: Sequence[str] | None = None) -> list[str]:
        """The values as flags of `agp train`."""
        return [f"--{key}={value}" for key, value in self.values(keys).items()]
