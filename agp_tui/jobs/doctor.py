"""Check the machine: displays, keyboard access, runtime, training libraries, disk.

Heavy libraries are detected by their metadata and never imported.
"""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

from agp_tui.config import GameSettings, RecordSettings
from agp_tui.config.settings import over_ssh
from agp_tui.engine.cpu import available_cpus
from agp_tui.errors import AgpError
from agp_tui.games.display_discovery import FROM_ENVIRONMENT, FROM_SETTINGS, Desktop, candidates
from agp_tui.games.profiles import shared_region, shared_regions
from agp_tui.protocol.summaries import Finding

SMALLEST_TERMINAL = (80, 24)
UINPUT = Path("/dev/uinput")
NVIDIA = Path("/proc/driver/nvidia/version")


def checkup(
    game: GameSettings | None = None,
    recordings: Path | None = None,
    min_free_mb: int = RecordSettings.min_free_mb,
    profiles: Mapping[str, GameSettings] | None = None,
) -> list[Finding]:
    """Run all checks; never raises. `recordings` is the folder whose disk must have free space."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("system", _system),
        ("terminal", _terminal),
        ("displays", lambda: _displays(game or GameSettings())),
        ("profiles", lambda: _profiles(profiles or {})),
        ("keys", _key_devices),
        ("model runtime", _runtime),
        ("training", _training),
        ("atari", _atari),
        ("parts", _base_parts),
        ("disk", lambda: _disk(recordings or Path.cwd(), min_free_mb)),
    ]
    return [finding for name, check in checks for finding in _guarded(name, check)]


def _guarded(name: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check; an unexpected exception becomes a finding."""
    try:
        yield from check()
    except Exception as error:
        yield Finding(name, None, f"could not be checked: {error!r}")


def _system() -> Iterator[Finding]:
    machine = f"{platform.system()} {platform.machine()}, {available_cpus()} cores"
    found = f"{machine}, Python {platform.python_version()}"
    yield Finding("system", True, found)


def _terminal() -> Iterator[Finding]:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        yield Finding(
            "terminal", None, "none: the app cannot be shown, all commands work", "Over SSH, use ssh -t."
        )
        return
    columns, lines = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "")
    colors = (
        "true colour" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256 colours or fewer"
    )
    found = f"{kind or 'TERM is not set'}, {columns}x{lines}, {colors}{', over SSH' if over_ssh() else ''}"
    if kind in ("", "dumb"):
        yield Finding("terminal", False, found, "Set TERM, for example export TERM=xterm-256color.")
    elif columns < SMALLEST_TERMINAL[0] or lines < SMALLEST_TERMINAL[1]:
        yield Finding("terminal", False, found, "Make it at least {}x{}.".format(*SMALLEST_TERMINAL))
    else:
        yield Finding("terminal", True, found)


def _displays(game: GameSettings) -> Iterator[Finding]:
    if sys.platform in ("win32", "darwin"):
        for candidate in candidates(game):
            yield Finding("display", candidate.usable, candidate.reason)
        return
    desktop = Desktop.of_this_user()
    found = candidates(game, desktop)
    if not found:
        yield Finding(
            "display",
            None,
            "none found: screen games cannot be captured, Atari games need none",
            "Start the game's X server, or log in where the game runs.",
        )
    selected = next((candidate for candidate in found if candidate.usable), None)
    for candidate in found:
        role = (
            "; selected" if candidate is selected else "; another one is selected" if candidate.usable else ""
        )
        found_text = f"{candidate.reason} (from {candidate.source}{role})"
        # An unusable display is a problem only if it was configured explicitly.
        configured = candidate.source in (FROM_SETTINGS, FROM_ENVIRONMENT)
        good = True if candidate.usable else False if configured and selected is None else None
        cure = "Name another one with --display, or start its X server." if good is False else ""
        yield Finding(f"display {candidate.name}", good, found_text, cure)
    if selected is not None:
        selected.enter()
        yield _x_extensions(selected.name)
    if desktop.wayland:
        yield Finding(
            "wayland",
            None if selected else False,
            f"a Wayland session ({', '.join(desktop.wayland)}): its native windows cannot be captured",
            "Log in to an Xorg session, or run the game in Xephyr or Xvfb.",
        )


def _profiles(profiles: Mapping[str, GameSettings]) -> Iterator[Finding]:
    for one, other in shared_regions(profiles):
        yield Finding("profiles", None, *shared_region(one, other))


