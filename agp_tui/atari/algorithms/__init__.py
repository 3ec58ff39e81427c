"""The learning algorithms, one per file, on a common base."""
