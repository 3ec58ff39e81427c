"""Agents that learn Atari games from pixels: consoles, networks, algorithms, judgement."""
