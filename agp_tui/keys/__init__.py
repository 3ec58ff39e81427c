"""The keyboard: our names for keys, listening to a person, pressing for a model."""
