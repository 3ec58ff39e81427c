"""Whole games played by a policy or an agent, and the statistics of their scores."""
