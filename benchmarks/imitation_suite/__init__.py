"""Models that learn from people-like demonstrators of games that others wrote, scored against these."""
