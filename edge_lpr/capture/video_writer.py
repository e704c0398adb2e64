"""Write pictures as a video file that browsers and players show: H.264 where the library has an encoder for it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from edge_lpr.errors import BackendUnavailable, CameraError
from edge_lpr.records import Pixels

if TYPE_CHECKING:
    import av

ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("libx264", {"preset": "veryfast", "crf": "24"}),
    ("libopenh264", {"b": "6000000"}),
    ("mpeg4", {"qmin": "2", "qmax": "6"}),
)
"""Tried in this order; builds of PyAV differ in what they bring."""


class VideoWriter:
    """A video under way: `with VideoWriter(path, fps) as video: video.write(pixels)`.

    All pictures uint8 RGB (H, W, 3) of one size; an odd last row or column is left out, as the format has none.
    Raises BackendUnavailable without PyAV or an encoder, CameraError when the file cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self._path = path
        self._rate = Fraction(fps).limit_denominator(1000)
        self._count = 0
        self._stream: av.VideoStream | None = None
        try:
            import av
        except ImportError as error:
            raise BackendUnavailable("videos need PyAV: pip install 'edge_lpr[cpu]'") from error
        self._av = av
        try:
            path.touch()  # PyAV opens the file only with the first picture
            self._file = av.open(str(path), "w")
        except (OSError, ValueError) as error:
            raise CameraError(f"{path}: the video cannot be written: {error}") from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def write(self, pixels: Pixels) -> None:
        """Add one picture."""
        pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        if self._stream is None:
            self._stream = self._begin(pixels.shape[1], pixels.shape[0])
        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._mux(frame)

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._mux(None)
            self._stream = None
        self._file.close()

    def _begin(self, width: int, height: int) -> av.VideoStream:
        name, options = next(((n, o) for n, o in ENCODERS if self._has(n)), ("", {}))
        if not name:
            raise BackendUnavailable(f"PyAV has none of the encoders {', '.join(n for n, _ in ENCODERS)}")
        stream = self._file.add_stream(name, rate=self._rate, options=options)
        assert isinstance(stream, self._av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = 1 / self._rate
        return stream

    def _has(self, name: str) -> bool:
        try:
            self._av.codec.Codec(name, "w")
        except (ValueError, self._av.FFmpegError):
            return False
        return True

    def _mux(self, frame: av.VideoFrame | None) -> None:
        assert self._stream is not None
        try:
            for packet in self._stream.encode(frame):
                self._file.mux(packet)
        except OSError as error:
            raise CameraError(f"{self._path}: the video cannot be written: {error}") from error
