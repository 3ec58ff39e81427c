"""Writes stored benchmark results into the documentation: tables between markers, and docs/charts/*.svg.

    make pages

Reads docs/data/benchmarks.json, which `agp bench all --kept` writes, and docs/data/*.jsonl, which
`agp bench bakeoff`, `learn`, `corrections`, `practice` and `imitate`, and `make faults`, `fuzz` and `soak`
append to. A page has a line `<!-- NAME -->` before each table and `<!-- end -->` after it; the text between
is replaced.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from agp_tui.evaluation.statistics import bootstrap_interval, stratified_bootstrap_iqm
from agp_tui.games.ids import short_name
from agp_tui.protocol.events import Table
from benchmarks import dagger
from benchmarks.bakeoff import BakeOffResult, bake_off_table
from benchmarks.equal_frames import EqualFramesResult, equal_frames_table
from benchmarks.imitation_suite.suite import ImitationResult, imitation_table, training_text
from benchmarks.learning import CHANCE, LearningResult
from benchmarks.results import read_results
from benchmarks.run_all import PartResult, Report, read_report

DOCS = Path(__file__).parent
DATA = DOCS / "data"
CHARTS = DOCS / "charts"
COLOURS = {"ppo": "#d1495b", "pqn": "#2e86ab", "dqn": "#e09f3e", "monte_carlo": "#6a994e"}
STYLES = ["-", "--", ":"]
MARKED = re.compile(r"<!-- (\S.*?) -->\n.*?<!-- end -->", re.DOTALL)
NOTHING = "No result recorded yet."
RATIOS = {
    "store_windows_ratio": "bytes per recorded frame, 256 px",
    "capture_whole_screen_ratio": "capture of 256x256",
    "reaction_30_ratio": "capture to key, 30 fps",
    "play_ratio": "decision",
    "large_play_ratio": "decision, large network",
    "train_ratio": "labelled frame trained",
    "atari_pqn_ratio": "Atari decision trained",
    "atari_monte_carlo_ratio": "same, Monte Carlo",
    "pace_ratio": "slots filled at 60 fps",
}


def main() -> None:
    """Update every page that has results."""
    mpl.rcParams |= {"svg.hashsalt": "agp", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}
    bake_offs = read_results(DATA / "bakeoff.jsonl", BakeOffResult)
    results = read_results(DATA / "learning.jsonl", LearningResult)
    equal_frames = read_results(DATA / "equal-frames.jsonl", EqualFramesResult)
    parts = {
        "bake-off": in_markdown(bake_off_table(bake_offs)),
        "over games": in_markdown(over_games(bake_offs)),
        **{short_name(game): with_chart(results, game) for game in games_of(results)},
        "memory": in_markdown(memory(results)),
        "equal frames": in_markdown(equal_frames_table(equal_frames)),
    }
    fill(DOCS / "atari.md", parts)
    corrections = read_results(DATA / "corrections.jsonl", dagger.CorrectionsResult)
    practice_runs = read_results(DATA / "practice.jsonl", dagger.PracticeBenchResult)
    imitations = read_results(DATA / "imitation-suite.jsonl", ImitationResult)
    key_filter = dagger.key_filter_table(practice_runs)
    parts = {
        **({"imitation suite": suite_section(imitations)} if imitations else {}),
        "corrections": in_markdown(dagger.corrections_table(corrections)),
        "practice": in_markdown(dagger.practice_table(practice_runs)),
        "rounds": rounds(practice_runs),
        **({"key filter": in_markdown(key_filter)} if key_filter.rows else {}),
    }
    fill(DOCS / "imitation.md", parts)
    fill(DOCS / "reliability.md", {"faults": in_markdown(faults(read_results(DATA / "faults.jsonl", Fault)))})
    if (report := read_report(DATA / "benchmarks.json")) is not None:
        fill(
            DOCS / "benchmarks.md", {"machine": machine_of(report), **{p.name: part(p) for p in report.parts}}
        )
        draw_ratios(report)
    draw_bake_off(bake_offs)
    draw_practice(practice_runs)
    draw_imitations(imitations)
    for game in games_of(results):
        draw_trainings(results, game)


@dataclass(frozen=True)
class Fault:
    """A result of `make faults`, `fuzz` or `soak` for one kind of fault."""

    fault: str
    trials: int
    losses: int
    worst: str = ""


def faults(results: Sequence[Fault]) -> Table:
    """A row for each fault, with its latest result."""
    latest = {one.fault: one for one in results}
    rows: list[list[str | float | int | None]] = [
        [one.fault, one.trials, one.losses, one.worst]
        for one in sorted(latest.values(), key=lambda one: one.fault.lower())
    ]
    return Table(title="Faults", columns=["fault", "trials", "losses", "worst case"], rows=rows)


def machine_of(report: Report) -> str:
    """The machine, the version and the total time."""
    return f"{report.machine}; agp-tui {report.version}; total time {report.seconds} seconds."


def part(found: PartResult) -> str:
    """The tables of one benchmark, each under its title."""
    if found.not_run:
        return f"Not run: {found.not_run}"
    return "\n\n".join(f"{table.title}:\n\n{in_markdown(table)}" for table in found.tables)


def draw_ratios(report: Report) -> None:
    """The cost ratio of the baseline to agp-tui, one bar for each benchmark."""
    metrics = {name: value for one in report.parts for name, value in one.metrics.items()}
    found = [(label, metrics[name]) for name, label in RATIOS.items() if name in metrics]

    def draw(axes: Sequence[Axes]) -> None:
        (panel,) = axes
        labels, values = [label for label, _ in found], [value for _, value in found]
        bars = panel.barh(labels, values, color=COLOURS["pqn"])
        panel.bar_label(bars, [f"{value:.3g}x" for value in values], padding=3)
        panel.set(xscale="log", xlabel="baseline / agp-tui, in the same run")
        panel.axvline(1, color="grey", linewidth=1)
        panel.margins(x=0.15)
        panel.invert_yaxis()

    save("ratios", 1 if found else 0, draw)


def over_games(bake_offs: Sequence[BakeOffResult]) -> Table:
    """Human-normalised scores of the algorithms over all games and seeds."""
    rows: list[list[str | float | int | None]] = []
    for algorithm in sorted({one.entry.algorithm for one in bake_offs}):
        runs = [one for one in bake_offs if one.entry.algorithm == algorithm]
        games = sorted({one.entry.game for one in runs})
        ends = [[one.normalised[-1] for one in runs if one.entry.game == game] for game in games]
        seeds = min(map(len, ends))
        scores = np.array([of_game[:seeds] for of_game in ends], np.float64).T
        rows.append([algorithm, seeds, str_of(stratified_bootstrap_iqm(scores))])
    rows.sort(key=lambda row: str(row[2]), reverse=True)
    return Table(title="", columns=["algorithm", "seeds", "interquartile mean, 95 % interval"], rows=rows)


def str_of(interval: object) -> str:
    """The interval with two decimals."""
    value, low, high = (getattr(interval, name) for name in ("value", "low", "high"))
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def trainings(results: Sequence[LearningResult], game: str) -> Table:
    """Every training on a game: its score half-way and at the end."""
    rows: list[list[str | float | int | None]] = []
    for one in of_game(results, game):
        figures, entry = one.figures, one.entry
        rows.append(
            [
                name_of(one),
                "" if entry.algorithm == CHANCE else entry.seed,
                f"{entry.minutes:g} on {entry.cores}" if entry.minutes else "",
                f"{one.steps / 1e6:.2f}" if one.steps else "",
                mean_at(one, entry.minutes / 2),
                mean_at(one, entry.minutes),
                f"{figures['score_mean']:.1f} ({figures['score_low']:.1f} to {figures['score_high']:.1f})",
                figures["human_normalised"],
            ]
        )
    columns = [
        "algorithm", "seed", "minutes on cores", "million decisions", "half-way", "at the end",
        "best agent, 30 games, 95 %", "human-normalised",
    ]  # fmt: skip
    return Table(title="", columns=columns, rows=rows)


def with_chart(results: Sequence[LearningResult], game: str) -> str:
    """The table of a game, followed by its chart."""
    name = short_name(game)
    chart = f"![Evaluation scores on {name} by training time](charts/{name.lower()}.svg)"
    return f"{in_markdown(trainings(results, game))}\n\n{chart}"


def mean_at(one: LearningResult, minutes: float) -> str:
    """The evaluation nearest to that time, with its time."""
    if not one.curve:
        return ""
    check = min(one.curve, key=lambda check: abs(check.minutes - minutes))
    return f"{check.mean:.1f} at {check.minutes:.0f} min"


def memory(results: Sequence[LearningResult]) -> Table:
    """Memory of the first process of each training, early and late."""
    rows: list[list[str | float | int | None]] = []
    for one in results:
        if len(one.memory) > 2:
            (early, begun), (late, ended) = one.memory[1], one.memory[-1]
            rows.append(
                [str(one.entry), f"{early / 1e6:.1f}", round(begun), f"{late / 1e6:.1f}", round(ended)]
            )
    columns = ["training", "after million decisions", "MB", "after million decisions", "MB"]
    return Table(title="", columns=columns, rows=rows)


def name_of(one: LearningResult) -> str:
    """The label of a training."""
    return one.entry.algorithm + (", after the expert" if one.entry.expert_seconds else "")


def games_of(results: Sequence[LearningResult]) -> list[str]:
    """In the order of their first result."""
    return list(dict.fromkeys(one.entry.game for one in results))


def of_game(results: Sequence[LearningResult], game: str) -> list[LearningResult]:
    """The trainings on a game, random play last."""
    found = [one for one in results if one.entry.game == game]
    return sorted(found, key=lambda one: (one.entry.algorithm == CHANCE, name_of(one), one.entry.seed))


def in_markdown(table: Table) -> str:
    """A table in Markdown."""
    lines = [table.columns, ["---"] * len(table.columns), *table.rows]
    return "\n".join(
        "| " + " | ".join("" if cell is None else str(cell) for cell in line) + " |" for line in lines
    )


def fill(page: Path, parts: dict[str, str]) -> None:
    """Put each part between its markers; a missing one gets a placeholder."""

    def filled(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n\n{parts.get(found[1], NOTHING)}\n\n<!-- end -->"

    text = MARKED.sub(filled, page.read_text(encoding="utf-8"))
    page.write_text(text, encoding="utf-8")
    print(page.relative_to(DOCS.parent))


def draw_bake_off(bake_offs: Sequence[BakeOffResult]) -> None:
    """Mean scores by processor time, a panel for each game."""
    by_game = groupby(sorted(bake_offs, key=lambda one: one.entry.game), lambda one: one.entry.game)
    panels = [(game, list(runs)) for game, runs in by_game]

    def draw(axes: Sequence[Axes]) -> None:
        for panel, (game, runs) in zip(axes, panels, strict=True):
            panel.set(title=short_name(game), xlabel="minutes of one core", ylabel="mean score")
            for one in sorted(runs, key=lambda one: (one.entry.algorithm, one.entry.seed)):
                algorithm, seed = one.entry.algorithm, one.entry.seed
                label = algorithm if seed == 0 else None
                panel.plot(
                    one.minutes, one.means, STYLES[seed], color=COLOURS[algorithm], label=label, marker="."
                )
            panel.legend()

    save("bakeoff", len(panels), draw)


def draw_trainings(results: Sequence[LearningResult], game: str) -> None:
    """Evaluation scores with their intervals, by time."""

    def draw(axes: Sequence[Axes]) -> None:
        (panel,) = axes
        panel.set(title=short_name(game), xlabel="minutes", ylabel="mean score, 95 % interval")
        for one in of_game(results, game):
            entry, curve = one.entry, one.curve
            if entry.algorithm == CHANCE:
                panel.axhline(one.figures["score_mean"], color="grey", linewidth=1, label="random play")
                continue
            minutes = [check.minutes for check in curve]
            style = "-." if entry.expert_seconds else STYLES[entry.seed % len(STYLES)]
            colour = COLOURS[entry.algorithm]
            panel.plot(minutes, [check.mean for check in curve], style, color=colour, marker=".",
                       label=f"{name_of(one)}, seed {entry.seed}")  # fmt: skip
            low, high = [check.low for check in curve], [check.high for check in curve]
            panel.fill_between(minutes, low, high, color=colour, alpha=0.12, linewidth=0)
        panel.legend()

    save(short_name(game).lower(), 1, draw)


def rounds(practice_runs: Sequence[dagger.PracticeBenchResult]) -> str:
    """The rounds of each practice run, and the chart."""
    tables = [dagger.rounds_table(one) for one in practice_runs]
    sections = [f"{table.title}:\n\n{in_markdown(table)}" for table in tables]
    return "\n\n".join([*sections, "![Scores by DAgger round](charts/practice.svg)"])


def draw_practice(practice_runs: Sequence[dagger.PracticeBenchResult]) -> None:
    """Mean scores with their intervals by round, a panel for each practice run."""

    def draw(axes: Sequence[Axes]) -> None:
        for panel, one in zip(axes, practice_runs, strict=True):
            title = f"{short_name(one.entry.game)}, {dagger.input_of(one.entry)}"
            panel.set(title=title, xlabel="rounds", ylabel="mean score, 95 % interval")
            numbers = range(len(one.rounds))
            intervals = [bootstrap_interval(scores) for scores in one.rounds]
            colour = COLOURS["pqn"]
            panel.plot(numbers, [dagger.mean(scores) for scores in one.rounds], color=colour, marker=".",
                       label="model of the round")  # fmt: skip
            panel.fill_between(
                numbers,
                [one.low for one in intervals],
                [one.high for one in intervals],
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
            panel.axhline(dagger.mean(one.expert), color=COLOURS["monte_carlo"], linewidth=1, label="expert")
            panel.axhline(dagger.mean(one.chance), color="grey", linewidth=1, label="random play")
            panel.legend()

    save("practice", len(practice_runs), draw)


def suite_section(results: Sequence[ImitationResult]) -> str:
    """The scores of the imitation suite, and the chart."""
    chart = "![Scores of clones by minutes of demonstration](charts/imitation-suite.svg)"
    return f"{in_markdown(imitation_table(list(results)))}\n\n{chart}"


def draw_imitations(results: Sequence[ImitationResult]) -> None:
    """Mean scores of clones with their intervals by minutes of demonstration, a panel for each game."""
    by_game = groupby(sorted(results, key=_suite_game), _suite_game)
    panels = [(game, list(found)) for game, found in by_game]

    def draw(axes: Sequence[Axes]) -> None:
        for panel, (game, found) in zip(axes, panels, strict=True):
            panel.set(title=game, xlabel="minutes of demonstration", ylabel="score, 95 % interval")
            for training in sorted({training_text(one.entry.training) for one in found}):
                scores: dict[float, list[float]] = {}
                for one in found:
                    if training_text(one.entry.training) == training:
                        scores.setdefault(one.entry.training.minutes, []).extend(one.normalised)
                minutes = sorted(scores)
                intervals = [bootstrap_interval(scores[length]) for length in minutes]
                (line,) = panel.plot(minutes, [one.value for one in intervals], marker=".", label=training)
                low, high = [one.low for one in intervals], [one.high for one in intervals]
                panel.fill_between(minutes, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
            panel.axhline(0, color="grey", linewidth=1)
            panel.axhline(1, color="grey", linewidth=1)
            panel.legend()

    save("imitation-suite", len(panels), draw)


def _suite_game(result: ImitationResult) -> str:
    return result.entry.training.game


def save(name: str, panels: int, draw: Callable[[Sequence[Axes]], None]) -> None:
    """Save a chart with this number of panels; the same data give the same file."""
    if not panels:
        return
    figure, axes = plt.subplots(1, panels, figsize=(max(6.5, 4.2 * panels), 3.4), squeeze=False)
    draw(list(axes[0]))
    figure.tight_layout()
    CHARTS.mkdir(exist_ok=True)
    figure.savefig(CHARTS / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    print(f"docs/charts/{name}.svg")


if __name__ == "__main__":
    main()
