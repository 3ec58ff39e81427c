"""The screens, one folder each: the screen, its panes and its style sheet."""
