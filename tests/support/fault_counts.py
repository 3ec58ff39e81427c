"""How often a fault is tried, and what is told of it: `make faults` tries more and keeps the count."""

import json
import os
from pathlib import Path


def trial_count(usual: int, many: int) -> int:
    """How often a test tries its fault: few times as a rule, many under `AGP_FAULTS=many`."""
    return many if os.environ.get("AGP_FAULTS") == "many" else usual


def log_faults(fault: str, *, trials: int, losses: int = 0, worst: str = "") -> None:
    """Append to the file `AGP_FAULTS_KEPT`, where it is named; `worst` is the worst that was measured."""
    if kept := os.environ.get("AGP_FAULTS_KEPT"):
        line = json.dumps({"fault": fault, "trials": trials, "losses": losses, "worst": worst})
        with Path(kept).open("a") as file:
            file.write(line + "\n")
