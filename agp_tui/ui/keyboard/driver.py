"""The terminal as textual drives it, which can be asked to tell when keys are released."""

import os
import selectors
import time
from codecs import getincrementaldecoder
from collections.abc import Callable

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from agp_tui.ui.keyboard.kitty_parser import KeyboardParser

ENABLE = "\x1b[>27u\x1b[?u\x1b[c"
"""All that textual asks for, and releases; which flags hold now; the attributes, which all terminals tell."""
DISABLE = "\x1b[<u"
POLL_SECONDS = 0.1
READ_BYTES = 4096


class KeyboardDriver(LinuxDriver):
    """Textual's driver with a parser that knows of releases. They are asked for only between two calls."""

    def __init__(self, app: App[object], **options: object) -> None:
        super().__init__(app, **options)  # type: ignore[arg-type]
        self._parser = KeyboardParser(self._debug)

    def report_key_strokes(self, tell: Callable[[Message], object]) -> None:
        """From now on `tell` hears strokes, and the terminal's answer, on the thread that reads it."""
        if self._parser.tell is None:
            self.write(ENABLE)
            self.flush()
        self._parser.tell = tell

    def stop_key_strokes(self) -> None:
        """The terminal is as it was."""
        if self._parser.tell is not None:
            self._parser.tell = None
            self.write(DISABLE)
            self.flush()

    def start_application_mode(self) -> None:
        """Also after the app was stopped by Ctrl-Z: then releases are asked for again."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._parser.tell is not None:
            self.write(ENABLE)
            self.flush()

    def stop_application_mode(self) -> None:
        if self._parser.tell is not None:
            self.write(DISABLE)
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read the terminal until the app ends; when bytes came is known to the parser."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_SECONDS):
                    self._parser.read_ns = time.monotonic_ns()
                    if not (read := os.read(self.fileno, READ_BYTES)):
                        # The end of a pipe: nothing comes any more, and the app ends otherwise.
                        self.exit_event.wait(POLL_SECONDS)
                    # A part of a character only is no text yet, and no text is the parser's own end.
                    elif text := decode(read):
                        for message in self._parser.feed(text):
                            self.process_message(message)
                for message in self._parser.tick():
                    self.process_message(message)


def keyboard_driver_class(chosen: type[Driver]) -> type[Driver]:
    """Ours in the place of textual's own for a terminal; any other one as it is."""
    return KeyboardDriver if chosen is LinuxDriver else chosen
