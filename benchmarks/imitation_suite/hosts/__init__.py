"""Scripts that run a game in its own Python, skip its menus, and write its state to a pipe."""
