"""Keys of a terminal as presses and releases: what textual does not ask a terminal for, and does not read."""
