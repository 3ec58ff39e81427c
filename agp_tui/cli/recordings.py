"""`agp recordings`: list, inspect, replay, repair, import, export and delete recordings."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from agp_tui.cli.confirm import Yes, confirmed
from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.run_job import print_events, print_tables, run_live, settings_of
from agp_tui.config import Output, check_flag
from agp_tui.config.types import Count, Fps
from agp_tui.engine.job import Job
from agp_tui.errors import Interrupted
from agp_tui.protocol.events import Finished, Progress, Table
from agp_tui.protocol.results import CheckResult, ImportResult, RecordingExportResult, RecordingsResult

app = App(name="recordings", help="Recordings: list, info, replay, check, repair, import, export, delete.")

PROGRESS_NS = 100_000_000

Name = Annotated[str, Parameter(help="A recording: its folder, GAME/STAMP, or STAMP.")]


@app.command(name="list")
def list_(*, game: str | None = None, output: OutputFlags = Output()) -> int:
    """List recordings with their length, the share of frames filled and how long each key is held.

    Parameters
    ----------
    game
        Only recordings of this game.
    """
    from agp_tui.recording.library import list_recordings, recordings_table

    found = list_recordings(settings_of(output).folder("recordings"), game)
    paths, report = [one.path for one in found], RecordingsResult(recordings=found)
    return print_tables(output, "recordings", recordings_table(found), recordings=paths, report=report)


@app.command
def info(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Show all facts and statistics of a recording."""
    from agp_tui.recording import library

    path = _path(recording, output)
    found = library.info(path)
    return print_tables(output, "recordings", found.table(), recording=str(path), report=found.report())


@app.command
def replay(
    recording: Name,
    *,
    start_frame: int = 0,
    speed: float = 1.0,
    paused: Annotated[bool, Parameter(negative=())] = False,
    output: OutputFlags = Output(),
) -> int:
    """Replay a recording with its keys. Programs pause, step, seek and set the speed by commands.

    With --json it stays paused at its last frame until it is stopped.

    Parameters
    ----------
    start_frame
        First frame, counted from 0.
    speed
        Speed relative to the recording.
    paused
        Start paused.
    """
    from agp_tui.jobs.replay import ReplayRequest, run_replay

    request = ReplayRequest(
        recording=_path(recording, output),
        start_frame=start_frame,
        speed=speed,
        paused=paused,
        stay=output.json,
        preview=settings_of(output).config.preview,
    )
    arguments = {
        "recording": str(request.recording),
        "start_frame": start_frame,
        "speed": speed,
        "paused": paused,
    }
    return run_live(output, "replay", arguments, lambda job: run_replay(request, job))


@app.command
def disagreements(recording: Name, *, most: int = 20, output: OutputFlags = Output()) -> int:
    """List the moments at which a shadow model or a teacher would have pressed other keys, largest first.

    With --json the report has `agreement` by key, and `moments`: `start` and `stop` (frames), `keys`, `size`.

    Parameters
    ----------
    most
        Maximum number of moments.
    """
    from agp_tui.recording.agreement import compare_players, disagreement_table
    from agp_tui.recording.store import Recording

    check_flag("most", most, Count)
    path = _path(recording, output)
    found = compare_players(Recording.open(path))
    table, report = disagreement_table(found, path.name, most), found.report(most)
    return print_tables(output, "recordings", table, recording=str(path), report=report)


