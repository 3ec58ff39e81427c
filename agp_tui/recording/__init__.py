"""Recordings: their format on disk, the job that makes them, and what comes in and goes out."""
