"""`frames.mkv` of a recording: lossless frames in Matroska, of which a crash loses only the last one.

Timestamps are in ms since the first frame.
"""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from agp_tui.errors import RecordingError
from agp_tui.games.base import Pixels


class Muxer:
    """Writes the packets of a video file. Not thread-safe."""

    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        """`stream` is the only one of the file, with its options set."""
        self._container, self._stream = container, stream
        self._open = True

    def mux(self, frame: VideoFrame | None, duration: int | None = None) -> None:
        """Write a frame, or flush the encoder with None; `duration` is in units of the stream.

        Raises `OSError` from the disk.
        """
        try:
            for packet in self._stream.encode(frame):
                if duration is not None:
                    packet.duration = duration
                self._container.mux(packet)
        except av.FFmpegError as error:
            raise OSError(error.errno, error.strerror) from error

    def close(self, duration: int | None = None) -> None:
        """Flush the encoder and write the index. May be called twice. Raises `OSError` from the disk."""
        if not self._open:
            return
        self._open = False
        try:
            self.mux(None, duration)
        finally:
            try:
                self._container.close()
            except av.FFmpegError as error:
                raise OSError(error.errno, error.strerror) from error


FILE_NAME = "frames.mkv"
MILLISECOND = Fraction(1, 1000)

SMALL = 512 * 512
"""Frames of up to this many pixels are stored as FFV1, larger ones as lossless x264.

Measured at 1280x720 on one core: FFV1 takes 52 ms of CPU per frame with any slices and threads, too slow
for 20 fps; x264 (RGB, ultrafast, a key frame every 30 frames) takes 10 ms and a tenth of the size for
scrolling images. Small frames stay FFV1 (3 to 4 ms at 256x256): each is a key frame, so damage affects one
frame only, and seeking is exact.
"""

FFV1 = "ffv1"
X264 = "libx264rgb"
CODEC_OPTIONS = {
    # Few slices, since each one adapts its statistics anew. Checksums detect damage.
    FFV1: {"level": "3", "slices": "4", "slicecrc": "1", "g": "1"},
    # zerolatency: the encoder does not delay frames.
    X264: {"preset": "ultrafast", "qp": "0", "g": "30", "tune": "zerolatency"},
}

NEAR_MS = 1000
"""A reader decodes forward up to this distance and seeks beyond it. x264 has a key frame every 30 frames."""

MUXER_OPTIONS = {"flush_packets": "1", "cluster_time_limit": "1"}
"""Each frame is a cluster, which reaches the operating system when the next one begins.

Measured by killing the writer: 1 frame is lost with both options, 4 to 36 with flush_packets alone, 16 to
all with neither. `live` makes no difference and omits the index needed for seeking.
"""


def codec_for(height: int, width: int, wanted: str = "") -> str:
    """The codec for a frame size, or the `wanted` one; FFV1 if this FFmpeg lacks it."""
    codec = wanted if wanted in CODEC_OPTIONS else X264 if height * width > SMALL else FFV1
    return codec if codec in av.codecs_available else FFV1


class VideoWriter:
    """Writes frames of one size with their timestamps. Not thread-safe."""

    def __init__(self, path: Path, height: int, width: int, fps: int, codec: str) -> None:
        # Created first: FFmpeg would make it readable by everyone.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        self._shape = (height, width, 3)
        self._period_ms = max(1, round(1000 / fps))
        container = av.open(str(path), "w", format="matroska", options=MUXER_OPTIONS)
        stream = cast(VideoStream, container.add_stream(codec, rate=fps, options=CODEC_OPTIONS[codec]))
        stream.width, stream.height, stream.pix_fmt = width, height, "bgr0"
        stream.time_base = stream.codec_context.time_base = MILLISECOND
        # Threads do not pay off for small frames; x264 uses all cores for large ones.
        stream.codec_context.thread_count = 1 if codec == FFV1 else 0
        self._muxer = Muxer(container, stream)

    def write(self, pixels: Pixels, stamp_ms: int) -> None:
        """Append a frame. Raises `ValueError` if it does not fit the video, `OSError` from the disk."""
        if pixels.shape != self._shape or pixels.dtype != np.uint8:
            raise ValueError(f"expected a frame {self._shape} uint8, found {pixels.shape} {pixels.dtype}")
        frame = VideoFrame(self._shape[1], self._shape[0], "bgr0")
        cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA, dst=_packed(frame))
        frame.pts, frame.time_base = stamp_ms, MILLISECOND
        self._muxer.mux(frame, self._period_ms)

    def close(self) -> None:
        """Write what is waiting, the index and the duration. May be called twice. `OSError` from the disk."""
        self._muxer.close(self._period_ms)


def _packed(frame: VideoFrame) -> Any:
    """The pixels of a bgr0 frame as a writable array (height, width, 4)."""
    plane = frame.planes[0]
    rows = np.frombuffer(plane, np.uint8).reshape(frame.height, plane.line_size)  # type: ignore[call-overload]
    return np.lib.stride_tricks.as_strided(
        rows, (frame.height, frame.width, 4), (plane.line_size, 4, 1), writeable=True
    )


def stamps(path: Path) -> list[int]:
    """The timestamps of the complete frames in the file, without decoding them."""
    found: list[int] = []
    with _container(path) as (container, stream), contextlib.suppress(av.FFmpegError):
        for packet in container.demux(stream):
            if packet.pts is not None and packet.size:
                found.append(packet.pts)
    return found


