"""The benchmarks of the app in sequence."""

from pathlib import Path

from agp_tui.engine.job import Job
from benchmarks.app.overhead import bench_idle, bench_job_overhead
from benchmarks.app.playing import bench_playing
from benchmarks.app.preview import bench_preview, preview_table
from benchmarks.app.startup import bench_first_frame, bench_first_screen
from benchmarks.options import AppOptions


def ui_metrics(job: Job, options: AppOptions) -> dict[str, float]:
    """Measure all parts and emit tables; returns the figures by name. Raises `JobFailed`."""
    job.stage("live picture", 1, 6)
    costs = bench_preview()
    job.emit(preview_table(costs))
    job.stage("a job with and without the app", 2, 6)
    overhead = bench_job_overhead(job, fps=options.fps, seconds=options.seconds, load=options.load)
    job.stage("play in the terminal", 3, 6)
    played = bench_playing(job)
    job.stage("first screen", 4, 6)
    first = bench_first_screen(job, Path.cwd())
    job.stage("idle", 5, 6)
    idle = bench_idle(job, Path.cwd())
    job.stage("first frame", 6, 6)
    recorded = bench_first_frame(job)
    figures = {f"preview_{one.content}_{one.method}_ms": round(one.ms, 2) for one in costs}
    figures |= {f"preview_{one.content}_{one.method}_bytes": round(one.bytes) for one in costs}
    for one in played:
        figures |= {
            f"play_{one.size[0]}x{one.size[1]}_{name}": round(value, 2)
            for name, value in (
                ("fps", one.fps),
                ("pictures", one.updates),
                ("bytes_a_second", one.bytes_per_second),
                ("key_late_p99_ms", one.key_delay_ms.p99),
            )
        }
    return figures | {
        "loop_late_p99_ms": overhead.event_loop_delay_ms.p99,
        "engine_ratio": overhead.ratio,
        "first_screen_seconds": first.agp,
        "first_screen_ratio": first.ratio,
        "idle_share": round(idle.cpu_share, 4),
        "first_frame_seconds": recorded.agp,
        "first_frame_ratio": recorded.ratio,
        "engine_jitter_p99_ms": overhead.jitter_ms.p99,
        "engine_filled": round(overhead.filled, 4),
    }
