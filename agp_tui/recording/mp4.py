"""Writing mp4 videos for sharing: H.264 with 4:2:0 chroma, lossy."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from agp_tui.errors import MissingPart
from agp_tui.games.base import Pixels
from agp_tui.recording.video import Muxer

CODEC = "libx264"
QUALITY = "18"
"""The crf of x264: visually lossless."""


class Mp4Writer:
    """Writes frames of one size; odd sides are padded by one, since 4:2:0 needs even ones.

    `preset` is that of x264: slower ones make smaller files. Not thread-safe.
    """

    def __init__(
        self, path: Path, height: int, width: int, *, fps: int, unit: Fraction, preset: str = "medium"
    ) -> None:
        """`unit` is that of timestamps, in seconds. Raises `MissingPart` without an encoder, `OSError`."""
        if CODEC not in av.codecs_available:
            raise MissingPart(
                f"Expected the H.264 encoder {CODEC}, found a build of PyAV without it.", "pip install av"
            )
        self._unit = unit
        # The index comes first: the file plays before it is downloaded completely.
        options = {"movflags": "faststart"}
        container = av.open(str(path), "w", format="mp4", options=options)
        codec_options = {"crf": QUALITY, "preset": preset}
        stream = cast(VideoStream, container.add_stream(CODEC, rate=fps, options=codec_options))
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        stream.time_base = stream.codec_context.time_base = unit
        self._muxer = Muxer(container, stream)

    def write(self, pixels: Pixels, stamp: int) -> None:
        """Append an RGB frame with the timestamp `stamp`. Raises `OSError` from the disk."""
        # cv2 takes a third of the time of FFmpeg for the same colors (BT.601, limited range).
        planes = np.asarray(cv2.cvtColor(_even(pixels), cv2.COLOR_RGB2YUV_I420), np.uint8)
        frame = VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = stamp, self._unit
        self._muxer.mux(frame)

    def close(self) -> None:
        """Flush the encoder and write the index. May be called twice. Raises `OSError` from the disk."""
        self._muxer.close()


def _even(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return np.ascontiguousarray(pixels)
