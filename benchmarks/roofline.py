"""How far the figures of the benchmarks are from what the machine could do at best."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from agp_tui.bench.options import CaptureOptions, DecisionOptions
from agp_tui.engine.cpu import available_cpus
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Table
from benchmarks.options import AtariOptions, TrainOptions

SECONDS = 0.3
"""Each limit is the best of as many tries as fit into this time: what other work takes is no limit."""
COPIED = 64 * 2**20
SIDE = 1024


@dataclass(frozen=True)
class Limits:
    """Of one thread."""

    copied_gb_s: float
    """Bytes read and written by a copy that fits no cache, 10^9 a second."""
    float32_gflop_s: float
    """Of a matrix product, multiplications and additions counted, 10^9 a second."""


def measure_limits() -> Limits:
    """Takes about a second."""
    return Limits(round(_copied() / 1e9, 1), round(_multiplied() / 1e9, 1))


def decision_gflop(model: Literal["small", "large"], frame_size: int, segment: int) -> float:
    """What one streaming decision computes, multiplications and additions counted, 10^9. Needs torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

    network = PolicyNetwork(NetworkSpec(model, frame_size, segment, keys=4))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        embedding = network.encode(torch.zeros(1, frame_size, frame_size, 3))
        network.decide(embedding.expand(segment, -1)[None])
    return float(counter.get_total_flops()) / 1e9


def console_frames_a_second(game: str, frames: int = 4_000) -> float:
    """Frames that the bare emulator gives a second of one core, nothing read from it: no play has more."""
    from agp_tui.games.atari import open_emulator, rom_name

    bare = open_emulator(rom_name(game), sticky=0.0, seed=0)
    actions = bare.getMinimalActionSet()
    picks = np.random.default_rng(0).integers(0, len(actions), frames)
    began = time.process_time()
    for pick in picks:
        bare.act(actions[pick])
        if bare.game_over():
            bare.reset_game()
    return frames / (time.process_time() - began)


def _copied() -> float:
    source, target = np.zeros(COPIED, np.uint8), np.ones(COPIED, np.uint8)
    return 2 * COPIED / _best(lambda: np.copyto(target, source))


def _multiplied() -> float:
    if not _has_torch():
        one = np.ones((SIDE, SIDE), np.float32)
        return float(2 * SIDE**3 / _best(lambda: one @ one))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tensor = torch.ones(SIDE, SIDE)
        return float(2 * SIDE**3 / _best(lambda: tensor @ tensor))
    finally:
        torch.set_num_threads(threads)


def _best(work: Callable[[], object]) -> float:
    """Seconds of the quickest try."""
    work()
    end, best = time.perf_counter() + SECONDS, float("inf")
    while time.perf_counter() < end:
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _has_torch() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None


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
    size = CaptureOptions().size
    moved = 2 * size * size * BYTES_A_PIXEL
    floor = moved / limits.copied_gb_s / 1e6
    what = f"a grab of {size}x{size}"
    return [_row(what, floor, ours, "ms", floor / ours, "its bytes read and written once")]


def _decisions(metrics: Metrics, limits: Limits) -> list[Row]:
    rows: list[Row] = []
    options = DecisionOptions()
    networks: dict[str, Literal["small", "large"]] = {"": "small", "large_": "large"}
    for before, network in networks.items():
        if not (ours := metrics.get(f"{before}play_streaming_ms")):
            continue
        work = decision_gflop(network, options.frame_size, options.segment)
        floor = 1e3 * work / limits.float32_gflop_s
        what = f"a decision, {network} at {options.frame_size} px"
        why = f"{work:.3f} GFLOP at {limits.float32_gflop_s:g} GFLOP/s of a float32 product"
        rows.append(_row(what, floor, ours, "ms", floor / ours, why))
    return rows


def _training(metrics: Metrics, limits: Limits) -> list[Row]:
    if not (ours := metrics.get("train_frames")):
        return []
    options = TrainOptions()
    work = PASSES * decision_gflop(options.network, options.frame_size, options.segment)
    best = available_cpus() * limits.float32_gflop_s / work
    what = f"frames learned a second, {options.network} at {options.frame_size} px"
    why = (
        f"{work:.3f} GFLOP a frame at {limits.float32_gflop_s:g} GFLOP/s on each of {available_cpus()} cores"
    )
    return [_row(what, best, ours, "", ours / best, why)]


def _atari(metrics: Metrics) -> list[Row]:
    if not (ours := metrics.get("atari_pqn")):
        return []
    try:
        best = console_frames_a_second(AtariOptions().game) / 4
    except AgpError:
        return []
    why = "the bare emulator, 4 frames a decision, nothing read or learned"
    return [_row("decisions trained a CPU second, pqn", best, ours, "", ours / best, why)]


def _row(what: str, limit: float, ours: float, unit: str, share: float, why: str) -> Row:
    """Two or three digits are all that such figures are worth."""
    shown = [f"{float(f'{value:.3g}'):g} {unit}".strip() for value in (limit, ours)]
    return [what, *shown, f"{share:.0%}", why]
