"""How a job runs: its events, its clock, its run folder, and how another process follows it."""
