"""Imitation learning: behavior cloning and DAgger, from recordings to an exported policy."""
