"""The play screen: a model at the keys, live."""
