"""Runs screen: long jobs, settings and the doctor."""
