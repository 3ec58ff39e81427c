"""Tests of the command tree: help, unknown commands, exit codes and the last JSON line."""

import dataclasses
import inspect
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from cyclopts import App
from rich.console import Console

from agp_tui.cli.commands import COMMANDS, app_for
from agp_tui.config.template import field_help
from agp_tui.config.validation import bounds_text
from agp_tui.engine.subprocesses import module_environment
from agp_tui.errors import SettingError


def agp(*words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "agp_tui", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env=module_environment(COLUMNS="100"),
        check=False,
    )


def target(name: str) -> Any:
    module, _, attribute = COMMANDS[name][0].partition(":")
    return getattr(import_module(f"agp_tui.cli.{module}"), attribute)


def functions(name: str) -> dict[str, Any]:
    """The functions of a command, by command line."""
    command = target(name)
    if not isinstance(command, App):
        return {name: command}
    return {
        f"{name} {word}": command[word].default_command
        for word in command
        if not word.startswith("-")
    }  # fmt: skip


FUNCTIONS = {words: function for name in COMMANDS for words, function in functions(name).items()}


def test_help_lists_every_command_with_its_description() -> None:
    done = agp("--help")
    assert done.returncode == 0
    text = " ".join(done.stdout.replace("│", " ").split())
    for name, (_, line) in COMMANDS.items():
        assert f"{name} {line}" in text
    assert list(COMMANDS) == sorted(COMMANDS, key=lambda name: done.stdout.index(f"│ {name} "))


def test_every_command_is_defined_under_its_name() -> None:
    for name in COMMANDS:
        command = target(name)
        if isinstance(command, App):
            assert command.name == (name,)
        else:
            assert inspect.isfunction(command)


@pytest.mark.parametrize("words", FUNCTIONS)
def test_every_command_has_a_one_sentence_description(words: str) -> None:
    text = inspect.getdoc(FUNCTIONS[words]) or ""
    assert " ".join(text.partition("\n\n")[0].split()).endswith(".")
    assert len(text) > 20


@pytest.mark.parametrize("words", FUNCTIONS)
def test_help_shows_every_flag_with_description_and_bounds(words: str) -> None:
    text = " ".join(help_of(words).split())
    for name, hint in get_type_hints(FUNCTIONS[words], include_extras=True).items():
        kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if not dataclasses.is_dataclass(kind):
            assert name == "return" or name.rstrip("_").replace("_", "-").upper() in text.upper()
            continue
        hints = get_type_hints(kind, include_extras=True)
        for item in dataclasses.fields(kind):
            assert f"--{item.name.replace('_', '-')}" in text
            description = field_help(kind)[item.name]  # type: ignore[arg-type]
            assert " ".join(description.replace("`", "").split()) in text
            if bounds := bounds_text(hints[item.name], choices=False):
                value = "not set" if item.default is None else item.default
                assert f"[default: {value} ({bounds})]" in text


def help_of(words: str) -> str:
    """The output of `--help` on a terminal wide enough to avoid line breaks."""
    output = StringIO()
    app_for(words.split())(
        [*words.split(), "--help"],
        console=Console(file=output, width=500),
        result_action="return_value",
    )
    return output.getvalue()


def test_help_in_a_terminal_shows_bounds() -> None:
    text = agp("record", "--help").stdout.replace("│", " ")
    assert "[default: 30 (1 to 60)]" in " ".join(text.split())


def test_every_command_with_output_has_the_json_flag() -> None:
    for words, function in FUNCTIONS.items():
        if words != "config text":
            assert "output" in inspect.signature(function).parameters, words


