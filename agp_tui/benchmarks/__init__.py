"""The product's own benchmarks: each against the plain way, in turns in the same run on this machine."""
