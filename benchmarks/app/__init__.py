"""The cost of the app: first screen, idling, event loop, live picture, play in the terminal."""
