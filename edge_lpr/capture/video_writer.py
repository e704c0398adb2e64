"""Write pictures as a video file that browsers and players show: H.264 where the library has an encoder for it."""

from __future__ import annotations

import os
from contextlib import suppress
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
SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts")
"""Of files that all of them can be put into."""


class VideoWriter:
    """A video under way: `with VideoWriter(path, fps) as video: video.write(pixels)`.

    All pictures uint8 RGB (H, W, 3) of one size; an odd last row or column is left out, as the format has none, and a
    single one is doubled. `fps` may be changed until the first picture. The file is a draft beside `path` until it is
    closed; without a picture there will be none. Raises BackendUnavailable without PyAV or an encoder, CameraError when
    the file cannot be written.
    """

    def __init__(self, path: Path, fps: float) -> None:
        self.fps = fps
        self._path = path
        self._count = 0
        self._stream: av.VideoStream | None = None
        try:
            import av
        except ImportError as error:
            raise BackendUnavailable("videos need PyAV: pip install 'edge_lpr[cpu]'") from error
        self._av = av
        self._encoder, self._options = next(((n, o) for n, o in ENCODERS if self._has(n)), ("", {}))
        if not self._encoder:
            raise BackendUnavailable(f"PyAV has none of the encoders {', '.join(n for n, _ in ENCODERS)}")
        if path.is_dir():
            raise CameraError(f"{path}: the video cannot be written: this is a folder")
        if path.suffix.lower() not in SUFFIXES:
            raise CameraError(f"{path}: the video cannot be written: its name must end in {', '.join(SUFFIXES)}")
        self._draft = path.with_name(f"{path.stem}.draft{path.suffix}")
        try:
            self._draft.touch()  # PyAV opens the file only with the first picture
            self._file = av.open(str(self._draft), "w")
        except (OSError, ValueError) as error:
            raise self._failure(error) from error

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def write(self, pixels: Pixels) -> None:
        """Add one picture."""
        for axis in (0, 1):
            if pixels.shape[axis] == 1:
                pixels = pixels.repeat(2, axis)
        pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        if self._stream is None:
            self._stream = self._begin(pixels.shape[1], pixels.shape[0])
        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._count += 1
        self._mux(frame)

    def close(self) -> None:
        """Finish the file, in place of one that was there before."""
        try:
            if self._stream is not None:
                self._mux(None)
                self._file.close()
                os.replace(self._draft, self._path)
        except OSError as error:
            raise self._failure(error) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave no file, unless it is finished already."""
        self._stream = None
        with suppress(OSError, self._av.FFmpegError):
            self._file.close()
        self._draft.unlink(missing_ok=True)

    def _begin(self, width: int, height: int) -> av.VideoStream:
        self._rate = Fraction(self.fps).limit_denominator(1000)
        stream = self._file.add_stream(self._encoder, rate=self._rate, options=dict(self._options))
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
        except (OSError, self._av.FFmpegError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> CameraError:
        return CameraError(f"{self._path}: the video cannot be written: {getattr(error, 'strerror', None) or error}")
