"""The ways to learn, each in a file of its own, on one core of rollouts and returns."""
