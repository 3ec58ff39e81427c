"""What this machine's graphical sessions leave to be seen by another login of the same user."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
