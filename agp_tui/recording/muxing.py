"""Frames into a video file: encoded, muxed, closed once, FFmpeg's errors told as the system's."""

import av
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream


class Muxer:
    """A video file that is being written. Not for several threads."""

    def __init__(self, container: OutputContainer, stream: VideoStream) -> None:
        """`stream` is the file's only one, its options set."""
        self._container, self._stream = container, stream
        self._open = True

    def mux(self, frame: VideoFrame | None, duration: int | None = None) -> None:
        """Write a frame, or with None what the encoder holds back; `duration` in units of the stream.

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
        """Write what is waiting and the index. May be called twice. Raises `OSError` from the disk."""
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
