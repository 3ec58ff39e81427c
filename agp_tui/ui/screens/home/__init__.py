"""Home screen: the next step, runs and the state of the machine."""
