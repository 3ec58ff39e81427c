"""The atari screen: agents: train, compare, watch."""
