"""The export job: convert the checkpoint of a policy or of an Atari agent to a model that plays."""

from pathlib import Path

from agp_tui.atari.agent_files import find_agent
from agp_tui.config import ExportSettings
from agp_tui.engine.job import Job
from agp_tui.errors import ModelError
from agp_tui.protocol.events import Finished


def run_export(checkpoint: str, settings: ExportSettings, models: Path, runs: Path, job: Job) -> Finished:
    """Export a checkpoint: a file, or an agent by its run or saved name.

    Raises `ModelError` for anything else, `MissingPart` without the converter, `JobFailed` if the conversion
    fails or is stopped.
    """
    path = _resolve(checkpoint, models, runs)
    if _is_agent(path):
        import torch

        from agp_tui.atari.export import export_agent

        torch.set_num_threads(1)
        folder = export_agent(path, settings, models, job, _model_name(path))
    else:
        from agp_tui.imitation.export import export

        folder = export(path, settings, models, job)
    size = (folder / "model.tflite").stat().st_size
    return Finished(job="export", model=str(folder), checkpoint=str(path), bytes=size)


def _resolve(checkpoint: str, models: Path, runs: Path) -> Path:
    path = Path(checkpoint).expanduser()
    if path.is_file():
        return path
    try:
        return find_agent(checkpoint, models, runs)
    except ModelError as error:
        raise ModelError(
            f"Expected a checkpoint at {path}, or an agent of that name, found neither.",
            f"A checkpoint is checkpoints/best.pt of a run, or checkpoint.pt of a model. {error.hint}",
        ) from error


def _is_agent(path: Path) -> bool:
    from agp_tui.atari.checkpoint import load_agent

    try:
        load_agent(path)
    except ModelError:
        return False
    return True


def _model_name(agent: Path) -> str:
    """The name of a saved agent; for a checkpoint of a run, `agent-` and its game."""
    from agp_tui.atari.agent_files import SUFFIX
    from agp_tui.atari.checkpoint import load_agent

    if agent.name.endswith(SUFFIX):
        return agent.name.removesuffix(SUFFIX)
    return f"agent-{load_agent(agent).game.rpartition('/')[2]}"
