"""Key presses and releases of a terminal, by the Kitty keyboard protocol, which Textual does not use."""
