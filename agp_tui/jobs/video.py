"""The job `video`: records whole episodes of an agent."""

from dataclasses import dataclass
from pathlib import Path

from agp_tui.engine.job import Job
from agp_tui.errors import JobStopped
from agp_tui.games.atari import FRAMES_PER_SECOND
from agp_tui.protocol.events import Finished, Progress, Table
from agp_tui.protocol.results import Video, VideoResult

REPORT_FRAMES = 60
"""Frames between progress reports."""


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    """Request of `agp atari video`."""

    checkpoint: Path
    games: int
    folder: Path | None
    """Folder of the videos; None: `videos` in the run of the checkpoint, or in the working directory."""
    epsilon: float
    seed: int = 0


def run_video(request: VideoRequest, job: Job) -> Finished:
    """Record `games` episodes, fewer if stopped; an unfinished episode leaves no file.

    Raises `ModelError` for a bad checkpoint, `MissingPart` without an encoder, `JobFailed` if the disk is
    full, `JobStopped` if it was stopped before an episode was recorded.
    """
    import torch

    from agp_tui.atari.checkpoint import load_agent
    from agp_tui.atari.evaluate import EVAL_SEED
    from agp_tui.atari.video import EpisodeVideo, record_episode

    torch.set_num_threads(1)
    checkpoint = load_agent(request.checkpoint)
    folder = request.folder or default_video_folder(request.checkpoint)
    recorded: list[EpisodeVideo] = []

    def report(frames: int) -> bool:
        if frames % REPORT_FRAMES == 0:
            minutes = {"minutes": round(frames / FRAMES_PER_SECOND / 60, 2)}
            job.emit(Progress(done=len(recorded), total=request.games, unit="games", metrics=minutes))
        return not job.stopping

    for number in range(request.games):
        video = record_episode(
            checkpoint,
            folder,
            name=f"{_checkpoint_name(request.checkpoint)}_seed_{request.seed + number}",
            seed=EVAL_SEED + request.seed + number,
            epsilon=request.epsilon,
            on_progress=report,
        )
        if video is None:
            break
        recorded.append(video)
    if not recorded:
        raise JobStopped("Stopped before a whole game was recorded.", "Start it again.")
    rows: list[list[str | float | int | None]] = [
        [str(one.path), one.score, round(one.frames / FRAMES_PER_SECOND / 60, 2)] for one in recorded
    ]
    job.emit(Table(title=f"Videos of {checkpoint.game}", columns=["file", "score", "minutes"], rows=rows))
    scores = [one.score for one in recorded]
    videos = [
        Video(
            path=str(one.path),
            score=one.score,
            seconds=round(one.frames / FRAMES_PER_SECOND, 2),
            cut=one.truncated,
        )
        for one in recorded
    ]
    return Finished(
        job="video",
        checkpoint=str(request.checkpoint),
        frames=sum(one.frames for one in recorded),
        scores=scores,
        score_mean=round(sum(scores) / len(scores), 3),
        report=VideoResult(videos=videos),
    )


def default_video_folder(checkpoint: Path) -> Path:
    """`videos` in the run of a checkpoint; otherwise in the working directory."""
    folder = checkpoint.parent
    return (folder.parent if folder.name == "checkpoints" else Path()) / "videos"


def _checkpoint_name(checkpoint: Path) -> str:
    """The name of a saved agent; `best` or `last` for the checkpoint of a run."""
    return checkpoint.name.split(".")[0]
