"""Benchmarks of agp-tui against straightforward implementations. Run them with `agp bench` in a checkout."""
