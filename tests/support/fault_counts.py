"""Number of trials of a fault test, and the log of the results that `make faults` writes."""

import json
import os
from pathlib import Path


def trial_count(default: int, many: int) -> int:
    """The number of trials: `default`, or `many` if `AGP_FAULTS=many`."""
    return many if os.environ.get("AGP_FAULTS") == "many" else default


def log_faults(fault: str, *, trials: int, losses: int = 0, worst: str = "") -> None:
    """Append the result to the file named by `AGP_FAULTS_KEPT`; `worst` is the worst measurement."""
    if path := os.environ.get("AGP_FAULTS_KEPT"):
        line = json.dumps({"fault": fault, "trials": trials, "losses": losses, "worst": worst})
        with Path(path).open("a") as file:
            file.write(line + "\n")
