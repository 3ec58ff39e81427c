"""Benchmarks of the app: start-up, overhead, live picture, play in the terminal."""
