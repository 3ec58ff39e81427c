"""What the demo tells at its end: who scored what, how fast the model decides, what was made."""

from pathlib import Path
from typing import Any

from agp_tui.autoplay.scores import Scores
from agp_tui.engine.clock import Percentiles
from agp_tui.engine.events import Finished, Table
from agp_tui.files import size_of

EXPERT, PRACTISED, PLAIN, RANDOM = "expert", "clone after practice", "plain clone", "random"
"""The players, as the table calls them."""

Rows = list[list[str | float | int | None]]


def way_to_expert(scores: dict[str, Scores]) -> dict[str, float]:
    """How far each is on the way from random play (0) to the expert (1), by mean score."""
    whole = scores[EXPERT].mean - scores[RANDOM].mean
    gained = {who: result.mean - scores[RANDOM].mean for who, result in scores.items()}
    return {who: points / whole if whole else 0.0 for who, points in gained.items()}


def score_table(game: str, scores: dict[str, Scores]) -> Table:
    """A row for each player: mean, interval, games, and how far it came."""
    way = way_to_expert(scores)
    rows: Rows = [
        [
            who,
            round(result.mean, 1),
            f"{result.low:.1f} to {result.high:.1f}",
            len(result.scores),
            result.capped,
            round(way[who], 2),
        ]
        for who, result in scores.items()
    ]
    columns = ["player", "mean score", "95 % interval", "games", "capped", "way to the expert"]
    return Table(title=f"Scores in {game}", columns=columns, rows=rows)


def figure_table(
    live: Finished,
    *,
    budget_ms: float,
    validation: dict[str, Any],
    recordings: list[Path],
    others: list[Path],
    model: Path,
    seconds: float,
) -> Table:
    """The rest that is worth knowing. `live` is play in real time, `validation` is of the plain clone."""
    latency = live.latency_ms or Percentiles(0.0, 0.0, 0.0)
    rows: Rows = [
        ["plain clone, F1 on held-out frames", _f1(validation, "model")],
        ["repeating the last keys, F1", _f1(validation, "repeat")],
        ["the most frequent keys, F1", _f1(validation, "majority")],
        ["decision latency p50, p99", f"{latency.p50:.1f}, {latency.p99:.1f} ms of {budget_ms:.0f} ms"],
        ["decisions, deadlines missed", f"{live.decisions}, {live.deadline_misses}"],
        ["the expert's recordings", f"{_megabytes(recordings)} in {len(recordings)}"],
        ["corrections and older recordings", f"{_megabytes(others)} in {len(others)}"],
        ["model", f"{_megabytes([model])} in {model}"],
        ["seconds in all", f"{seconds:.0f}"],
    ]
    return Table(title="Figures", columns=["what", "value"], rows=rows)


def _f1(validation: dict[str, Any], who: str) -> str:
    figures = validation.get(who)
    return f"{figures['f1']:.2f}, at changes {figures['change_f1']:.2f}" if figures else "-"


def _megabytes(folders: list[Path]) -> str:
    return f"{sum(map(size_of, folders)) / 1e6:.1f} MB"
