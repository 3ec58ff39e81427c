"""The benchmarks of the app in sequence."""

from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.protocol.events import Table
from benchmarks.app.first_screen import bench_first_screen
from benchmarks.app.idle import bench_idle
from benchmarks.app.loop import bench_loop
from benchmarks.app.playing import bench_playing
from benchmarks.app.preview import PreviewCost, bench_preview
from benchmarks.first_frame import bench_first_frame
from benchmarks.options import AppOptions

PREVIEW_FPS = 10.0


def ui_metrics(job: Job, options: AppOptions) -> dict[str, float]:
    """Measure all parts and emit tables; returns the figures by name. Raises `JobFailed`."""
    job.stage("cost of the live picture", 1, 6)
    costs = bench_preview()
    job.emit(preview_table(costs))
    job.stage("engine and event loop side by side", 2, 6)
    loop = bench_loop(job, fps=options.fps, seconds=options.seconds, load=options.load)
    job.stage("a game in the terminal", 3, 6)
    played = bench_playing(job)
    job.stage("time to the first screen", 4, 6)
    first = bench_first_screen(job, Path.cwd())
    job.stage("idle", 5, 6)
    idle = bench_idle(job, Path.cwd())
    job.stage("time to the first frame", 6, 6)
    recorded = bench_first_frame(job)
    figures = {f"preview_{one.content}_{one.way}_ms": round(one.ms, 2) for one in costs}
    figures |= {f"preview_{one.content}_{one.way}_bytes": round(one.bytes) for one in costs}
    for one in played:
        figures |= {
            f"play_{one.size[0]}x{one.size[1]}_{name}": round(value, 2)
            for name, value in (
                ("fps", one.fps),
                ("pictures", one.pictures),
                ("bytes_a_second", one.bytes_a_second),
                ("key_late_p99_ms", one.late_ms.p99),
            )
        }
    return figures | {
        "loop_late_p99_ms": loop.lateness_ms.p99,
        "engine_ratio": loop.ratio,
        "first_screen_seconds": first.ours,
        "first_screen_ratio": first.ratio,
        "idle_share": round(idle.share, 4),
        "first_frame_seconds": recorded.ours,
        "first_frame_ratio": recorded.ratio,
        "engine_jitter_p99_ms": loop.jitter_ms.p99,
        "engine_filled": round(loop.filled, 4),
    }


def preview_table(costs: list[PreviewCost]) -> Table:
    """CPU milliseconds and bytes per frame, and the ratio to the plain method."""
    plain = {one.content: one.ms for one in costs if one.way == "plain"}
    rows: list[list[str | float | int | None]] = [
        [
            one.content,
            one.way,
            round(one.ms, 2),
            round(one.bytes),
            round(one.bytes_a_second(PREVIEW_FPS) / 1000, 1),
            round(plain[one.content] / one.ms, 1) if one.ms else None,
        ]
        for one in costs
    ]
    columns = ["content", "colours", "ms per frame", "bytes per frame", "kB/s at 10 fps", "plain / this"]
    return Table(title="The live picture, 80x40 cells", columns=columns, rows=rows)