def size(path: Path) -> tuple[int, int]:
    """Height and width of the frames. Raises `RecordingError` if there is no video."""
    with _container(path) as (_, stream):
        return stream.codec_context.height, stream.codec_context.width


def read_frames(path: Path, shape: tuple[int, int], wanted_ms: list[int]) -> Iterator[Pixels]:
    """The frames with these consecutive timestamps, RGB, shape (*shape, 3).

    Raises `RecordingError` at a frame that is missing, damaged or of another size.
    """
    if not wanted_ms:
        return
    missing = iter(wanted_ms)
    expected = next(missing)
    try:
        for stamp, pixels in _decoded(path, shape, expected):
            if stamp < expected:
                continue
            if stamp > expected:
                break
            yield pixels
            following = next(missing, None)
            if following is None:
                return
            expected = following
    except av.FFmpegError as error:
        raise _damaged(path, f"a damaged one ({error.strerror})") from error
    raise _damaged(path, f"none at {expected} ms")


def salvage_frames(path: Path, shape: tuple[int, int]) -> Iterator[tuple[int, Pixels]]:
    """Every frame that decodes, with its timestamp.

    Raises `RecordingError` if there is no video at all.
    """
    with contextlib.suppress(av.FFmpegError):
        yield from _decoded(path, shape, 0, skip_damaged=True)


class FrameReader:
    """Random access to the frames of an open video by timestamp; fast forwards, a seek otherwise.

    With FFV1, skipped frames are not decoded. Not thread-safe.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        """Raises `RecordingError` if there is no video with frames of that (height, width)."""
        self._path = path
        self._shape = shape
        self._opened = contextlib.ExitStack()
        self._container, self._stream = self._opened.enter_context(_container(path))
        found = self._stream.codec_context.height, self._stream.codec_context.width
        if found != shape:
            self.close()
            raise _damaged(path, f"{found[1]}x{found[0]} ones", f"{shape[1]}x{shape[0]} ")
        self._key_frames_only = self._stream.codec_context.name == FFV1
        self._frames: Iterator[VideoFrame] = iter(())
        self._at: int | None = None
        self._wanted = 0

    def frame_at(self, stamp_ms: int) -> Pixels:
        """RGB, shape (*shape, 3). Raises `RecordingError` if it is not there or damaged."""
        self._wanted = stamp_ms
        try:
            if self._at is None or not 0 < stamp_ms - self._at <= NEAR_MS:
                self._container.seek(max(0, stamp_ms), stream=self._stream)
                self._frames = self._decoded()
            frame = next((one for one in self._frames if one.pts is not None and one.pts >= stamp_ms), None)
        except av.FFmpegError as error:
            self._at = None
            raise _damaged(self._path, f"a damaged one ({error.strerror})") from error
        self._at = frame.pts if frame is not None else None
        if frame is None or frame.pts != stamp_ms or (frame.height, frame.width) != self._shape:
            raise _damaged(self._path, f"none at {stamp_ms} ms")
        return _rgb(frame)

    def close(self) -> None:
        """May be called twice."""
        self._opened.close()

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._container.demux(self._stream):
            if self._key_frames_only and packet.pts is not None and packet.pts < self._wanted:
                continue
            yield from packet.decode()


def _decoded(
    path: Path, shape: tuple[int, int], start_ms: int, *, skip_damaged: bool = False
) -> Iterator[tuple[int, Pixels]]:
    """Frames in order with their timestamps, from the key frame at or before `start_ms` on."""
    with _container(path) as (container, stream):
        found = stream.codec_context.height, stream.codec_context.width
        if found != shape:
            raise _damaged(path, f"{found[1]}x{found[0]} ones", f"{shape[1]}x{shape[0]} ")
        if start_ms > 0:
            container.seek(start_ms, stream=stream)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if skip_damaged:
                    continue
                raise
            for frame in frames:
                if frame.pts is None:
                    continue
                if (frame.height, frame.width) != shape:
                    raise _damaged(path, f"a {frame.width}x{frame.height} one", f"{shape[1]}x{shape[0]} ")
                yield frame.pts, _rgb(frame)


def _rgb(frame: VideoFrame) -> Pixels:
    if frame.format.name == "bgr0":
        return cv2.cvtColor(_packed(frame), cv2.COLOR_BGRA2RGB)  # type: ignore[no-any-return]
    return frame.to_ndarray(format="rgb24")  # type: ignore[return-value]


@contextlib.contextmanager
def _container(path: Path) -> Iterator[tuple[Any, Any]]:
    try:
        container = av.open(str(path), format="matroska", metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise _damaged(path, f"no video ({error.strerror})") from error
    with container:
        if not container.streams.video:
            raise _damaged(path, "none")
        stream = container.streams.video[0]
        if stream.time_base != MILLISECOND:
            raise _damaged(path, f"time stamps in units of {stream.time_base} s", "time stamps in ms for ")
        yield container, stream


def _damaged(path: Path, found: str, wanted: str = "") -> RecordingError:
    return RecordingError(
        f"Expected {wanted}frames in {path}, found {found}.",
        f"agp recordings repair {path.parent} keeps the intact frames.",
    )
