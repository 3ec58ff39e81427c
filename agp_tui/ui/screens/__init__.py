"""The screens, each one module and one style file of the same name."""
