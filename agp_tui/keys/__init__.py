"""The keyboard: listening to a person's keys, and pressing keys for a model through the key guard."""
