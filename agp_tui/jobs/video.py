"""The job that records whole games of an agent as videos."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped
from agp_tui.games.atari import FRAMES_PER_SECOND
from agp_tui.protocol.events import Finished, Progress, Table
from agp_tui.protocol.results import Video, VideoResult

TELL_FRAMES = 60
"""It is told how far it is after so many frames."""


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    """What `agp atari video` asks for."""

    checkpoint: Path
    games: int
    folder: Path | None
    """Where to write them; None: `videos` in the run of the checkpoint, or here where it is in none."""
    epsilon: float
    seed: int = 0


def run_video(asked: VideoRequest, job: Job) -> Finished:
    """Record so many games, fewer where it is stopped; a game that is not over leaves nothing.

    The result's `report` has `videos`: for each `path`, `score`, `seconds` and `cut`. Raises `ModelError`
    for a bad checkpoint, `MissingPart` without an encoder, `JobFailed` where the disk has no room or no game
    was recorded.
    """
    import torch

    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.evaluate import SEED
    from agp_tui.atari.video import Filmed, film

    torch.set_num_threads(1)
    kept = load_agent(asked.checkpoint)
    folder = asked.folder or folder_for(asked.checkpoint)
    made: list[Filmed] = []

    def told(frames: int) -> bool:
        if frames % TELL_FRAMES == 0:
            minutes = {"minutes": round(frames / FRAMES_PER_SECOND / 60, 2)}
            job.emit(Progress(done=len(made), total=asked.games, unit="games", metrics=minutes))
        return not job.stopping

    for number in range(asked.games):
        filmed = film(
            kept,
            folder,
            name=f"{_name_of(asked.checkpoint)}_seed_{asked.seed + number}",
            seed=SEED + asked.seed + number,
            epsilon=asked.epsilon,
            told=told,
        )
        if filmed is None:
            break
        made.append(filmed)
    if not made:
        raise JobStopped("Stopped before a whole game was recorded.", "Start it again.")
    rows: list[list[str | float | int | None]] = [
        [str(one.path), one.score, round(one.frames / FRAMES_PER_SECOND / 60, 2)] for one in made
    ]
    job.emit(Table(title=f"Videos of {kept.game}", columns=["file", "score", "minutes"], rows=rows))
    scores = [one.score for one in made]
    videos = [
        Video(
            path=str(one.path),
            score=one.score,
            seconds=round(one.frames / FRAMES_PER_SECOND, 2),
            cut=one.cut,
        )
        for one in made
    ]
    return Finished(
        job="video",
        checkpoint=str(asked.checkpoint),
        frames=sum(one.frames for one in made),
        scores=scores,
        score_mean=round(sum(scores) / len(scores), 3),
        report=VideoResult(videos=videos),
    )


def folder_for(checkpoint: Path) -> Path:
    """`videos` in the run that a checkpoint is of; otherwise `videos` here."""
    folder = checkpoint.parent
    return (folder.parent if folder.name == "checkpoints" else Path()) / "videos"


def _name_of(checkpoint: Path) -> str:
    """A kept agent's name; for a run's checkpoint `best` or `last`."""
    return checkpoint.name.split(".")[0]
