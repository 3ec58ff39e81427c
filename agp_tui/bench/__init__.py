"""Benchmarks for checking one's own machine: capture, pacing, decision latency."""
