"""`agp recordings`: list, inspect, replay, cut, join, repair, import, export and delete recordings."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter, Token

from agp_tui.cli.confirm import Yes, confirmed
from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.run_job import print_events, print_tables, run_live, settings_of
from agp_tui.config import Output, check_flag
from agp_tui.config.types import Count, Fps
from agp_tui.engine.job import Job
from agp_tui.errors import Interrupted, RecordingError, SettingError
from agp_tui.formatting.text import clock_text
from agp_tui.protocol.events import Finished, Progress, Table
from agp_tui.protocol.results import (
    CheckResult,
    CutRecording,
    CutResult,
    ExclusionsResult,
    ImportResult,
    RecordingExportResult,
    RecordingsResult,
)

if TYPE_CHECKING:
    from agp_tui.recording.store import Recording

app = App(
    name="recordings",
    help="Recordings: list, info, replay, cut, join, exclude, check, repair, import, export, delete.",
)

PROGRESS_NS = 100_000_000

Name = Annotated[str, Parameter(help="A recording: its folder, GAME/STAMP, or STAMP.")]


def _time(_type: object, tokens: Sequence[Token]) -> float:
    """The seconds of `75.5` or `1:15.5`."""
    text = tokens[0].value
    if not (found := re.fullmatch(r"(?:(\d+):(?=[0-5]?\d(?:\.|$)))?(\d+(?:\.\d*)?)", text.strip())):
        raise ValueError(f"Expected a time in seconds, such as 75.5 or 1:15.5, found {text!r}.")
    return 60 * int(found[1] or 0) + float(found[2])


def _times(kind: object, tokens: Sequence[Token]) -> tuple[float, ...]:
    parts = [part for token in tokens for part in token.value.split(",")]
    return tuple(_time(kind, [Token(value=part)]) for part in parts)


WHERE = "Time since the first frame, as 75.5 (seconds) or 1:15.5"
From = Annotated[
    float | None,
    Parameter(
        name="--from", converter=_time, n_tokens=1, metavar="T", help=f"{WHERE}. Default: the beginning."
    ),
]
To = Annotated[
    float | None,
    Parameter(name="--to", converter=_time, n_tokens=1, metavar="T", help=f"{WHERE}. Default: the end."),
]
At = Annotated[
    tuple[float, ...],
    Parameter(name="--at", converter=_times, n_tokens=1, metavar="T,T,...", negative=(), help=f"{WHERE}."),
]
Replace = Annotated[
    bool,
    Parameter(negative=(), help="Delete the original once the new recording is complete and verified."),
]


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
def trim(
    recording: Name,
    *,
    from_: From = None,
    to: To = None,
    replace: Replace = False,
    output: OutputFlags = Output(),
) -> int:
    """Copy a part of a recording, from --from to before --to, as a new recording.

    Frames stay bit-identical; keys, scores and exclusions come along. The original stays, unless --replace is
    given. Training uses the new one in its place.
    """
    from agp_tui.recording import cutting

    if from_ is None and to is None:
        raise SettingError(
            "Expected --from, --to or both, found neither.", "Times are seconds: --from 2 --to 60.5"
        )

    def make(
        sources: "list[Recording]", root: Path, window: int, progress: Callable[[int, int], None]
    ) -> list[Path]:
        return [cutting.trim(sources[0], from_, to, root=root, window=window, progress=progress)]

    return _cut("trim", [recording], {"from": from_, "to": to}, make, replace, output)


@app.command
def split(recording: Name, *, at: At, replace: Replace = False, output: OutputFlags = Output()) -> int:
    """Copy a recording as several new ones, which begin at its first frame and at each time of --at.

    Frames stay bit-identical; keys, scores and exclusions come along. The original stays, unless --replace is
    given. Training uses the new ones in its place.
    """
    from agp_tui.recording import cutting

    def make(
        sources: "list[Recording]", root: Path, window: int, progress: Callable[[int, int], None]
    ) -> list[Path]:
        return cutting.split(sources[0], at, root=root, window=window, progress=progress)

    return _cut("split", [recording], {"at": list(at)}, make, replace, output)


@app.command
def merge(*recordings: Name, replace: Replace = False, output: OutputFlags = Output()) -> int:
    """Copy recordings of a game, with the same keys, rate and view, into one new recording, in this order.

    Frames stay bit-identical; keys, scores and exclusions come along, and windows never reach across a seam.
    The originals stay, unless --replace is given. Training uses the new one in their place.
    """
    from agp_tui.recording import cutting

    def make(
        sources: "list[Recording]", root: Path, _window: int, progress: Callable[[int, int], None]
    ) -> list[Path]:
        return [cutting.merge(sources, root=root, progress=progress)]

    return _cut("merge", list(recordings), {}, make, replace, output)


@app.command
def exclude(
    recording: Name,
    *,
    from_: From = None,
    to: To = None,
    clear: Annotated[
        bool, Parameter(negative=(), help="Learn from it again: from --from to --to, or from everything.")
    ] = False,
    output: OutputFlags = Output(),
) -> int:
    """Leave a stretch of a recording out of training, from --from to before --to; or list what is left out.

    Its frames are still seen as context of the frames after them. Nothing is deleted: --clear undoes it.
    """
    from agp_tui.recording import cutting, exclusions
    from agp_tui.recording.quality_stats import excluded_stretches
    from agp_tui.recording.store import Recording, time_range

    path = _path(recording, output)
    found = Recording.open(path)
    whole = from_ is None and to is None
    if clear or not whole:
        if found.meta.being_written:
            raise RecordingError(f"The recording {path} is being written.", "Stop it first.")
        start = 0 if from_ is None else cutting.frame_at(found, from_, "--from")
        stop = len(found) if to is None else cutting.frame_at(found, to, "--to")
        if start >= stop:
            raise RecordingError(
                "Expected frames between --from and --to, found none.", "Nothing was changed."
            )
        if clear and whole:
            exclusions.write_exclusions(path, ())
        elif clear:
            exclusions.ExclusionEditor(path).include(time_range(found, start, stop))
        else:
            exclusions.ExclusionEditor(path).exclude(time_range(found, start, stop))
    stretches = excluded_stretches(found)
    frames = sum(one.stop - one.start for one in stretches)
    seconds = round(frames / found.meta.fps, 2)
    table = Table(
        title=f"{path.name}: training leaves out {seconds:g} of {found.seconds:.1f} s",
        columns=["from", "to", "first frame", "frames"],
        rows=[
            [clock_text(one.start_seconds), clock_text(one.stop_seconds), one.start, one.stop - one.start]
            for one in stretches
        ],
    )
    report = ExclusionsResult(excluded=stretches, frames=frames, seconds=seconds)
    return print_tables(output, "exclude", table, recording=str(path), report=report)


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
        if to == "pickle" and source.excluded().any():
            job.note("The format has no place for what is excluded from training.", level="warning")
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


CutFunction = Callable[["list[Recording]", Path, int, Callable[[int, int], None]], list[Path]]
"""Makes new recordings from sources: folder, minimum number of frames of each, progress callback."""


def _cut(
    name: str,
    recordings: list[str],
    settings: dict[str, Any],
    make: CutFunction,
    replace: bool,
    output: Output,
) -> int:
    """Run a command that makes new recordings of others; returns the exit code."""
    from agp_tui.recording.library import delete as delete_recording
    from agp_tui.recording.store import Recording

    if not recordings:
        raise SettingError("Expected recordings, found none.", "agp recordings list shows all recordings.")
    loaded = settings_of(output)
    paths = [_path(one, output) for one in recordings]
    sources = [Recording.open(path) for path in paths]

    def body(job: Job) -> Finished:
        window = loaded.config.train.segment
        made = [
            Recording.open(path)
            for path in make(sources, loaded.folder("recordings"), window, _progress(job))
        ]
        replaced = []
        for path in paths if replace else ():
            try:
                delete_recording(path)
                replaced.append(str(path))
            except RecordingError as error:
                job.note(f"{path} stays. {error}", level="warning")
        rows: list[list[str | float | int | None]] = [
            [str(one.path), len(one), round(one.seconds, 2)] for one in made
        ]
        job.emit(Table(title="New recordings", columns=["recording", "frames", "seconds"], rows=rows))
        if not replace:
            job.note("The original stays; training on all recordings of the game uses the new one instead.")
        return Finished(
            job=name,
            recording=str(made[0].path) if len(made) == 1 else None,
            recordings=[str(one.path) for one in made] if len(made) > 1 else None,
            frames=sum(map(len, made)),
            seconds=round(sum(one.seconds for one in made), 3),
            report=CutResult(
                recordings=tuple(
                    CutRecording(
                        path=str(one.path),
                        frames=len(one),
                        seconds=round(one.seconds, 3),
                        excluded=round(float(one.excluded().sum()) / one.meta.fps, 3),
                    )
                    for one in made
                ),
                sources=tuple(map(str, paths)),
                replaced=tuple(replaced),
            ),
        )

    arguments = {"recordings": [str(path) for path in paths], "replace": replace} | settings
    return run_live(output, name, arguments, body)


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
