"""Finds the display of the game, also over SSH. Each candidate is tested by grabbing one pixel."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agp_tui.config import GameSettings
from agp_tui.engine.subprocesses import module_command, module_environment
from agp_tui.errors import DisplayError

SOCKETS = Path("/tmp/.X11-unix")
PROCESSES = Path("/proc")


@dataclass(frozen=True)
class Desktop:
    """Where displays and their authority files may be found."""

    environment: Mapping[str, str]
    """The environment of this process."""
    sessions: tuple[tuple[str, str | None], ...] = ()
    """Local displays and authority files in the environments of this user's processes."""
    servers: tuple[int, ...] = ()
    """Display numbers of the X servers with a socket here."""
    rootless: frozenset[int] = frozenset()
    """Display numbers of rootless Xwayland servers, whose screen cannot be grabbed."""
    authorities: tuple[str, ...] = ()
    """Authority files of display managers."""
    wayland: tuple[str, ...] = ()
    """Evidence of a Wayland session."""

    @classmethod
    def of_this_user(cls) -> "Desktop":
        """Inspect this machine. Does not raise: unreadable places count as empty."""
        run = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
        return cls(
            environment=dict(os.environ),
            sessions=_sessions(PROCESSES),
            servers=_servers(SOCKETS, PROCESSES),
            rootless=_rootless(PROCESSES),
            authorities=_authorities(run, Path.home()),
            wayland=_wayland(run),
        )


def _sessions(processes: Path) -> tuple[tuple[str, str | None], ...]:
    """The distinct pairs in the environments of this user's processes."""
    found: dict[tuple[str, str | None], None] = {}
    for process in _own(processes):
        variables = dict(part.partition(b"=")[::2] for part in _read(process / "environ").split(b"\0"))
        name = variables.get(b"DISPLAY", b"").decode(errors="replace")
        if name.startswith(":"):
            found[name, variables.get(b"XAUTHORITY", b"").decode(errors="replace") or None] = None
    return tuple(sorted(found, key=lambda pair: (pair[0], pair[1] or "")))


def _servers(sockets: Path, processes: Path) -> tuple[int, ...]:
    """From the sockets in the file system and the abstract ones, which containers share."""
    paths = [str(path) for path in sockets.glob("X*")] if sockets.is_dir() else []
    abstract = re.findall(rb"@(/tmp/\.X11-unix/X\d+)", _read(processes / "net" / "unix"))
    names = [*paths, *(path.decode() for path in abstract)]
    return tuple(sorted({int(match[1]) for name in names if (match := re.search(r"/X(\d+)$", name))}))


def _rootless(processes: Path) -> frozenset[int]:
    found = set()
    for process in processes.glob("[0-9]*"):
        words = _read(process / "cmdline").decode(errors="replace").split("\0")
        if words[0].endswith("Xwayland") and "-rootless" in words:
            found |= {int(word[1:]) for word in words if re.fullmatch(r":\d+", word)}
    return frozenset(found)


def _authorities(run: Path, home: Path) -> tuple[str, ...]:
    """Authority files of GDM, mutter, KDE and LightDM, then ~/.Xauthority."""
    patterns = ("gdm/Xauthority", ".mutter-Xwaylandauth.*", "xauth_*", "Xauthority", "lightdm/xauthority")
    files = [path for pattern in patterns for path in sorted(run.glob(pattern))]
    files += [*sorted(Path("/run/lightdm").glob("*/xauthority")), home / ".Xauthority"]
    return tuple(str(path) for path in files if os.access(path, os.R_OK))


def _wayland(run: Path) -> tuple[str, ...]:
    signs = [f"{name}={os.environ[name]}" for name in ("WAYLAND_DISPLAY",) if os.environ.get(name)]
    if os.environ.get("XDG_SESSION_TYPE") == "wayland":
        signs.append("XDG_SESSION_TYPE=wayland")
    signs += [str(path) for path in sorted(run.glob("wayland-*")) if not path.name.endswith(".lock")]
    return tuple(signs)


def _own(processes: Path) -> list[Path]:
    found = []
    for process in processes.glob("[0-9]*"):
        try:
            if process.stat().st_uid == os.getuid():
                found.append(process)
        except OSError:
            continue
    return found


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


PROBE_SECONDS = 5.0
FIRST_SSH_DISPLAY = 10
"""The first display number that sshd forwards (X11DisplayOffset)."""

FROM_SETTINGS, FROM_ENVIRONMENT = "the settings", "$DISPLAY"
"""Sources of a name that the user chose; names of other sources were discovered."""

