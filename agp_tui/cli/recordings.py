"""`agp recordings`: what has been recorded."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from agp_tui.cli.confirm import Yes, agreed
from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.run_job import run_live, settings_of, show, tell
from agp_tui.config import Output, check_flag
from agp_tui.config.types import Count, Fps
from agp_tui.engine.job import Job
from agp_tui.errors import Interrupted
from agp_tui.protocol.events import Finished, Progress, Table

app = App(name="recordings", help="Recordings: list, info, replay, check, repair, import, export, delete.")

PROGRESS_NS = 100_000_000

Name = Annotated[str, Parameter(help="A recording: its folder, GAME/STAMP, or STAMP.")]


@app.command(name="list")
def list_(*, game: str | None = None, output: OutputFlags = Output()) -> int:
    """Every recording with its length, how full it is and how long each key is held.

    Parameters
    ----------
    game
        Only this game's.
    """
    from agp_tui.recording.library import list_recordings, recordings_table

    found = list_recordings(settings_of(output).folder("recordings"), game)
    paths, report = [str(one.path) for one in found], {"recordings": [one.report() for one in found]}
    return show(output, "recordings", recordings_table(found), recordings=paths, report=report)


@app.command
def info(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Everything that is known of a recording."""
    from agp_tui.recording import library

    path = _path(recording, output)
    found = library.info(path)
    return show(output, "recordings", found.table(), recording=str(path), report=found.report())


@app.command
def replay(
    recording: Name,
    *,
    start_frame: int = 0,
    speed: float = 1.0,
    paused: Annotated[bool, Parameter(negative=())] = False,
    output: OutputFlags = Output(),
) -> int:
    """Play a recording as it was recorded, with its keys; programs pause it, step, seek and set its speed.

    Under --json it stays at its last frame, paused, until it is stopped.

    Parameters
    ----------
    start_frame
        Begin at this frame, counted from 0.
    speed
        So many times as fast as it was recorded.
    paused
        Begin paused.
    """
    from agp_tui.jobs.replay import ReplayRequest, run_replay

    asked = ReplayRequest(
        recording=_path(recording, output),
        start_frame=start_frame,
        speed=speed,
        paused=paused,
        stay=output.json,
        preview=settings_of(output).config.preview,
    )
    told = {"recording": str(asked.recording), "start_frame": start_frame, "speed": speed, "paused": paused}
    return run_live(output, "replay", told, lambda job: run_replay(asked, job))


@app.command
def disagreements(recording: Name, *, most: int = 20, output: OutputFlags = Output()) -> int:
    """Where a model that watched, or a teacher, would have pressed something else: the largest moments first.

    With --json the report has `agreement` by key, and `moments`: `start` and `stop` (frames), `keys`, `size`.

    Parameters
    ----------
    most
        So many moments.
    """
    from agp_tui.recording.agreement import compare_players, disagreement_table
    from agp_tui.recording.store import Recording

    check_flag("most", most, Count)
    path = _path(recording, output)
    found = compare_players(Recording.open(path))
    table, report = disagreement_table(found, path.name, most), found.report(most)
    return show(output, "recordings", table, recording=str(path), report=report)


