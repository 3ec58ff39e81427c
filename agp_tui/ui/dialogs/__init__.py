"""Dialogs over a screen: help, confirm, choose, form, jump mode."""
