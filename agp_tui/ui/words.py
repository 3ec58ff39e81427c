"""What happened in words for people, in the app and on the command line. Needs no textual."""

from collections.abc import Iterable

from rich.markup import escape

from agp_tui.engine.clock import Percentiles
from agp_tui.engine.events import Finished, Progress


def summary(event: Finished) -> str:
    """A result in a few lines: what was made, then its figures."""
    made = [
        f"[bold green]{name}[/bold green] {escape(str(value))}"
        for name, value in (
            ("recording", event.recording),
            ("model", event.model),
            ("checkpoint", event.checkpoint),
            ("run", event.run),
        )
        if value
    ]
    return "\n".join([*made, ", ".join(_figures(event))]).strip() or f"{event.job} done"


def _figures(event: Finished) -> Iterable[str]:
    if event.frames is not None:
        yield f"{event.frames} frames"
    if event.seconds is not None:
        yield f"{event.seconds:.1f} s"
    if event.fps is not None:
        yield f"{event.fps:.1f} fps"
    if event.missed is not None:
        yield f"{event.missed} missed"
    if event.decisions is not None:
        yield f"{event.decisions} decisions"
    if event.latency_ms is not None:
        yield f"latency {percentiles_text(event.latency_ms)}"
    if event.deadline_misses is not None:
        yield f"{event.deadline_misses} deadlines missed"
    if event.scores:
        yield f"scores {', '.join(f'{score:g}' for score in event.scores)}"
    if event.score_mean is not None:
        yield f"mean {event.score_mean:.1f}"
    if event.bytes is not None:
        yield f"{event.bytes / 1e6:.1f} MB"
    for name, value in (event.metrics or {}).items():
        yield f"{name.replace('_', ' ')} {value:.3g}"


def progress_text(event: Progress) -> str:
    """How far, how fast, how long still, and the figures, in one line."""
    parts = [f"{event.done:g}/{event.total:g} {event.unit}"]
    if event.rate:
        parts.append(f"{event.rate:.0f}/s")
    if event.seconds_left is not None:
        parts.append(f"{event.seconds_left:.0f} s left")
    parts += [f"{name.replace('_', ' ')} {value:.3g}" for name, value in event.metrics.items()]
    return "  ".join(parts)


def percentiles_text(value: Percentiles) -> str:
    """The middle and the slow end."""
    return f"p50 {value.p50:.1f} p99 {value.p99:.1f} ms"
