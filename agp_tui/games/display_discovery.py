"""Finds the display that the game is on, also from an SSH login. Grabs nothing but one pixel."""

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
    """The places where displays, and the keys to them, may be found."""

    environment: Mapping[str, str]
    """Of this process."""
    sessions: tuple[tuple[str, str | None], ...] = ()
    """Local display and key file of this user's other programs."""
    servers: tuple[int, ...] = ()
    """Numbers of the X servers that have a socket here."""
    rootless: frozenset[int] = frozenset()
    """Numbers of those that serve a Wayland desktop window by window, and have no screen to read."""
    authorities: tuple[str, ...] = ()
    """Key files where display managers put them."""
    wayland: tuple[str, ...] = ()
    """Signs of a Wayland session."""

    @classmethod
    def of_this_user(cls) -> "Desktop":
        """Look around. Never fails: what cannot be read is not there."""
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
    """From the environments of this user's processes, each pair once."""
    found: dict[tuple[str, str | None], None] = {}
    for process in _own(processes):
        variables = dict(part.partition(b"=")[::2] for part in _read(process / "environ").split(b"\0"))
        name = variables.get(b"DISPLAY", b"").decode(errors="replace")
        if name.startswith(":"):
            found[name, variables.get(b"XAUTHORITY", b"").decode(errors="replace") or None] = None
    return tuple(sorted(found, key=lambda pair: (pair[0], pair[1] or "")))


def _servers(sockets: Path, processes: Path) -> tuple[int, ...]:
    """From the sockets, those in the file system and the abstract ones that containers share."""
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
    """Key files of GDM, mutter, KDE and LightDM, then the plain one."""
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
"""sshd numbers the displays that it forwards from here (X11DisplayOffset)."""

FROM_SETTINGS, FROM_ENVIRONMENT = "the settings", "$DISPLAY"
"""Sources of a name that somebody chose; the other names were only found."""

_NAME = re.compile(r"(?:\w+/)?(?P<host>[^:/]*):(?P<number>\d+)(?:\.\d+)?")


@dataclass(frozen=True)
class DisplayCandidate:
    """A display that may be the game's, and why it is taken or not."""

    name: str
    """Such as `:0`; empty for the one desktop of Windows and macOS."""
    source: str
    """Where its name comes from."""
    usable: bool
    reason: str
    size: tuple[int, int] | None = None
    """Width and height in pixels, where it can be seen."""
    authority: str | None = None
    """File with the key to it, where that is not the one programs use by themselves."""

    def enter(self) -> None:
        """Let this process, and those it starts, connect to it."""
        if self.authority:
            os.environ["XAUTHORITY"] = self.authority


def find_display(settings: GameSettings, desktop: Desktop | None = None) -> DisplayCandidate:
    """The display of the settings, or the first that can be seen. Raises `DisplayError` with every reason."""
    found = candidates(settings, desktop, stop_at_first=True)
    for candidate in found:
        if candidate.usable:
            return candidate
    reasons = (
        "; ".join(f"{candidate.name}: {candidate.reason}" for candidate in found) or "there is none here"
    )
    raise DisplayError(
        f"Expected a display that can be seen, found none ({reasons}).",
        "Name it with --display, for example --display :0; agp doctor shows every display and its reason.",
    )


def candidates(
    settings: GameSettings, desktop: Desktop | None = None, stop_at_first: bool = False
) -> list[DisplayCandidate]:
    """Every display that may be meant, best first, each proven by reading one pixel of it.

    With a display in the settings only that one; else `$DISPLAY`, then those of this user's other
    programs, then every local X server. With `stop_at_first` the rest is not looked at once
    `$DISPLAY` proves usable.
    """
    if sys.platform in ("win32", "darwin"):
        return [_prove(DisplayCandidate("", "this desktop", True, ""), [None])]
    desktop = desktop or Desktop.of_this_user()
    if settings.display:
        named = DisplayCandidate(settings.display, FROM_SETTINGS, True, "")
        return [_look(named, desktop, settings.allow_forwarded_display)]
    first = desktop.environment.get("DISPLAY")
    found = []
    if first:
        found = [
            _look(
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
        found += pool.map(lambda one: _look(one, desktop, settings.allow_forwarded_display), rest)
    return found


def refusal(candidate: DisplayCandidate, desktop: Desktop, allow_forwarded: bool) -> str:
    """Why not even to try this display; empty where nothing speaks against it."""
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
            "belongs to a Wayland session, whose screen programs cannot see: log in to an Xorg session, "
            "or run the game in Xephyr or Xvfb"
        )
    return ""


def _look(candidate: DisplayCandidate, desktop: Desktop, allow_forwarded: bool) -> DisplayCandidate:
    reason = refusal(candidate, desktop, allow_forwarded)
    if reason:
        return replace(candidate, usable=False, reason=reason)
    known = [authority for name, authority in desktop.sessions if _number(name) == _number(candidate.name)]
    return _prove(candidate, _unique([None, *known, *desktop.authorities]))


def _prove(candidate: DisplayCandidate, authorities: Iterable[str | None]) -> DisplayCandidate:
    """Try one key file after the other; None is the one that programs use by themselves."""
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
    except (OSError, ValueError) as problem:
        return {"problem": f"looking at it failed: {problem}"}


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