def _x_extensions(name: str) -> Finding:
    from agp_tui.keys.xinput2 import KEY_DOWN, RawInputStream
    from agp_tui.keys.xserver import connect

    try:
        connection = connect(name)
        try:
            RawInputStream(connection, (KEY_DOWN,))
            can_press = connection.has_extension("XTEST")
        finally:
            connection.close()
    except AgpError as error:
        return Finding(f"keys on {name}", False, error.message, error.hint)
    if not can_press:
        return Finding(
            f"keys on {name}",
            False,
            "readable, but cannot be pressed (no XTEST)",
            "Only --dry-run works there.",
        )
    return Finding(f"keys on {name}", True, "readable (XInput2) and can be pressed (XTEST)")


def _key_devices() -> Iterator[Finding]:
    """Access that other keyboard backends would need; X11 needs none of it."""
    if sys.platform != "linux":
        return
    if not UINPUT.exists():
        yield Finding("/dev/uinput", None, "does not exist; not needed on X11")
    else:
        allowed = os.access(UINPUT, os.W_OK)
        yield Finding("/dev/uinput", None, f"{'can' if allowed else 'cannot'} be written; not needed on X11")
    import grp

    try:
        group = grp.getgrnam("input")
    except KeyError:
        yield Finding("group input", None, "does not exist; not needed on X11")
        return
    inside = group.gr_gid in os.getgroups() or os.geteuid() == 0
    yield Finding("group input", None, f"you are {'' if inside else 'not '}a member; not needed on X11")


def _runtime() -> Iterator[Finding]:
    version = _version("ai-edge-litert")
    old = _version("tflite-runtime")
    if version:
        yield Finding("model runtime", True, f"ai-edge-litert {version}")
    elif old:
        numpy = _version("numpy") or "0"
        works = numpy.startswith("1.")
        cure = "" if works else "pip install ai-edge-litert"
        yield Finding("model runtime", works, f"tflite-runtime {old} with numpy {numpy}", cure)
    else:
        yield Finding("model runtime", False, "none: models cannot play", "pip install ai-edge-litert")


def _training() -> Iterator[Finding]:
    version = _version("torch")
    if version is None:
        yield Finding("torch", None, "not installed: no training here", 'pip install "agp-tui[train]"')
    else:
        yield Finding("torch", True, f"{version}, {_torch_device(version)}")
    exporter = _version("litert-torch")
    if exporter is not None:
        yield Finding("litert-torch", True, exporter)
    elif _has_exporter_wheel():
        yield Finding("litert-torch", None, "not installed: no export", 'pip install "agp-tui[train]"')
    else:
        where = f"{platform.system()} {platform.machine()}"
        cure = "Train here and run agp export CHECKPOINT on Linux x86_64 or macOS arm64."
        yield Finding("litert-torch", None, f"has no package for {where}: no export here", cure)


def _torch_device(version: str) -> str:
    if version.endswith("+cpu"):
        return "the CPU build"
    if NVIDIA.exists():
        return "NVIDIA driver found"
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple GPU"
    return "no GPU driver: CPU"


def _has_exporter_wheel() -> bool:
    return (platform.system(), platform.machine()) in (("Linux", "x86_64"), ("Darwin", "arm64"))


def _atari() -> Iterator[Finding]:
    ale, gymnasium = _version("ale-py"), _version("gymnasium")
    if ale and gymnasium:
        yield Finding("atari", True, f"ale-py {ale}, gymnasium {gymnasium}")
    else:
        missing = " and ".join(
            name for name, version in (("ale-py", ale), ("gymnasium", gymnasium)) if not version
        )
        yield Finding(
            "atari", None, f"{missing} not installed: no Atari games", 'pip install "agp-tui[train]"'
        )


def _base_parts() -> Iterator[Finding]:
    names = ["numpy", "mss", "av", "opencv-python-headless", "pynput"]
    names += ["python-xlib"] if sys.platform == "linux" else []
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    found = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    if missing:
        yield Finding(
            "parts", False, f"{', '.join(missing)} not installed", f"pip install {' '.join(missing)}"
        )
    else:
        yield Finding("parts", True, found)
    if _version("python3-xlib"):
        yield Finding(
            "python3-xlib",
            False,
            "is installed and overwrites files of python-xlib",
            "pip uninstall python3-xlib && pip install --force-reinstall python-xlib",
        )


def _disk(folder: Path, min_free_mb: int) -> Iterator[Finding]:
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.is_dir())
    free_mb = shutil.disk_usage(there).free // 2**20
    found = f"{free_mb / 1024:.1f} GB free for {folder}"
    if not os.access(there, os.W_OK):
        yield Finding("disk", False, f"{there} cannot be written", "Set folders.recordings in config.toml.")
    elif free_mb < min_free_mb:
        yield Finding(
            "disk", False, f"{found}, {min_free_mb} MB are required", "Free some space, or delete recordings."
        )
    else:
        yield Finding("disk", True, found)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
