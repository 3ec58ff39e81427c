"""How far the figures of the benchmarks are from what the machine could do at best."""

from typing import Literal

from agp_tui.benchmarks.asked import AtariBenchAsked, CaptureAsked, DecisionsAsked, TrainingAsked
from agp_tui.benchmarks.limits import Limits, console_frames_a_second, decision_gflop
from agp_tui.engine.cpu import available_cpus
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Table

Metrics = dict[str, float]
Row = list[str | float | int | None]
BYTES_A_PIXEL = 4
PASSES = 3
"""Forward and backward cost three times the forward pass."""


def roofline(metrics: Metrics, limits: Limits) -> Table:
    """A row for each benchmark that was run with its own defaults: the limit, ours, the share reached."""
    rows = [
        *_capture(metrics, limits),
        *_decisions(metrics, limits),
        *_training(metrics, limits),
        *_atari(metrics),
    ]
    columns = ["what", "limit", "ours", "reached", "the limit is"]
    return Table(title="How far from the machine's limits", columns=columns, rows=rows)


def _capture(metrics: Metrics, limits: Limits) -> list[Row]:
    if not (ours := metrics.get("capture_ms")):
        return []
    size = CaptureAsked().size
    moved = 2 * size * size * BYTES_A_PIXEL
    floor = moved / limits.copied_gb_s / 1e6
    what = f"a grab of {size}x{size}"
    return [_row(what, floor, ours, "ms", floor / ours, "its bytes read and written once")]


def _decisions(metrics: Metrics, limits: Limits) -> list[Row]:
    rows: list[Row] = []
    asked = DecisionsAsked()
    networks: dict[str, Literal["small", "large"]] = {"": "small", "large_": "large"}
    for before, network in networks.items():
        if not (ours := metrics.get(f"{before}play_streaming_ms")):
            continue
        work = decision_gflop(network, asked.frame_size, asked.segment)
        floor = 1e3 * work / limits.float32_gflop_s
        what = f"a decision, {network} at {asked.frame_size} px"
        why = f"{work:.3f} GFLOP at {limits.float32_gflop_s:g} GFLOP/s of a float32 product"
        rows.append(_row(what, floor, ours, "ms", floor / ours, why))
    return rows


def _training(metrics: Metrics, limits: Limits) -> list[Row]:
    if not (ours := metrics.get("train_frames")):
        return []
    asked = TrainingAsked()
    work = PASSES * decision_gflop(asked.network, asked.frame_size, asked.segment)
    best = available_cpus() * limits.float32_gflop_s / work
    what = f"frames learned a second, {asked.network} at {asked.frame_size} px"
    why = (
        f"{work:.3f} GFLOP a frame at {limits.float32_gflop_s:g} GFLOP/s on each of {available_cpus()} cores"
    )
    return [_row(what, best, ours, "", ours / best, why)]


def _atari(metrics: Metrics) -> list[Row]:
    if not (ours := metrics.get("atari_pqn")):
        return []
    try:
        best = console_frames_a_second(AtariBenchAsked().game) / 4
    except AgpError:
        return []
    why = "the bare emulator, 4 frames a decision, nothing read or learned"
    return [_row("decisions trained a CPU second, pqn", best, ours, "", ours / best, why)]


def _row(what: str, limit: float, ours: float, unit: str, share: float, why: str) -> Row:
    """Two or three digits are all that such figures are worth."""
    shown = [f"{float(f'{value:.3g}'):g} {unit}".strip() for value in (limit, ours)]
    return [what, *shown, f"{share:.0%}", why]
