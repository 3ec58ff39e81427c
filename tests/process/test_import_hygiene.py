"""Tests of imports: no heavy library for the help, no textual below the app, layers in one direction."""

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
HELP_IMPORTS = "import cyclopts, msgspec, rich.console, rich.panel, rich.table"
HELP_RATIO = 2.2


def run(*words: str) -> str:
    """The stdout of a fresh interpreter."""
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
def test_help_and_light_commands_import_no_heavy_library(words: tuple[str, ...]) -> None:
    assert imported_by(agp(*words)) & HEAVY == set()


def test_help_imports_no_command_module() -> None:
    ours = {name for name in imported_by(agp("--help")) if name.startswith("agp_tui.")}
    assert "agp_tui.cli.commands" in ours
    assert not {name for name in ours if name.startswith(("agp_tui.engine", "agp_tui.jobs", "agp_tui.games"))}
    assert not {"agp_tui.cli.record", "agp_tui.cli.train"} & ours


def test_help_takes_little_more_time_than_importing_its_libraries() -> None:
    """CPU time, best of five runs, as a ratio: absolute times vary from 0.16 to 0.31 s on one machine."""
    interpreter_seconds = min(_cpu_seconds("-c", "pass") for _ in range(5))
    libraries_seconds = min(_cpu_seconds("-c", HELP_IMPORTS) for _ in range(5))
    help_seconds = min(_cpu_seconds("-m", "agp_tui", "--help") for _ in range(5))
    assert (help_seconds - interpreter_seconds) / (libraries_seconds - interpreter_seconds) < HELP_RATIO


def _cpu_seconds(*words: str) -> float:
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, env=module_environment())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def test_modules_outside_the_app_do_not_import_textual() -> None:
    """Imports every module outside `agp_tui.ui` in one fresh process."""
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
def test_base_modules_import_no_heavy_library(module: str) -> None:
    assert imported_by(f"import {module}") & HEAVY == set()


@pytest.mark.parametrize("module", ["agp_tui.jobs.play", "agp_tui.jobs.record", "agp_tui.play.player"])
def test_play_and_record_import_no_torch(module: str) -> None:
    modules = imported_by(f"import {module}")
    assert modules & {"torch", "litert_torch", "gymnasium"} == set()


OPEN_APP_SCRIPT = """
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


def test_app_with_all_screens_imports_only_textual_of_the_heavy_libraries() -> None:
    loaded = imported_by(OPEN_APP_SCRIPT)
    assert "agp_tui.ui.screens.train.screen" in loaded and "agp_tui.ui.screens.library.screen" in loaded
    assert loaded & HEAVY == {"textual"}


def test_first_screen_imports_neither_settings_nor_events() -> None:
    """Every module imported before the first screen delays it."""
    loaded = imported_by("import agp_tui.ui.app, agp_tui.ui.screens.home.screen")
    assert not {"agp_tui.config", "agp_tui.protocol.events", "agp_tui.ui.client.catalog", "cyclopts"} & loaded


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
