"""Parts of single screens."""
