"""Games of npm packages in Chromium, which reports their states by the DevTools protocol."""

import base64
import contextlib
import fcntl
import hashlib
import os
import queue
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from agp_tui.errors import JobFailed, MissingPart

PAGES = Path(__file__).parent / "pages"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STARTUP_SECONDS = 60.0
ANSWER_SECONDS = 30.0
DOWNLOAD_SECONDS = 120.0
FLAGS = (
    "--remote-debugging-pipe",
    "--window-position=0,0",
    "--force-device-scale-factor=1",
    "--hide-scrollbars",
    "--disable-gpu",
    "--mute-audio",
    "--test-type",  # No bar about missing sandboxes.
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
)


class PageState(msgspec.Struct, frozen=True, kw_only=True):
    """What a page reports at each frame."""

    time: float = 0.0
    """When the report came, by `time.monotonic()`."""
    game: int
    """Number of games that came before, or any other number that grows from game to game."""
    playing: bool
    """Not before the start, and not between the end of a game and the next one."""
    score: float
    """Of this game."""


S = TypeVar("S", bound=PageState)


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry at one version."""

    name: str
    version: str
    integrity: str
    """As the registry reports it: `sha512-`, then the hash of the tarball in Base64."""

    def require(self) -> None:
        """Download the package unless it is here, and check Chromium. Raises `MissingPart`."""
        find_browser()
        self.folder()

    def folder(self) -> Path:
        """The folder with the files of the package, which is downloaded once.

        Raises `MissingPart` without npm, if the download fails, and if the tarball differs from `integrity`.
        """
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "agp-tui", "npm")
        folder = cache / f"{self.name}-{self.version}"
        if not folder.is_dir():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as download:
                tarball = self._download(Path(download))
                with tarfile.open(tarball) as archive:
                    archive.extractall(download, filter="data")
                try:
                    Path(download, "package").rename(folder)
                except OSError:
                    if not folder.is_dir():  # Another process was faster otherwise.
                        raise
        return folder

    def page(self, name: str) -> Path:
        """`pages/NAME` beside the files of the package, for its relative links. Raises as `folder`."""
        return Path(shutil.copy(PAGES / name, self.folder()))

    def _download(self, folder: Path) -> Path:
        wanted = f"{self.name}@{self.version}"
        npm = shutil.which("npm")
        if npm is None:
            raise MissingPart(
                f"Expected npm to download {wanted}, found no such program.", "Run apt-get install npm."
            )
        try:
            process = subprocess.run(
                [npm, "pack", wanted, "--silent"],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=DOWNLOAD_SECONDS,
                check=False,
            )
            found = process.stderr.strip() or process.stdout.strip()
        except subprocess.TimeoutExpired:
            found = f"no answer in {DOWNLOAD_SECONDS:.0f} seconds"
        tarball = next(folder.glob("*.tgz"), None)
        if tarball is None:
            raise MissingPart(
                f"Expected npm to download {wanted}, found: {found or 'no file'}.",
                "Check the connection to the npm registry.",
            )
        digest = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != self.integrity:
            raise MissingPart(
                f"Expected {wanted} with the hash {self.integrity}, found sha512-{digest}.",
                "Check the registry of npm (npm config get registry).",
            )
        return tarball


def find_browser() -> str:
    """The path of Chromium. Raises `MissingPart` without it."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise MissingPart(
            "Expected Chromium for the games in a browser, found no such program.",
            "Run apt-get install chromium.",
        )
    return found


class _Failure(msgspec.Struct):
    message: str


class _Message(msgspec.Struct):
    """An answer (with `id`) or an event (with `method`)."""

    id: int = 0
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    result: dict[str, Any] = {}
    error: _Failure | None = None


class _BindingCalled(msgspec.Struct):
    payload: str


