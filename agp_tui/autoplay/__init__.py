"""A model takes the keyboard: loading it, deciding in real time, corrections."""
