"""Reinforcement learning of Atari games from pixels: environments, networks, algorithms, evaluation."""
