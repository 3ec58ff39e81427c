"""What the app costs: its live picture, its event loop, the engine beside it, its first screen."""
