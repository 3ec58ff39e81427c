"""The result of a long job: metrics of the keys, the baselines, the new model and its latency."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import UNSET
from rich.console import RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from agp_tui.formatting.events import result_text
from agp_tui.formatting.tables import cell_text, rich_table
from agp_tui.formatting.text import duration_text
from agp_tui.protocol.events import AnyEvent, Failed, Finished, Note, Table
from agp_tui.protocol.results import (
    DemoResult,
    DiagnosisResult,
    EvaluationResult,
    LatencyResult,
    TrainingResult,
    ValidationResult,
)


def event_text(event: AnyEvent) -> RenderableType | None:
    """The event as text or table; None for an event that is shown elsewhere."""
    match event:
        case Note():
            return Text(event.text, style="yellow" if event.level == "warning" else "")
        case Table():
            return rich_table(event)
        case Finished():
            return Text.from_markup(result_text(event))
        case Failed():
            return Text(f"{event.error} {event.hint}".strip(), style="bold red")
    return None


def agent_result(event: Finished) -> Iterator[Text]:
    """The steps played, the score of the best agent, and the next command."""
    seconds = event.seconds or 0.0
    rate = f", {event.steps_per_second:,.0f} a second" if event.steps_per_second else ""
    yield Text(f"{event.steps or 0:,} steps in {duration_text(seconds)}{rate}")
    best = event.result(EvaluationResult)
    if best is not None and best.games:
        yield Text.assemble(
            ("✓ The best agent scores ", "green"),
            (f"{best.score_mean:.1f}", "bold green"),
            f" ({best.score_low:.1f} to {best.score_high:.1f}) in {best.games} games",
            *_human(best.human_normalised),
        )
    elif event.stopped:
        yield Text.assemble("Stopped with a checkpoint: ", ("r", "bold"), " on the Atari screen resumes it.")
    if event.run:
        yield Text.assemble(("agp atari watch ", ""), (event.run, "bold"), " shows how it plays.")


def _human(normalised: float | None) -> list[str]:
    """The human-normalised score as text: 0 % is random play, 100 % a human."""
    if normalised is None:
        return []
    return [f"; {100 * normalised:.0f} % of the way from random play to a person"]


BAR = 30
PRACTISED, PLAIN = "clone after practice", "plain clone"


def result(event: Finished) -> Iterator[RenderableType]:
    """The result in parts, the most important last, next to the prompt."""
    if event.job == "demo" and (means := _means(event.result(DemoResult))):
        yield from scores(event, means)
        return
    if event.job == "atari":
        yield from agent_result(event)
        return
    if event.job == "diagnose":
        yield from diagnosis(event)
        return
    if event.job != "train":
        yield Text.from_markup(result_text(event))
        if event.job == "practice" and event.model:
            yield Text.assemble("Press ", ("5", "bold"), " to let it play.")
        return
    training = event.result(TrainingResult) or TrainingResult()
    if (validation := training.metrics) is not None:
        yield keys_table(validation)
        yield verdict(validation)
    if training.preflight is not None:
        yield speed(training.preflight)
    yield from diagnosis(event)
    if event.model:
        name = Path(event.model).name
        yield Text.assemble(("✓ The model ", "green"), (name, "bold green"), (f"  {event.model}", "dim"))
        yield Text.assemble("Press ", ("5", "bold"), " to let it play.")
    elif event.stopped or training.stopped:
        yield Text.assemble("Stopped with a checkpoint: ", ("r", "bold"), " on the Train screen resumes it.")
    elif event.checkpoint:
        yield Text(f"No model was exported; the checkpoint is {event.checkpoint}", style="yellow")


def diagnosis(event: Finished) -> Iterator[Text]:
    """The forecast of the learning curve, and how to see the rare situations."""
    found = event.result(DiagnosisResult) or DiagnosisResult()
    if found.learning_curve is not UNSET:
        helps = found.learning_curve.outlook == "helps"
        yield Text(found.learning_curve.statement, style="green" if helps else "yellow")
    if count := len(found.rare_situations):
        what = "situation is" if count == 1 else "situations are"
        yield Text.assemble(f"{count} {what} rare in the recordings: ", ("i", "bold"), " shows them.")


def _means(demo: DemoResult | None) -> dict[str, float]:
    """Mean score by player, without those that did not play."""
    if demo is None:
        return {}
    players = {"expert": demo.expert, PRACTISED: demo.practised, PLAIN: demo.plain, "random": demo.random}
    return {name: one.mean for name, one in players.items() if one.mean is not None}


def scores(event: Finished, means: dict[str, float]) -> Iterator[RenderableType]:
    """A bar per player from the worst to the best mean score, then the model after practice."""
    low, high = min(means.values()), max(means.values())
    wide = max(map(len, means))
    for who, mean in means.items():
        filled = round(BAR * (mean - low) / (high - low)) if high > low else BAR
        style = "bold green" if who == PRACTISED else ""
        yield Text.assemble(
            (f"{who:{wide}}  ", style),
            ("█" * filled, style or "cyan"),
            ("░" * (BAR - filled), "dim"),
            (f"  {mean:5.1f}", style),
        )
    if event.latency_ms is not None:
        yield Text(
            f"It decides in p50 {event.latency_ms.p50:.1f}, p99 {event.latency_ms.p99:.1f} ms; "
            f"{event.deadline_misses or 0} of {event.decisions or 0} decisions were late."
        )
    if event.model:
        yield Text.assemble(
            ("✓ The model ", "green"), (Path(event.model).name, "bold green"), ": press ", ("5", "bold"),
            " to let it play.",
        )  # fmt: skip


def keys_table(validation: ValidationResult) -> RichTable:
    """F1 by key beside that of the most frequent keys and of the true keys of the frame before."""
    table = RichTable(
        title=f"On {validation.positions} held-out frames, {validation.changes} with a change",
        title_justify="left",
        title_style="bold",
        header_style="bold",
    )
    table.add_column("key")
    for name in ("held %", "precision", "recall", "F1", "most frequent", "previous"):
        table.add_column(name, justify="right")
    for key in validation.keys:
        table.add_row(
            key.key,
            cell_text(round(100 * key.base_rate, 1)),
            _share(key.precision),
            _share(key.recall),
            _best(key.f1, key.majority_f1),
            _share(key.majority_f1),
            _share(key.repeat_f1),
        )
    table.add_section()
    players = (validation.model, validation.repeat, validation.majority)
    for name, figures in (
        ("all keys", [one.f1 for one in players]),
        ("at changes", [one.change_f1 for one in players]),
    ):
        own, repeat, majority = figures
        table.add_row(name, "", "", "", _best(own, majority), _share(majority), _share(repeat), style="bold")
    return table


def verdict(validation: ValidationResult) -> Text:
    """How good the model is, in the colour of the answer."""
    return Text(validation.verdict, style="green" if validation.beats_baselines else "yellow")


def speed(measured: LatencyResult) -> Text:
    """Decision latency of the model on this machine."""
    mark = ("✓ in time", "green") if measured.fits else ("✗ too slow", "bold red")
    return Text.assemble(
        mark,
        f" at {measured.fps:g} fps: p50 {measured.latency_ms.p50:.1f}, p99 {measured.latency_ms.p99:.1f} of "
        f"{measured.budget_ms:.1f} ms; up to ",
        (f"{measured.fps_max} fps", "bold"),
        " on this machine",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _best(own: float | None, majority: float | None) -> Text:
    beaten = own is not None and own > (majority or 0.0)
    return Text(_share(own), style="bold green" if beaten else "yellow")