class BrowserGame(Generic[S]):
    """A `RunningGame` in a window of Chromium without a frame, whose page reports states of `kind`.

    `script` in `pages/` runs before the page's own scripts, after `common.js`, which calls its `observeGame`.
    """

    def __init__(
        self, page: Path, script: str, kind: type[S], display: str, seed: int, size: tuple[int, int]
    ) -> None:
        """Open the page, and wait until it reports a game in progress. `size`: width and height in pixels.

        Raises `JobFailed` if there is none within a minute, `MissingPart` without Chromium.
        """
        self._decoder = msgspec.json.Decoder(kind)
        self._newest: S | None = None
        self._finished_games = 0.0
        self._started = threading.Event()
        self._ended = threading.Event()
        self._answers: dict[int, queue.SimpleQueue[_Message | None]] = {}
        self._calls = 0
        self._session = ""
        self._home = tempfile.TemporaryDirectory(prefix="agp-suite-", ignore_cleanup_errors=True)
        self.folder = self._home.name
        """Of its profile, until it is closed."""
        self._log = Path(self._home.name, "log")
        self._process, self._commands, events = self._launch(display, size)
        self._reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()
        try:
            self._open(page, script, seed)
            if not self._started.wait(STARTUP_SECONDS) or self._ended.is_set():
                raise JobFailed(f"Expected {page.name} to report a game in progress, found: {self._found()}")
        except BaseException:
            self.close()
            raise

    def state(self) -> S | None:
        """The newest state. Raises `JobFailed` if the browser has ended."""
        if self._ended.is_set():
            raise JobFailed(f"Expected the browser to go on, found that it ended: {self._found()}")
        return self._newest

    def freeze(self) -> None:
        """Stop the time of the page."""
        self._evaluate("suiteFreeze()")

    def resume(self) -> None:
        """Let the time of the page go on."""
        self._evaluate("suiteResume()")

    def score(self) -> float:
        """The sum of the scores of all games since the start."""
        return self._finished_games + (self._newest.score if self._newest else 0.0)

    def close(self) -> None:
        """Kill the browser with its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        self._commands.close()
        self._home.cleanup()

    def _launch(self, display: str, size: tuple[int, int]) -> tuple["subprocess.Popen[bytes]", Any, Any]:
        """Start Chromium, which reads commands from its descriptor 3 and writes events to 4."""
        command_read, command_write = os.pipe()
        event_read, event_write = os.pipe()
        # Out of the way of 3 and 4, which bash replaces.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (command_read, event_write)]
        os.close(command_read)
        os.close(event_write)
        flags = [*FLAGS, f"--user-data-dir={self._home.name}/profile", f"--window-size={size[0]},{size[1]}"]
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            with self._log.open("wb") as log:
                process = subprocess.Popen(
                    [
                        "bash",
                        "-c",
                        f'exec "$0" "$@" 3<&{ends[0]} 4>&{ends[1]}',
                        find_browser(),
                        *flags,
                        "--app=data:text/html,",
                    ],
                    cwd=self._home.name,
                    env=os.environ | {"DISPLAY": display, "HOME": self._home.name},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=ends,
                    start_new_session=True,
                )
        finally:
            for end in ends:
                os.close(end)
        return process, os.fdopen(command_write, "wb", buffering=0), os.fdopen(event_read, "rb")

    def _open(self, page: Path, script: str, seed: int) -> None:
        target = self._page_target()
        session = self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self._call("Runtime.enable", session)
        self._call("Runtime.addBinding", session, name="reportState")
        self._call("Page.enable", session)
        self._call("Emulation.setFocusEmulationEnabled", session, enabled=True)
        source = "\n".join(
            [f"const SUITE_SEED = {seed};", (PAGES / "common.js").read_text(), (PAGES / script).read_text()]
        )
        self._call("Page.addScriptToEvaluateOnNewDocument", session, source=source)
        self._call("Page.navigate", session, url=page.as_uri())

    def _evaluate(self, expression: str) -> None:
        self._call("Runtime.evaluate", self._session, expression=expression)

    def _page_target(self) -> str:
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline:
            for target in self._call("Target.getTargets")["targetInfos"]:
                if target["type"] == "page":
                    return str(target["targetId"])
            time.sleep(0.05)
        raise JobFailed(f"Expected Chromium to open a window, found: {self._found()}")

    def _call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        self._calls += 1
        number = self._calls
        answer = self._answers[number] = queue.SimpleQueue()
        message = {"id": number, "method": method, "params": params}
        message |= {"sessionId": session} if session else {}
        try:
            self._commands.write(msgspec.json.encode(message) + b"\0")
            found = answer.get(timeout=ANSWER_SECONDS)
        except (OSError, queue.Empty):
            found = None
        finally:
            del self._answers[number]
        if found is None or found.error:
            reason = found.error.message if found and found.error else self._found()
            raise JobFailed(f"Expected Chromium to answer {method}, found: {reason}")
        return found.result

    def _read(self, events: Any) -> None:
        decoder, called = msgspec.json.Decoder(_Message), msgspec.json.Decoder(_BindingCalled)
        rest = b""
        with events:
            while chunk := events.read1(1 << 16):
                *messages, rest = (rest + chunk).split(b"\0")
                for text in messages:
                    message = decoder.decode(text)
                    if message.id in self._answers:
                        self._answers[message.id].put(message)
                    elif message.method == "Runtime.bindingCalled":
                        self._observe(self._decoder.decode(called.decode(message.params).payload))
        self._ended.set()
        self._started.set()
        for answer in list(self._answers.values()):
            answer.put(None)

    def _observe(self, state: S) -> None:
        before = self._newest
        if before and state.game != before.game:
            self._finished_games += before.score
        self._newest = msgspec.structs.replace(state, time=time.monotonic())
        if state.playing:
            self._started.set()

    def _found(self) -> str:
        lines = self._log.read_text(errors="replace").split("\n") if self._log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "no answer")
