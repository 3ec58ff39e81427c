"""How the app talks to the engine: commands of ours as processes, and runs that belong to nobody."""