@app.command
def check(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Check a recording for gaps, damaged frames and stuck keys. Exit code 1 if there are any."""
    from agp_tui.recording import integrity

    path = _path(recording, output)
    problems = integrity.find_problems(path)
    texts = [problem.text for problem in problems]
    rows: list[list[str | float | int | None]] = [[text] for text in texts or ["no problems"]]
    table = Table(title=path.name, columns=["found"], rows=rows)
    print_tables(
        output,
        "recordings",
        table,
        recording=str(path),
        report=CheckResult(problems=texts, repairable=any(problem.repairable for problem in problems)),
    )
    return 1 if problems else 0


@app.command
def repair(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Rebuild a recording from its readable part; it replaces the old one once it is complete."""
    from agp_tui.recording import repair as repairing

    done = repairing.repair(_path(recording, output))
    print_events(
        output, Finished(job="repair", recording=str(done.path), frames=done.frames, missed=done.lost)
    )
    return 0


@app.command(name="import")
def import_(
    file: Path,
    *,
    game: str,
    channels: Literal["bgr", "rgb"] = "bgr",
    fps: int = 30,
    output: OutputFlags = Output(),
) -> int:
    """Import a pickle of the original script. No code in the file is executed.

    Parameters
    ----------
    file
        The pickle: {screen_frames, key_frames}.
    game
        The game of the recording.
    channels
        Colour order of the frames. The original script writes BGR, although it says RGB.
    fps
        Frames per second of the recording, 1 to 60.
    """
    from agp_tui.recording.legacy_pickle import import_pickle

    check_flag("fps", fps, Fps)
    root = settings_of(output).folder("recordings")

    def body(job: Job) -> Finished:
        done = import_pickle(file, root, game, channels=channels, fps=fps, progress=_progress(job))
        if done.left_out:
            text = f"{done.left_out} at the end have no counterpart and were left out."
            job.note(text, level="warning")
        report = ImportResult(recording=str(done.path), left_out=done.left_out)
        return Finished(job="import", recording=str(done.path), frames=done.frames, report=report)

    arguments = {"file": str(file), "game": game, "channels": channels, "fps": fps}
    return run_live(output, "import", arguments, body)


@app.command
def export(
    recording: Name,
    *,
    to: Literal["pickle", "npz", "mp4", "png"] = "mp4",
    target: Path | None = None,
    output: OutputFlags = Output(),
) -> int:
    """Export a recording to another format: the original script's pickle, numpy, video or pictures.

    Parameters
    ----------
    to
        pickle (the four arrows only), npz, mp4 (for sharing, not lossless) or png (with keys.csv).
    target
        Output file or folder. Default: GAME-STAMP in the working directory.
    """
    from agp_tui.recording.export import export_recording
    from agp_tui.recording.store import Recording

    source = Recording.open(_path(recording, output))

    def body(job: Job) -> Finished:
        left_out = set(source.meta.keys) - {"up", "left", "right", "down"}
        if to == "pickle" and left_out:
            text = (
                f"The format supports the four arrow keys only: {', '.join(sorted(left_out))} are left out."
            )
            job.note(text, level="warning")
        written = export_recording(source, to, target, _progress(job)).resolve()
        rows: list[list[str | float | int | None]] = [[str(source.path), str(written)]]
        job.emit(Table(title="Exported", columns=["recording", "file"], rows=rows))
        report = RecordingExportResult(file=str(written), format=to)
        return Finished(job="export", recording=str(source.path), frames=len(source), report=report)

    arguments = {"recording": str(source.path), "to": to, "target": str(target) if target else None}
    return run_live(output, "export", arguments, body)


@app.command
def delete(
    recording: Name,
    *,
    yes: Yes = False,
    output: OutputFlags = Output(),
) -> int:
    """Delete a recording permanently. Asks for confirmation unless --yes is given."""
    from agp_tui.recording import library

    path = _path(recording, output)
    if not confirmed(path, yes, output):
        return 130
    library.delete(path)
    return print_tables(output, "delete", recording=str(path))


def _path(recording: str, output: Output) -> Path:
    from agp_tui.recording.library import resolve_recording

    return resolve_recording(settings_of(output).folder("recordings"), recording)


def _progress(job: Job) -> Callable[[int, int], None]:
    """A progress callback in frames, at most ten events per second; raises `Interrupted` after a stop."""
    from agp_tui.engine.clock import RealTime

    clock = RealTime()
    began_ns = emitted_ns = clock.now_ns()

    def on_progress(done: int, total: int) -> None:
        nonlocal emitted_ns
        if job.stopping:
            raise Interrupted("Stopped before the end; nothing was written.")
        now_ns = clock.now_ns()
        if done < total and now_ns - emitted_ns < PROGRESS_NS:
            return
        emitted_ns = now_ns
        rate = done / max((now_ns - began_ns) / 1e9, 1e-6)
        left = (total - done) / rate
        job.emit(
            Progress(done=done, total=total, unit="frames", rate=round(rate, 1), seconds_left=round(left, 1))
        )

    return on_progress
