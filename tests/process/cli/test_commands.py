"""The tree of commands: its help, its words that are none, and the last line that programs get."""

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
    """The functions behind a command, by the words that call them."""
    found = target(name)
    if not isinstance(found, App):
        return {name: found}
    return {
        f"{name} {word}": found[word].default_command
        for word in found
        if not word.startswith("-")
    }  # fmt: skip


ALL = {words: function for name in COMMANDS for words, function in functions(name).items()}


def test_help_lists_every_command_with_its_line() -> None:
    done = agp("--help")
    assert done.returncode == 0
    said = " ".join(done.stdout.replace("│", " ").split())
    for name, (_, line) in COMMANDS.items():
        assert f"{name} {line}" in said
    assert list(COMMANDS) == sorted(COMMANDS, key=lambda name: done.stdout.index(f"│ {name} "))


def test_every_command_exists_under_its_name() -> None:
    for name in COMMANDS:
        found = target(name)
        if isinstance(found, App):
            assert found.name == (name,)
        else:
            assert inspect.isfunction(found)


@pytest.mark.parametrize("words", ALL)
def test_every_command_says_in_a_sentence_what_it_does(words: str) -> None:
    said = inspect.getdoc(ALL[words]) or ""
    assert " ".join(said.partition("\n\n")[0].split()).endswith(".")
    assert len(said) > 20


@pytest.mark.parametrize("words", ALL)
def test_every_flag_shows_in_the_help_with_its_own_sentence_and_bounds(words: str) -> None:
    said = " ".join(help_of(words).split())
    for name, hint in get_type_hints(ALL[words], include_extras=True).items():
        kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
        if not dataclasses.is_dataclass(kind):
            assert name == "return" or name.replace("_", "-").upper() in said.upper()
            continue
        hints = get_type_hints(kind, include_extras=True)
        for item in dataclasses.fields(kind):
            assert f"--{item.name.replace('_', '-')}" in said
            sentence = field_help(kind)[item.name]  # type: ignore[arg-type]
            assert " ".join(sentence.replace("`", "").split()) in said
            if bounds := bounds_text(hints[item.name], choices=False):
                value = "not set" if item.default is None else item.default
                assert f"[default: {value} ({bounds})]" in said


def help_of(words: str) -> str:
    """What `--help` says, on a terminal so wide that no sentence is cut."""
    told = StringIO()
    app_for(words.split())(
        [*words.split(), "--help"],
        console=Console(file=told, width=500),
        result_action="return_value",
    )
    return told.getvalue()


def test_bounds_stand_in_the_help_as_a_person_sees_it() -> None:
    said = agp("record", "--help").stdout.replace("│", " ")
    assert "[default: 30 (1 to 60)]" in " ".join(said.split())


def test_json_is_a_flag_of_every_command_that_tells_something() -> None:
    for words, function in ALL.items():
        if words != "config text":
            assert "output" in inspect.signature(function).parameters, words


@pytest.mark.parametrize(
    ("word", "cure"), [("recrd", "Did you mean agp record?"), ("knit", "agp --help lists them.")]
)
def test_a_word_that_is_no_command_names_the_nearest(word: str, cure: str) -> None:
    with pytest.raises(SettingError, match="Expected a command") as caught:
        app_for([word])
    assert caught.value.hint == cure


@pytest.mark.parametrize(
    ("words", "sentence"),
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
def test_bad_words_are_one_sentence_for_people_and_one_line_for_programs(
    words: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    people = agp(*words, cwd=tmp_path)
    assert people.returncode == 2
    assert people.stdout == ""
    assert people.stderr.startswith("agp: ")
    assert people.stderr.count("\n") == 1
    assert sentence.lower() in people.stderr.lower()
    programs = agp(*words, "--json", cwd=tmp_path)
    assert programs.returncode == 2
    assert programs.stderr == ""
    failed = json.loads(programs.stdout)
    assert failed["type"] == "failed"
    assert f"agp: {failed['error']} {failed['hint']}".strip() == people.stderr.strip()


def test_version() -> None:
    import agp_tui

    assert agp("--version").stdout.strip() == agp_tui.__version__


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "agp_tui", "config", "text"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=module_environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.wait(20)
    process.stderr.close()
    assert b"Traceback" not in said


def test_an_interrupt_is_exit_code_130_and_a_last_line(tmp_path: Path) -> None:
    """A real recording of an expert in real time, which would go on for a minute."""
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


def test_the_end_of_the_owner_finishes_a_recording(tmp_path: Path) -> None:
    """Whoever started the job goes away: stdin ends, the recording is closed in order."""
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


STOPS = """
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


def test_a_job_that_cannot_finish_after_an_interrupt_was_interrupted(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STOPS], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=tmp_path,
        env=module_environment(),
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["type"] == "started"
    process.send_signal(signal.SIGINT)
    failed = json.loads(process.stdout.read())
    process.stdout.close()
    assert process.wait(20) == 130
    assert (failed["error"], failed["exit_code"]) == ("Stopped half-way.", 130)


def test_ctrl_c_while_a_class_is_made_is_an_interrupt(tmp_path: Path) -> None:
    """Python 3.11 turns what is raised in `__set_name__` into the cause of a RuntimeError."""
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


def test_a_fault_of_ours_still_ends_with_a_line_for_programs(tmp_path: Path) -> None:
    code = """
import sys
import agp_tui.cli.run_job as running
def broken(output):
    raise ZeroDivisionError("a fault")
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
