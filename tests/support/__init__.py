"""Helpers shared by the tests: X servers, game windows, terminals, models and recordings."""
