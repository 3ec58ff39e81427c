"""Textual's terminal driver, extended with key release events (Kitty keyboard protocol)."""

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
"""Push flags with release events; query the flags; query the device attributes, which is always answered."""
DISABLE = "\x1b[<u"
POLL_SECONDS = 0.1
READ_BYTES = 4096


class KeyboardDriver(LinuxDriver):
    """Textual's Linux driver with a parser for key releases, which are enabled only on request."""

    def __init__(self, app: App[object], **options: object) -> None:
        super().__init__(app, **options)  # type: ignore[arg-type]
        self._parser = KeyboardParser(self._debug)

    def report_key_strokes(self, callback: Callable[[Message], object]) -> None:
        """Pass key strokes and the terminal's answer to `callback`, which is called on the input thread."""
        if self._parser.callback is None:
            self.write(ENABLE)
            self.flush()
        self._parser.callback = callback

    def stop_key_strokes(self) -> None:
        """Stop reporting and restore the terminal's keyboard mode."""
        if self._parser.callback is not None:
            self._parser.callback = None
            self.write(DISABLE)
            self.flush()

    def start_application_mode(self) -> None:
        """Enable release events again when the app resumes after Ctrl-Z."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._parser.callback is not None:
            self.write(ENABLE)
            self.flush()

    def stop_application_mode(self) -> None:
        if self._parser.callback is not None:
            self.write(DISABLE)
        super().stop_application_mode()

    def run_input_thread(self) -> None:
        """Read the terminal until the app ends, and give the parser the time of each read."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.SelectSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                if selector.select(POLL_SECONDS):
                    self._parser.read_ns = time.monotonic_ns()
                    if not (read := os.read(self.fileno, READ_BYTES)):
                        # End of file on a pipe: no more input; the app exits by other means.
                        self.exit_event.wait(POLL_SECONDS)
                    # An incomplete UTF-8 sequence gives no text, and empty text would end the parser.
                    elif text := decode(read):
                        for message in self._parser.feed(text):
                            self.process_message(message)
                for message in self._parser.tick():
                    self.process_message(message)


def keyboard_driver_class(chosen: type[Driver]) -> type[Driver]:
    """`KeyboardDriver` in place of Textual's Linux driver; any other driver unchanged."""
    return KeyboardDriver if chosen is LinuxDriver else chosen
