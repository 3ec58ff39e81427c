"""A run on the screen: its stages, curves, log and result."""
