"""What is imported when: nothing heavy for the help, nothing of the app below the app, one way only."""

import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import ROOT

import agp_tui
from agp_tui.engine.subprocesses import module_environment

HEAVY = {
    "ai_edge_litert", "ale_py", "av", "cv2", "gymnasium", "litert_torch", "mss", "numpy", "pynput",
    "textual", "tflite_runtime", "torch", "Xlib",
}  # fmt: skip
LIBRARIES_OF_HELP = "import cyclopts, msgspec, rich.console, rich.panel, rich.table"
HELP_RATIO = 2.2


def run(*words: str) -> str:
    """What a fresh interpreter writes to stdout."""
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, env=module_environment()
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imported_by(code: str) -> set[str]:
    """Names of all modules that a fresh interpreter has loaded after `code`."""
    listing = "import json, sys; sys.stdout.write('\\n' + json.dumps(sorted(sys.modules)))"
    modules: list[str] = json.loads(run("-c", f"{code}\n{listing}").splitlines()[-1])
    return set(modules)


def agp(*words: str) -> str:
    return f"""
from agp_tui.cli import main
try:
    main({list(words)!r})
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "words",
    [("--help",), ("--version",), ("record", "--help"), ("train", "--help"), ("play", "--help"),
     ("demo", "--help"), ("config", "path"), ("config", "show", "--json"), ("runs", "list", "--json")],
    ids=" ".join,
)  # fmt: skip
def test_help_and_small_commands_load_nothing_heavy(words: tuple[str, ...]) -> None:
    assert imported_by(agp(*words)) & HEAVY == set()


def test_help_loads_no_command() -> None:
    ours = {name for name in imported_by(agp("--help")) if name.startswith("agp_tui.")}
    assert "agp_tui.cli.commands" in ours
    assert not {name for name in ours if name.startswith(("agp_tui.engine", "agp_tui.jobs", "agp_tui.games"))}
    assert not {"agp_tui.cli.record", "agp_tui.cli.train"} & ours


def test_help_is_there_at_once() -> None:
    """Not much more than its libraries cost to load, in processor time, the best of five runs.

    A ratio: the seconds (0.16 to 0.31 on one and the same machine) are too loose to hold a limit.
    """
    nothing_seconds = min(_processor_seconds("-c", "pass") for _ in range(5))
    libraries_seconds = min(_processor_seconds("-c", LIBRARIES_OF_HELP) for _ in range(5))
    help_seconds = min(_processor_seconds("-m", "agp_tui", "--help") for _ in range(5))
    assert (help_seconds - nothing_seconds) / (libraries_seconds - nothing_seconds) < HELP_RATIO


def _processor_seconds(*words: str) -> float:
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, env=module_environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_nothing_below_the_app_imports_textual() -> None:
    """Every module but those of the app, imported in one fresh process."""
    names = [
        info.name
        for info in pkgutil.walk_packages(agp_tui.__path__, "agp_tui.")
        if not info.name.startswith("agp_tui.ui") and not info.name.endswith("__main__")
    ]
    assert {"agp_tui.worker", "agp_tui.jobs.play", "agp_tui.imitation.train"} <= set(names)
    modules = imported_by(f"import importlib\nfor name in {names!r}:\n    importlib.import_module(name)")
    assert set(names) <= modules
    assert "textual" not in modules
    assert "agp_tui.ui.app" not in modules


@pytest.mark.parametrize(
    "module",
    ["agp_tui.engine.job", "agp_tui.engine.launcher", "agp_tui.engine.runs", "agp_tui.engine.clock",
     "agp_tui.config", "agp_tui.config.file", "agp_tui.key_names", "agp_tui.keys.guard_process"],
)  # fmt: skip
def test_the_ground_loads_nothing_heavy(module: str) -> None:
    assert imported_by(f"import {module}") & HEAVY == set()


@pytest.mark.parametrize("module", ["agp_tui.jobs.play", "agp_tui.jobs.record", "agp_tui.play.player"])
def test_playing_and_recording_load_no_torch(module: str) -> None:
    modules = imported_by(f"import {module}")
    assert modules & {"torch", "litert_torch", "gymnasium"} == set()


OPENED = """
import asyncio, os, sys, tempfile
os.chdir(tempfile.mkdtemp())
from agp_tui.ui.app import AgpApp

async def session():
    app = AgpApp()
    async with app.run_test(size=(120, 40)) as pilot:
        for key in "1234567":
            await pilot.press(key)
            await pilot.pause()
        assert app.current_mode == "runs"

asyncio.run(session())
"""


def test_the_app_on_all_its_screens_loads_none_of_the_engines_libraries() -> None:
    loaded = imported_by(OPENED)
    assert "agp_tui.ui.screens.train.screen" in loaded and "agp_tui.ui.screens.library.screen" in loaded
    assert loaded & HEAVY == {"textual"}


def test_the_first_screen_needs_neither_settings_nor_jobs() -> None:
    """What the app imports before it paints: each module more is time before the first screen."""
    loaded = imported_by("import agp_tui.ui.app, agp_tui.ui.screens.home.screen")
    assert not {"agp_tui.config", "agp_tui.protocol.events", "agp_tui.ui.client.catalog", "cyclopts"} & loaded


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
