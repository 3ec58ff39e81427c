"""The app's benchmarks as one job."""

from pathlib import Path

from agp_tui.benchmarks.asked import AppAsked
from agp_tui.benchmarks.first_frame import bench_first_frame
from agp_tui.benchmarks.machine import machine
from agp_tui.engine.job import Job
from agp_tui.protocol.events import Finished, Table
from agp_tui.ui.benchmarks.first_screen import bench_first_screen
from agp_tui.ui.benchmarks.idle import bench_idle
from agp_tui.ui.benchmarks.loop import bench_loop
from agp_tui.ui.benchmarks.playing import bench_playing
from agp_tui.ui.benchmarks.preview import PreviewCost, bench_preview

PREVIEW_FPS = 10.0


def run_ui(asked: AppAsked, job: Job) -> Finished:
    """The live picture, the event loop beside a job, a game played here, the first screen, and idling."""
    name = machine()
    job.note(name)
    return Finished(job="bench ui", metrics=ui_metrics(job, asked), report={"machine": name})


def ui_metrics(job: Job, asked: AppAsked = AppAsked()) -> dict[str, float]:
    """All of it, told as tables; the figures by name. Raises `JobFailed` where a part cannot run."""
    job.stage("what the live picture costs", 1, 6)
    costs = bench_preview()
    job.emit(preview_table(costs))
    job.stage("the engine and the event loop beside each other", 2, 6)
    loop = bench_loop(job, fps=asked.fps, seconds=asked.seconds, load=asked.load)
    job.stage("a game played in the terminal", 3, 6)
    played = bench_playing(job)
    job.stage("from the command to the first screen", 4, 6)
    first = bench_first_screen(job, Path.cwd())
    job.stage("left alone", 5, 6)
    idle = bench_idle(job, Path.cwd())
    job.stage("from the command to the first frame", 6, 6)
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
    """Milliseconds of processor time and bytes a frame, and how many times less than the plain way."""
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
    columns = ["content", "colours", "ms a frame", "bytes a frame", "kB a second at 10 fps", "plain / this"]
    return Table(title="The live picture, 80x40 cells", columns=columns, rows=rows)
