"""What opens over a screen and goes away again: help, questions, choices."""
