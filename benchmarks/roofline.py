"""Roofline: the results of the benchmarks relative to the limits of the machine."""

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
"""Each limit is the best of the repetitions in this time, so that background load does not lower it."""
COPY_BYTES = 64 * 2**20
MATRIX_SIZE = 1024
BYTES_PER_PIXEL = 4
PASSES = 3
"""Forward and backward passes cost three times the forward pass."""

Metrics = dict[str, float]
Row = list[str | float | int | None]


@dataclass(frozen=True)
class MachineLimits:
    """Limits of one thread."""

    copy_gb_s: float
    """Bytes read and written per second by a copy larger than the caches, in GB/s."""
    float32_gflop_s: float
    """Operations per second of a matrix product, in GFLOP/s."""


def measure_limits() -> MachineLimits:
    """Measure the limits; takes about a second."""
    return MachineLimits(round(_copy_bytes_per_second() / 1e9, 1), round(_matrix_flop_per_second() / 1e9, 1))


def decision_gflop(model: Literal["small", "large"], frame_size: int, segment: int) -> float:
    """GFLOP of one streaming decision. Needs torch."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from agp_tui.imitation.network import NetworkSpec, PolicyNetwork

    network = PolicyNetwork(NetworkSpec(model, frame_size, segment, keys=4))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        embedding = network.encode(torch.zeros(1, frame_size, frame_size, 3))
        network.decide(embedding.expand(segment, -1)[None])
    return float(counter.get_total_flops()) / 1e9


def emulator_fps(game: str, frames: int = 4_000) -> float:
    """Frames per CPU second of the emulator alone, without reading its screen."""
    from agp_tui.games.atari import open_emulator, rom_name

    emulator = open_emulator(rom_name(game), sticky=0.0, seed=0)
    actions = emulator.getMinimalActionSet()
    picks = np.random.default_rng(0).integers(0, len(actions), frames)
    start = time.process_time()
    for pick in picks:
        emulator.act(actions[pick])
        if emulator.game_over():
            emulator.reset_game()
    return frames / (time.process_time() - start)


def roofline(metrics: Metrics, limits: MachineLimits) -> Table:
    """A row per benchmark in `metrics`, measured with default options: limit, result and their ratio."""
    rows = [
        *_capture(metrics, limits),
        *_decisions(metrics, limits),
        *_training(metrics, limits),
        *_atari(metrics),
    ]
    columns = ["measurement", "limit", "agp", "reached", "definition of the limit"]
    return Table(title="Distance from hardware limits", columns=columns, rows=rows)


def _capture(metrics: Metrics, limits: MachineLimits) -> list[Row]:
    if not (measured := metrics.get("capture_ms")):
        return []
    size = CaptureOptions().size
    copied = 2 * size * size * BYTES_PER_PIXEL
    shortest = copied / limits.copy_gb_s / 1e6
    name = f"capture of {size}x{size}"
    return [_row(name, shortest, measured, "ms", shortest / measured, "each byte read and written once")]


def _decisions(metrics: Metrics, limits: MachineLimits) -> list[Row]:
    rows: list[Row] = []
    options = DecisionOptions()
    networks: dict[str, Literal["small", "large"]] = {"": "small", "large_": "large"}
    for prefix, network in networks.items():
        if not (measured := metrics.get(f"{prefix}play_streaming_ms")):
            continue
        work = decision_gflop(network, options.frame_size, options.segment)
        shortest = 1e3 * work / limits.float32_gflop_s
        name = f"decision, {network} network at {options.frame_size} px"
        definition = f"{work:.3f} GFLOP at {limits.float32_gflop_s:g} GFLOP/s of a float32 matrix product"
        rows.append(_row(name, shortest, measured, "ms", shortest / measured, definition))
    return rows


def _training(metrics: Metrics, limits: MachineLimits) -> list[Row]:
    if not (measured := metrics.get("train_frames")):
        return []
    options = TrainOptions()
    work = PASSES * decision_gflop(options.network, options.frame_size, options.segment)
    best = available_cpus() * limits.float32_gflop_s / work
    name = f"frames trained per second, {options.network} network at {options.frame_size} px"
    speed = f"{limits.float32_gflop_s:g} GFLOP/s on each of {available_cpus()} cores"
    definition = f"{work:.3f} GFLOP per frame at {speed}"
    return [_row(name, best, measured, "", measured / best, definition)]


def _atari(metrics: Metrics) -> list[Row]:
    if not (measured := metrics.get("atari_pqn")):
        return []
    try:
        best = emulator_fps(AtariOptions().game) / 4
    except AgpError:
        return []
    definition = "the emulator alone, 4 frames per decision"
    return [_row("decisions trained per CPU second, pqn", best, measured, "", measured / best, definition)]


def _row(name: str, limit: float, measured: float, unit: str, share: float, definition: str) -> Row:
    rounded = [f"{float(f'{value:.3g}'):g} {unit}".strip() for value in (limit, measured)]
    return [name, *rounded, f"{share:.0%}", definition]


def _copy_bytes_per_second() -> float:
    source, target = np.zeros(COPY_BYTES, np.uint8), np.ones(COPY_BYTES, np.uint8)
    return 2 * COPY_BYTES / _shortest(lambda: np.copyto(target, source))


def _matrix_flop_per_second() -> float:
    if not _has_torch():
        one = np.ones((MATRIX_SIZE, MATRIX_SIZE), np.float32)
        return float(2 * MATRIX_SIZE**3 / _shortest(lambda: one @ one))
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        tensor = torch.ones(MATRIX_SIZE, MATRIX_SIZE)
        return float(2 * MATRIX_SIZE**3 / _shortest(lambda: tensor @ tensor))
    finally:
        torch.set_num_threads(threads)


def _shortest(function: Callable[[], object]) -> float:
    """Seconds of the fastest repetition."""
    function()
    end, best = time.perf_counter() + SECONDS, float("inf")
    while time.perf_counter() < end:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
    return best


def _has_torch() -> bool:
    from importlib.util import find_spec

    return find_spec("torch") is not None