@pytest.mark.parametrize(
    ("word", "hint"), [("recrd", "Did you mean agp record?"), ("knit", "agp --help lists them.")]
)
def test_unknown_command_suggests_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(SettingError, match="Expected a command") as caught:
        app_for([word])
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("recrd",), "found 'recrd'. Did you mean agp record?"),
        (("config", "shw"), 'Did you mean "show"?'),
        (("record",), "--game"),
        (("play",), "model"),
        (("record", "--gmae", "x"), "--gmae"),
        (("record", "--game", "x", "--keys", "up,rihgt"), "agp: --keys: Expected the name of a key"),
        (("record", "--game", "x", "--stop-key", "escp"), "agp: --stop-key: Expected the name of a key"),
        (("play", "x", "--threads", "0"), "agp: --threads: Expected `int` >= 1, found 0"),
        (("atari", "watch", "ALE/Pong-v5", "--seconds", "0"), "agp: --seconds: Expected `float` > 0"),
        (("recordings", "import", "x", "--game", "x", "--fps", "0"), "agp: --fps: Expected `int` >= 1"),
        ((), "Expected a terminal for the app, found none."),
    ],
)
def test_invalid_arguments_print_one_line_of_text_or_json(
    words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    text_result = agp(*words, cwd=tmp_path)
    assert text_result.returncode == 2
    assert text_result.stdout == ""
    assert text_result.stderr.startswith("agp: ")
    assert text_result.stderr.count("\n") == 1
    assert message.lower() in text_result.stderr.lower()
    json_result = agp(*words, "--json", cwd=tmp_path)
    assert json_result.returncode == 2
    assert json_result.stderr == ""
    failed = json.loads(json_result.stdout)
    assert failed["type"] == "failed"
    assert f"agp: {failed['error']} {failed['hint']}".strip() == text_result.stderr.strip()


def test_version_flag_prints_the_version() -> None:
    import agp_tui

    assert agp("--version").stdout.strip() == agp_tui.__version__


def test_closed_stdout_causes_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agp_tui", "config", "text"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    text = process.stderr.read()
    process.wait(20)
    process.stderr.close()
    assert b"Traceback" not in text


def test_interrupt_ends_with_exit_code_130_and_a_finished_event(tmp_path: Path) -> None:
    """Interrupts a real-time recording of 60 seconds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agp_tui", "record", "--game", "ALE/Pong-v5", "--by", "expert", "--seconds",
         "60", "--frame-size", "32", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=tmp_path, env=module_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if json.loads(line)["type"] == "live":
                break
        process.send_signal(signal.SIGINT)
        last = [json.loads(line) for line in process.stdout][-1]
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert last["type"] == "finished"
    assert (Path(last["recording"]) / "meta.json").is_file()


def test_end_of_stdin_completes_the_recording(tmp_path: Path) -> None:
    """The end of stdin, as when the parent process exits, stops the job cleanly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "agp_tui", "record", "--game", "ALE/Pong-v5", "--by", "expert", "--seconds",
         "60", "--frame-size", "32", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path, env=module_environment(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if json.loads(line)["type"] == "live":
                break
        began = time.monotonic()
        process.stdin.close()
        last = [json.loads(line) for line in process.stdout][-1]
        assert process.wait(20) == 0
        assert time.monotonic() - began < 20
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    meta = json.loads((Path(last["recording"]) / "meta.json").read_text())
    assert meta["state"] == "complete"
    assert meta["frames"] == last["frames"] > 0


FAIL_ON_STOP_SCRIPT = """
import sys
from agp_tui.cli.run_job import run_live
from agp_tui.config import Output
from agp_tui.errors import JobFailed
import agp_tui.cli.config as command

def body(job):
    job.wait_for_stop(30)
    raise JobFailed("Stopped half-way.", "Begin again.")

command.settings_of = lambda output: sys.exit(run_live(output, "test", {}, body))
sys.argv = ["agp", "config", "check", "--json"]
from agp_tui.cli import main
main()
"""


def test_failure_after_an_interrupt_has_exit_code_130(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", FAIL_ON_STOP_SCRIPT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        cwd=tmp_path, env=module_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["type"] == "started"
    process.send_signal(signal.SIGINT)
    failed = json.loads(process.stdout.read())
    process.stdout.close()
    assert process.wait(20) == 130
    assert (failed["error"], failed["exit_code"]) == ("Stopped half-way.", 130)


def test_interrupt_during_a_class_definition_has_exit_code_130(tmp_path: Path) -> None:
    """Python 3.11 wraps an exception raised in `__set_name__` in a RuntimeError."""
    code = """
import sys
import agp_tui.cli.run_job as running
class Field:
    def __set_name__(self, owner, name):
        raise KeyboardInterrupt
def interrupted(output):
    class Made:
        field = Field()
running.settings_of = interrupted
sys.argv = ["agp", "config", "check", "--json"]
from agp_tui.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=module_environment(),
        check=False,
    )  # fmt: skip
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["exit_code"] == 130


def test_unexpected_exception_still_prints_a_failed_event(tmp_path: Path) -> None:
    code = """
import sys
import agp_tui.cli.run_job as running
def broken(output):
    raise ZeroDivisionError("a bug")
running.settings_of = broken
sys.argv = ["agp", "config", "check", "--json"]
from agp_tui.cli import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, env=module_environment(),
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    failed = json.loads(done.stdout.splitlines()[-1])
    assert (failed["type"], failed.get("exit_code", 1)) == ("failed", 1)
    assert os.linesep not in failed["error"]
