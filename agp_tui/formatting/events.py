"""Results and progress as text, for the app and the command line."""

from collections.abc import Callable
from typing import Any

from rich.markup import escape

from agp_tui.protocol.events import Finished, Progress
from agp_tui.protocol.percentiles import Percentiles

PATH_FIELDS = ("recording", "model", "checkpoint", "run")
"""Result fields with paths, in the order of the text."""

FIGURES: dict[str, Callable[[Any], str]] = {
    "frames": "{} frames".format,
    "seconds": "{:.1f} s".format,
    "fps": "{:.1f} fps".format,
    "missed": "{} missed".format,
    "decisions": "{} decisions".format,
    "latency_ms": lambda latency: f"latency {percentiles_text(latency)}",
    "deadline_misses": "{} deadlines missed".format,
    "scores": lambda scores: f"scores {', '.join(f'{score:g}' for score in scores)}",
    "score_mean": "mean {:.1f}".format,
    "bytes": lambda size: f"{size / 1e6:.1f} MB",
}
"""Formatters of result figures, in the order of the text."""


def result_text(event: Finished) -> str:
    """A result as a few lines of rich markup: its paths, then its figures."""
    made = [
        f"[bold green]{name}[/bold green] {escape(str(value))}"
        for name in PATH_FIELDS
        if (value := getattr(event, name))
    ]
    figures = [
        words(value) for name, words in FIGURES.items() if (value := getattr(event, name)) not in (None, [])
    ]
    figures += [_metric(name, value) for name, value in (event.metrics or {}).items()]
    return "\n".join([*made, ", ".join(figures)]).strip() or f"{event.job} done"


def progress_text(event: Progress) -> str:
    """Progress, rate, time left and metrics in one line."""
    parts = [f"{event.done:g}/{event.total:g} {event.unit}"]
    if event.rate:
        parts.append(f"{event.rate:.0f}/s")
    if event.seconds_left is not None:
        parts.append(f"{event.seconds_left:.0f} s left")
    parts += [_metric(name, value) for name, value in event.metrics.items()]
    return "  ".join(parts)


def _metric(name: str, value: float) -> str:
    return f"{name.replace('_', ' ')} {value:.3g}"


def percentiles_text(value: Percentiles) -> str:
    """Median and 99th percentile."""
    return f"p50 {value.p50:.1f} p99 {value.p99:.1f} ms"
