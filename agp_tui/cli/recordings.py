"""`agp recordings`: what has been recorded."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from agp_tui.cli.flags import OutputFlags
from agp_tui.cli.running import settings_of, show, tell
from agp_tui.config import Output
from agp_tui.engine.events import Finished, Note, Table
from agp_tui.errors import SettingError

app = App(name="recordings", help="Recordings: list, info, check, repair, import, export, delete.")

Name = Annotated[str, Parameter(help="A recording: its folder, GAME/STAMP, or STAMP.")]


@app.command(name="list")
def list_(*, game: str | None = None, output: OutputFlags = Output()) -> int:
    """Every recording with its length, how full it is and how long each key is held.

    Parameters
    ----------
    game
        Only this game's.
    """
    from agp_tui.recording.library import list_recordings, list_table

    found = list_recordings(settings_of(output).folder("recordings"), game)
    return show(output, "recordings", list_table(found), recordings=[str(one.path) for one in found])


@app.command
def info(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Everything that is known of a recording."""
    from agp_tui.recording import library

    path = _path(recording, output)
    return show(output, "recordings", library.info(path), recording=str(path))


@app.command
def check(recording: Name, *, output: OutputFlags = Output()) -> int:
    """Look for what is wrong with a recording: gaps, damaged frames, stuck keys. Exit code 1 if so."""
    from agp_tui.recording import checks

    path = _path(recording, output)
    problems = checks.check(path)
    rows: list[list[str | float | int | None]] = [[problem] for problem in problems or ["nothing is wrong"]]
    show(output, "recordings", Table(title=path.name, columns=["found"], rows=rows), recording=str(path))
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
        How many frames a second it was recorded at.
    """
    from agp_tui.recording.seed_pickle import import_pickle

    root = settings_of(output).folder("recordings")
    done = import_pickle(file, root, game, channels=channels, fps=fps)
    if done.left_out:
        tell(
            output,
            Note(text=f"{done.left_out} at the end had no partner and were left out.", level="warning"),
        )
    tell(output, Finished(job="import", recording=str(done.path), frames=done.frames))
    return 0


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
    from agp_tui.recording.exporting import export_recording
    from agp_tui.recording.store import Recording

    source = Recording.open(_path(recording, output))
    left_out = set(source.meta.keys) - {"up", "left", "right", "down"}
    if to == "pickle" and left_out:
        text = f"The format knows the four arrows only: {', '.join(sorted(left_out))} are left out."
        tell(output, Note(text=text, level="warning"))
    written = export_recording(source, to, target)
    rows: list[list[str | float | int | None]] = [[str(source.path), str(written)]]
    table = Table(title="Exported", columns=["recording", "file"], rows=rows)
    return show(output, "export", table, recording=str(source.path), frames=len(source))


@app.command
def delete(
    recording: Name,
    *,
    yes: Annotated[bool, Parameter(negative=(), help="Do not ask.")] = False,
    output: OutputFlags = Output(),
) -> int:
    """Delete a recording for good. Asks first, or takes --yes."""
    from agp_tui.recording import library

    path = _path(recording, output)
    if not yes:
        if not sys.stdin.isatty():
            raise SettingError("Expected a person to confirm the deletion, found none.", "Add --yes.")
        if input(f"Delete {path}? [y/N] ").strip().lower() not in ("y", "yes"):
            return 130
    library.delete(path)
    return show(output, "delete", recording=str(path))


def _path(recording: str, output: Output) -> Path:
    from agp_tui.recording.library import resolve_recording

    return resolve_recording(settings_of(output).folder("recordings"), recording)
