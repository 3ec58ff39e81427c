"""Play screen: a model plays a game, live."""
