"""Tests in a process of its own, which may hang or crash, whether a display can be grabbed.

    python -m agp_tui.games.display_probe [DISPLAY]

Reads one pixel and prints one JSON object: `{"width": W, "height": H}` or `{"problem": TEXT}`.
"""

import json
import sys
from typing import Any

from agp_tui.errors import DisplayError


def probe(display: str | None) -> dict[str, Any]:
    """The size of the display, or the reason why it cannot be grabbed."""
    import mss

    try:
        with mss.MSS(display=display) if display else mss.MSS() as screen:
            whole = screen.monitors[0]
            corner = {"left": whole["left"], "top": whole["top"], "width": 1, "height": 1}
            screen.grab(corner)
            return {"width": whole["width"], "height": whole["height"]}
    except Exception as error:  # mss raises different errors on each system
        return {"problem": _reason(display) or str(error).splitlines()[0]}


def _reason(display: str | None) -> str:
    """The error message of the X server, which mss does not pass on."""
    if not display:
        return ""
    try:
        from agp_tui.keys.xserver import connect

        connect(display).close()
    except DisplayError as error:
        reason = str(error.__cause__).rstrip(". \n")
        return "no X server listens there" if "Connection refused" in reason else reason
    except ImportError:
        return ""
    return "it answers, but its screen cannot be read"


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1] if len(sys.argv) > 1 else None)))
