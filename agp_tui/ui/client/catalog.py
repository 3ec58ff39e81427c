"""The catalog of the app: recordings, models, runs, games and findings about the machine."""

import asyncio
import time
from typing import Any, Literal, TypeVar, get_args

import msgspec

from agp_tui.engine.runs import Run, RunError
from agp_tui.errors import AgpError
from agp_tui.protocol.events import Result
from agp_tui.protocol.results import AtariGamesResult, DoctorResult, ModelsResult, RecordingsResult
from agp_tui.protocol.summaries import AtariGameSummary, Finding, ModelSummary, RecordingSummary
from agp_tui.ui.client.process import run_command

Part = Literal["recordings", "models", "runs", "findings", "games"]
"""A part that can be refreshed by itself."""


class RunItem(msgspec.Struct, frozen=True):
    """A run and its state."""

    id: str
    job: str
    state: str
    created: float
    game: str = ""


R = TypeVar("R", bound=Result)


class Catalog:
    """The results of the last refresh, as the commands report them."""

    def __init__(self, *words: str) -> None:
        """`words` are flags for every command, such as the settings file to use."""
        self._words = words
        self.recordings: tuple[RecordingSummary, ...] | None = None
        """None until the first refresh has finished."""
        self.models: tuple[ModelSummary, ...] | None = None
        self.findings: tuple[Finding, ...] | None = None
        self.games: tuple[AtariGameSummary, ...] | None = None
        self.runs: tuple[RunItem, ...] = ()
        self._ended: dict[str, tuple[int, RunItem]] = {}
        """By path of an ended run: the modification time of `process.json`, and the run."""
        self.problem = ""
        """The error of the last refresh; empty if it succeeded."""

    async def refresh(self, *parts: Part) -> None:
        """Refresh these parts, or all, concurrently. A part that fails keeps its value."""
        self.problem = ""
        loaders = {
            "recordings": self._load_recordings,
            "models": self._load_models,
            "findings": self._load_findings,
            "games": self._load_games,
        }
        # A group, not gather: after a cancellation it ends only when all its commands have ended.
        async with asyncio.TaskGroup() as group:
            for part in parts or get_args(Part):
                if part in loaders:
                    group.create_task(self._refresh_part(loaders[part]))

    def poll_runs(self, folder: Any) -> None:
        """Read the run folders. Quick enough for the event loop: of ended runs only the dates are read."""
        found = []
        try:
            runs = Run.all(folder)
        except OSError:
            runs = []
        for run in runs:
            try:
                worked = (run.path / "process.json").stat().st_mtime_ns
            except OSError:
                worked = 0
            known = self._ended.get(str(run.path))
            if known is not None and known[0] == worked:
                found.append(known[1])
                continue
            try:
                item = _run_item(run)
            except (RunError, OSError, KeyError, TypeError, ValueError, AttributeError):
                if not run.path.is_dir():
                    continue
                item = RunItem(run.id, "", "damaged", worked / 1e9 or time.time())
            if item.state not in ("running", "waiting"):
                self._ended[str(run.path)] = (worked, item)
            found.append(item)
        self.runs = tuple(reversed(found))

    def recordings_of(self, game: str) -> tuple[RecordingSummary, ...]:
        """This game's, newest first."""
        return tuple(one for one in reversed(self.recordings or ()) if one.game == game)

    def models_of(self, game: str) -> tuple[ModelSummary, ...]:
        """This game's models, newest first, and last those that turned out no better than their origin."""
        found = [one for one in self.models or () if one.game == game]
        return tuple(sorted(found, key=lambda one: (one.no_better_than is not None, -(one.created or 0.0))))

    async def _refresh_part(self, look: Any) -> None:
        try:
            await look()
        except AgpError as error:
            self.problem = str(error)

    async def _ask(self, kind: type[R], *words: str) -> R:
        return (await run_command(*words, *self._words)).result(kind) or kind()

    async def _load_recordings(self) -> None:
        self.recordings = tuple((await self._ask(RecordingsResult, "recordings", "list")).recordings)

    async def _load_models(self) -> None:
        self.models = tuple((await self._ask(ModelsResult, "models", "list")).models)

    async def _load_findings(self) -> None:
        self.findings = tuple((await self._ask(DoctorResult, "doctor")).findings)

    async def _load_games(self) -> None:
        self.games = tuple((await self._ask(AtariGamesResult, "atari", "list")).games)


def _run_item(run: Run) -> RunItem:
    request = run.request
    game = request.get("game") or request.get("settings", {}).get("game") or ""
    created = (run.path / "run.json").stat().st_mtime
    return RunItem(run.id, run.job, run.state(), created, game)
