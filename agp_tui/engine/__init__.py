"""How a job runs: events and commands, the clock, run folders, subprocesses."""
