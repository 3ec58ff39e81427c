"""Library screen: list, replay, check and export recordings."""
