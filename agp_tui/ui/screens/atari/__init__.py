"""Atari screen: train, compare and watch agents."""
