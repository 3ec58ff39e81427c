"""`agp bench`: benchmarks against a baseline in the same run."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

import agp_tui
from agp_tui.bench.registry import CHECKOUT_ONLY, PACKAGED, Benchmark
from agp_tui.cli.flags import Model, OutputFlags, annotate_flags
from agp_tui.cli.run_job import run_live, settings_of
from agp_tui.config import Output, check, to_plain
from agp_tui.errors import MissingPart

app = App(name="bench", help="Benchmarks against a baseline in the same run.")

_flat = Parameter(name="*")


def _add(benchmark: Benchmark) -> None:
    """Add the command of a benchmark, with its options as flags."""

    def command(*, options: Any, output: Output) -> int:
        settings = to_plain(check(options))
        name = f"bench {benchmark.name}"
        return run_live(output, name, settings, lambda job: benchmark.run(options, job))

    def play(model: Any = None, *, options: Any, output: Output) -> int:
        settings = to_plain(check(options)) | {"model": model}
        folder = None
        if model is not None:
            from agp_tui.models.manifest import find_model

            folder = find_model(settings_of(output).folder("models"), model)
        return run_live(output, "bench play", settings, lambda job: benchmark.run(options, job, folder))

    function: Callable[..., int] = play if benchmark.name == "play" else command
    options = annotate_flags(benchmark.options)
    function.__annotations__ |= {"options": Annotated[options, _flat], "output": OutputFlags}
    function.__kwdefaults__ = {"options": options(), "output": Output()}
    if function is play:
        function.__annotations__ |= {"model": Model | None}
    function.__doc__ = benchmark.help
    app.command(function, name=benchmark.name)


def _add_unavailable(name: str, help_text: str) -> None:
    """Add a command that explains that the benchmark needs a source checkout."""

    def command(*tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)]) -> int:
        raise MissingPart(
            f"Expected a source checkout for agp bench {name}, found agp-tui installed without one.",
            "Run it in a clone of the repository. capture, pace and play work everywhere.",
        )

    command.__doc__ = f"{help_text} Needs a source checkout."
    app.command(command, name=name)


def _checkout_benchmarks() -> tuple[Benchmark, ...] | None:
    """The benchmarks of the source checkout that this package runs from; None if there is none."""
    root = Path(agp_tui.__file__).resolve().parents[1]
    if not (root / "benchmarks" / "registry.py").is_file():
        return None
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    benchmarks: tuple[Benchmark, ...] = import_module("benchmarks.registry").BENCHMARKS
    return benchmarks


_in_checkout = _checkout_benchmarks()
for _benchmark in (*PACKAGED, *(_in_checkout or ())):
    _add(_benchmark)
if _in_checkout is None:
    for _name, _help in CHECKOUT_ONLY.items():
        _add_unavailable(_name, _help)
