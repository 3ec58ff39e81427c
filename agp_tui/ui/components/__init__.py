"""Panes and bars that several screens share."""
