"""Folders that tests read from."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository."""

FOREIGN_MODELS = ROOT / "tests" / "data" / "foreign_models"
"""Models made by another toolchain (TensorFlow); see `make_models.py` there."""
