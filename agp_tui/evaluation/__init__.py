"""Whole episodes played by a policy, and the statistics of their scores."""
