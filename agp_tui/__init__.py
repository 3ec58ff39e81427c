"""Record a game with the keys you hold, learn to play it, take the keyboard."""

__version__ = "0.1.0"
