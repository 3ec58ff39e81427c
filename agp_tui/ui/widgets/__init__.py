"""Widgets that draw events or numbers; independent of jobs and of the app."""
