"""Recordings: the recorder, the format on disk, integrity checks, repair, import and export."""
