"""The app as a client of the commands: their processes, and the catalog of recordings, models and runs."""