_NAME = re.compile(r"(?:\w+/)?(?P<host>[^:/]*):(?P<number>\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class DisplayCandidate:
    """A display that may show the game, and whether and why it is usable."""

    name: str
    """Such as `:0`; empty for the one desktop of Windows and macOS."""
    source: str
    """The source of its name."""
    usable: bool
    reason: str
    size: tuple[int, int] | None = None
    """Width and height in pixels, if it is usable."""
    authority: str | None = None
    """Its authority file, if it is not the default one."""

    def enter(self) -> None:
        """Allow this process and its subprocesses to connect to it."""
        if self.authority:
            os.environ["XAUTHORITY"] = self.authority


def find_display(settings: GameSettings, desktop: Desktop | None = None) -> DisplayCandidate:
    """The display of the settings, or the first usable one. Raises `DisplayError` with all reasons."""
    return usable_displays(settings, desktop)[0]


def usable_displays(settings: GameSettings, desktop: Desktop | None = None) -> list[DisplayCandidate]:
    """The displays that may show the game, best first; only `$DISPLAY` if it is usable.

    Raises `DisplayError` with the reason of each display if there is none.
    """
    found = candidates(settings, desktop, stop_at_first=True)
    if usable := [candidate for candidate in found if candidate.usable]:
        return usable
    reasons = (
        "; ".join(f"{candidate.name}: {candidate.reason}" for candidate in found) or "no display was found"
    )
    raise DisplayError(
        f"Expected a display that can be grabbed, found none ({reasons}).",
        "Name it with --display, for example --display :0; agp doctor shows every display and its reason.",
    )


def candidates(
    settings: GameSettings, desktop: Desktop | None = None, stop_at_first: bool = False
) -> list[DisplayCandidate]:
    """All candidate displays, best first, each tested by grabbing one pixel.

    The display of the settings alone if set; else `$DISPLAY`, then those of this user's processes, then
    every local X server. With `stop_at_first`, the others are skipped if `$DISPLAY` is usable.
    """
    if sys.platform in ("win32", "darwin"):
        return [_grab_test(DisplayCandidate("", "this desktop", True, ""), [None])]
    desktop = desktop or Desktop.of_this_user()
    if settings.display:
        named = DisplayCandidate(settings.display, FROM_SETTINGS, True, "")
        return [_test(named, desktop, settings.allow_forwarded_display)]
    first = desktop.environment.get("DISPLAY")
    found = []
    if first:
        found = [
            _test(
                DisplayCandidate(first, FROM_ENVIRONMENT, True, ""), desktop, settings.allow_forwarded_display
            )
        ]
        if stop_at_first and found[0].usable:
            return found
    others = [
        *(DisplayCandidate(name, "a program of yours", True, "") for name, _ in desktop.sessions),
        *(DisplayCandidate(f":{number}", "a local X server", True, "") for number in desktop.servers),
    ]
    rest = [
        candidate for candidate in _once(others) if not first or _number(candidate.name) != _number(first)
    ]
    with ThreadPoolExecutor(max_workers=8) as pool:
        found += pool.map(lambda one: _test(one, desktop, settings.allow_forwarded_display), rest)
    return found


def refusal(candidate: DisplayCandidate, desktop: Desktop, allow_forwarded: bool) -> str:
    """Why this display is not tested; empty if it is."""
    match = _NAME.fullmatch(candidate.name)
    if match is None:
        return "expected a name such as :0"
    host, number = match["host"], int(match["number"])
    here = host in ("", "unix", socket.gethostname())
    loopback = host in ("localhost", "127.0.0.1")
    if not here and (not loopback or number >= FIRST_SSH_DISPLAY) and not allow_forwarded:
        shown = "the machine you came from (ssh -X)" if loopback else f"the machine {host}"
        return f"shows {shown}, not this one; --allow-forwarded-display takes it all the same"
    if here and number in desktop.rootless and candidate.source != FROM_SETTINGS:
        return (
            "belongs to a Wayland session, whose screen cannot be grabbed: log in to an Xorg session, "
            "or run the game in Xephyr or Xvfb"
        )
    return ""


def _test(candidate: DisplayCandidate, desktop: Desktop, allow_forwarded: bool) -> DisplayCandidate:
    reason = refusal(candidate, desktop, allow_forwarded)
    if reason:
        return replace(candidate, usable=False, reason=reason)
    known = [authority for name, authority in desktop.sessions if _number(name) == _number(candidate.name)]
    return _grab_test(candidate, _unique([None, *known, *desktop.authorities]))


def _grab_test(candidate: DisplayCandidate, authorities: Iterable[str | None]) -> DisplayCandidate:
    """Test the display with each authority file; None means the default one."""
    tried = candidate
    for authority in authorities:
        answer = _probe(candidate.name, authority)
        if "problem" not in answer:
            size = (answer["width"], answer["height"])
            reason = f"{size[0]}x{size[1]}, a pixel of it was read"
            return replace(candidate, usable=True, reason=reason, size=size, authority=authority)
        if tried is candidate:
            tried = replace(candidate, usable=False, reason=str(answer["problem"]))
        if not re.search(r"auth|cookie", str(answer["problem"]), re.IGNORECASE):
            break
    return tried


def _probe(name: str, authority: str | None) -> dict[str, Any]:
    environment = module_environment(**({"XAUTHORITY": authority} if authority else {}))
    command = module_command("agp_tui.games.display_probe", *([name] if name else []))
    try:
        answer = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
        )
        return dict(json.loads(answer.stdout))
    except subprocess.TimeoutExpired:
        return {"problem": f"it did not answer within {PROBE_SECONDS:.0f} seconds"}
    except (OSError, ValueError) as error:
        return {"problem": f"the test failed: {error}"}


def _once(found: Iterable[DisplayCandidate]) -> list[DisplayCandidate]:
    """The first candidate of each display."""
    first: dict[str, DisplayCandidate] = {}
    for candidate in found:
        first.setdefault(_number(candidate.name), candidate)
    return list(first.values())


def _number(name: str) -> str:
    """The display without its screen: `:0.0` and `:0` are the same one."""
    match = _NAME.fullmatch(name)
    return f"{match['host']}:{match['number']}" if match else name


def _unique(authorities: list[str | None]) -> list[str | None]:
    return list(dict.fromkeys(authorities))