@app.command
def check(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Look for what is wrong with a recording: gaps, damaged frames, stuck keys. Exit code 1 if so."""
    from agp_tui.recording import integrity

    path = _path(recording, output)
    problems = integrity.check(path)
    rows: list[list[str | float | int | None]] = [[problem] for problem in problems or ["nothing is wrong"]]
    table = Table(title=path.name, columns=["found"], rows=rows)
    show(output, "recordings", table, recording=str(path), report={"problems": problems})
    return 1 if problems else 0


@app.command
def repair(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Make a whole recording of what can be read; the old one goes when the new one is complete."""
    from agp_tui.recording import repair as repairing

    done = repairing.repair(_path(recording, output))
    tell(output, Finished(job="repair", recording=str(done.path), frames=done.frames, missed=done.lost))
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
    """Take over a pickle of the original script. Nothing in the file is run.

    Parameters
    ----------
    file
        The pickle: {screen_frames, key_frames}.
    game
        The game that it is a recording of.
    channels
        The order of the colours in it; the original script writes BGR, whatever its text says.
    fps
        How many frames a second it was recorded at, 1 to 60.
    """
    from agp_tui.recording.legacy_pickle import import_pickle

    check_flag("fps", fps, Fps)
    root = settings_of(output).folder("recordings")

    def body(job: Job) -> Finished:
        done = import_pickle(file, root, game, channels=channels, fps=fps, progress=_told(job))
        if done.left_out:
            text = f"{done.left_out} at the end had no partner and were left out."
            job.note(text, level="warning")
        report = {"recording": str(done.path), "left_out": done.left_out}
        return Finished(job="import", recording=str(done.path), frames=done.frames, report=report)

    told = {"file": str(file), "game": game, "channels": channels, "fps": fps}
    return run_live(output, "import", told, body)


@app.command
def export(
    recording: Name,
    *,
    to: Literal["pickle", "npz", "mp4", "png"] = "mp4",
    target: Path | None = None,
    output: OutputFlags = Output(),
) -> int:
    """Write a recording for other programs: the original script's pickle, numpy, a video, pictures.

    Parameters
    ----------
    to
        pickle (the four arrows only), npz, mp4 (for sharing, not lossless) or png (with keys.csv).
    target
        Where to write it; GAME-STAMP here otherwise.
    """
    from agp_tui.recording.export import export_recording
    from agp_tui.recording.store import Recording

    source = Recording.open(_path(recording, output))

    def body(job: Job) -> Finished:
        left_out = set(source.meta.keys) - {"up", "left", "right", "down"}
        if to == "pickle" and left_out:
            text = f"The format knows the four arrows only: {', '.join(sorted(left_out))} are left out."
            job.note(text, level="warning")
        written = export_recording(source, to, target, _told(job)).resolve()
        rows: list[list[str | float | int | None]] = [[str(source.path), str(written)]]
        job.emit(Table(title="Exported", columns=["recording", "file"], rows=rows))
        report = {"file": str(written), "format": to}
        return Finished(job="export", recording=str(source.path), frames=len(source), report=report)

    told = {"recording": str(source.path), "to": to, "target": str(target) if target else None}
    return run_live(output, "export", told, body)


@app.command
def delete(
    recording: Name,
    *,
    yes: Yes = False,
    output: OutputFlags = Output(),
) -> int:
    """Delete a recording for good. Asks first, or takes --yes."""
    from agp_tui.recording import library

    path = _path(recording, output)
    if not agreed(path, yes, output):
        return 130
    library.delete(path)
    return show(output, "delete", recording=str(path))


def _path(recording: str, output: Output) -> Path:
    from agp_tui.recording.library import resolve_recording

    return resolve_recording(settings_of(output).folder("recordings"), recording)


def _told(job: Job) -> Callable[[int, int], None]:
    """Tells the job's progress in frames, ten times a second at most; a stop ends what calls it."""
    from agp_tui.engine.clock import RealTime

    clock = RealTime()
    began_ns = told_ns = clock.now_ns()

    def tell_frames(done: int, total: int) -> None:
        nonlocal told_ns
        if job.stopping:
            raise Interrupted("Stopped before the end, so nothing of it is kept.")
        now_ns = clock.now_ns()
        if done < total and now_ns - told_ns < PROGRESS_NS:
            return
        told_ns = now_ns
        rate = done / max((now_ns - began_ns) / 1e9, 1e-6)
        left = (total - done) / rate
        job.emit(
            Progress(done=done, total=total, unit="frames", rate=round(rate, 1), seconds_left=round(left, 1))
        )

    return tell_frames
