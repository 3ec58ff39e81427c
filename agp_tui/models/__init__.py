"""A model on disk and how it decides: manifest, registry, TFLite, sandbox, policies, key filter."""
