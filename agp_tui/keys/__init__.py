"""The keyboard: listening to keys, and pressing them through the guard process."""
