"""The portable source: USB cameras (V4L2), RTSP and other streams, video files, through FFmpeg by PyAV."""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av
import av.error
import numpy as np

from edge_lpr.capture.clock import StreamAge
from edge_lpr.capture.source import CameraRefused, CameraSpec, EndOfStream, Picture, file_path, without_secrets
from edge_lpr.capture.thinning import Thinning
from edge_lpr.errors import CameraError
from edge_lpr.records import Pixels

DAMAGED_LIMIT = 300
"""So many damaged packets in a row, and a stream is given up: at 15 a second, 20 seconds."""
UNKNOWN_RATE_FPS = 25.0
STALE_S = 1.0
"""An older frame of a live stream is passed over, unconverted: so the reader catches up with what was queued."""
BEHIND_LIMIT_S = 5.0
"""A reader so far behind does not catch up; the stream is opened again."""

_REFUSED = (
    av.error.PermissionError,
    av.error.HTTPUnauthorizedError,
    av.error.HTTPForbiddenError,
    av.error.ProtocolNotFoundError,
    av.error.DemuxerNotFoundError,
    av.error.DecoderNotFoundError,
    av.error.OptionNotFoundError,
)
_STREAM_OPTIONS = {"fflags": "nobuffer", "flags": "low_delay", "fpsprobesize": "0", "analyzeduration": "2000000"}
"""Newest first: nothing buffered while probing is played, and probing is short (microseconds), its rate not needed."""
_DEVICE = re.compile(r"^(v4l2:(//)?)?(?=/dev/)", re.IGNORECASE)


class PyavSource:
    """See FrameSource. Sound is passed over; the first video track is taken and turned upright by its display matrix.

    Damaged packets are passed over, as a camera's stream has them now and then.
    """

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._container: Any = None
        self._frames: Iterator[Any] | None = None

    def open(self) -> None:
        self.close()
        address, file_format, options = self._address()
        timeout_s, began_s = self._spec.retry.open_timeout_s, time.monotonic()
        timeout = (timeout_s, self._spec.retry.stall_s) if self._spec.live else None
        try:
            self._container = av.open(address, format=file_format, options=options, timeout=timeout)
            if not self._container.streams.video:
                raise CameraRefused("it has no video track")
            stream = self._container.streams.video[0]
            stream.codec_context.thread_count = 1  # frame threads would hold frames back, and each costs memory
            self._period_s = 1.0 / float(stream.average_rate or stream.guessed_rate or UNKNOWN_RATE_FPS)
            self._frames = self._decoded(stream)
        except (CameraError, av.error.FFmpegError, OSError, ValueError) as error:
            self.close()
            is_late = self._spec.live and time.monotonic() - began_s >= timeout_s
            raise self._translated(error, is_opening=True, is_late=is_late) from error
        self._age, self._waited = StreamAge(), False
        self._first_s: float | None = None
        self._last_s = -1.0
        self._thinning = Thinning(self._spec.fps)  # before the costly conversion to RGB

    def next(self, timeout_s: float) -> Picture | None:
        if self._frames is None:
            raise CameraError("the source is not open")
        passed_over = 0
        try:
            for frame in self._frames:
                pts_s = self._pts(frame)
                age_s = self._age_of(pts_s)
                if age_s > STALE_S:
                    passed_over += 1
                elif self._thinning.keeps(pts_s):
                    return Picture(self._upright(frame), pts_s, age_s, passed_over)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise self._translated(error) from error
        raise EndOfStream("the stream is over")

    def close(self) -> None:
        container, self._container, self._frames = self._container, None, None
        if container is not None:
            with suppress(av.error.FFmpegError, OSError):
                container.close()

    def _address(self) -> tuple[str, str | None, dict[str, str]]:
        """What FFmpeg shall open, as which format, with which options."""
        spec = self._spec
        if _DEVICE.match(spec.uri):
            options = {"input_format": spec.input_format, "framerate": f"{spec.fps:g}" if spec.fps else ""}
            options["video_size"] = f"{spec.width}x{spec.height}" if spec.width and spec.height else ""
            # A link of /dev/v4l/by-id is followed at each opening: a camera plugged in again may have a new number.
            device = os.path.realpath(_DEVICE.sub("", spec.uri))
            return device, "v4l2", {key: value for key, value in options.items() if value}
        if not spec.live:
            return str(file_path(spec.uri)), None, {}
        options = dict(_STREAM_OPTIONS)
        if spec.uri.lower().startswith(("rtsp:", "rtsps:")):
            options["rtsp_transport"] = "tcp"
        return spec.uri, None, options

    def _decoded(self, stream: Any) -> Iterator[Any]:
        """Decoded frames of `stream`; damaged packets are passed over."""
        damaged = 0
        for packet in self._noting_waits(self._container.demux(stream)):
            try:
                frames = packet.decode()
            except av.error.EOFError:
                return
            except av.error.InvalidDataError:
                damaged += 1
                if damaged >= DAMAGED_LIMIT:
                    raise
                continue
            if frames:
                damaged = 0
            yield from frames

    def _noting_waits(self, packets: Iterator[Any]) -> Iterator[Any]:
        """`packets`, setting `_waited` when one was waited for: the thread slept of its own will, which a busy machine
        that only took the processor away does not count as."""
        while True:
            sleeps, start_s = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw, time.monotonic()
            packet = next(packets, None)
            if packet is None:
                return
            if time.monotonic() - start_s > 0.001 and resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw > sleeps:
                self._waited = True
            yield packet

    def _age_of(self, pts_s: float) -> float:
        """How old the frame just decoded is. Raises CameraError when the reader is hopelessly behind its stream."""
        if not self._spec.live:
            return 0.0
        age_s = self._age.age_s(pts_s, time.monotonic(), self._waited)
        self._waited = False
        if age_s > BEHIND_LIMIT_S:
            raise CameraError(f"{self._spec.public_uri}: decoding is {age_s:.0f} s behind: ask for less of the camera")
        return age_s

    def _pts(self, frame: Any) -> float:
        """Seconds since the first frame; a missing time, or one that runs backwards, is one period after the last."""
        time_s = frame.time
        if self._first_s is None:
            self._first_s = time_s if time_s is not None else 0.0
        pts_s = float(time_s) - self._first_s if time_s is not None else -1.0
        if pts_s <= self._last_s:
            pts_s = self._last_s + self._period_s
        self._last_s = max(pts_s, 0.0)
        return self._last_s

    def _upright(self, frame: Any) -> Pixels:
        """RGB of at most the wanted size, turned by the display matrix; a view of FFmpeg's memory where it can be."""
        turns = round(getattr(frame, "rotation", 0) / 90) % 4
        width, height = _fit(frame.width, frame.height, self._spec, turned=turns % 2 == 1)
        picture = frame.reformat(width=width, height=height, format="rgb24")
        plane = picture.planes[0]
        pixels: Pixels = np.ndarray((height, width, 3), np.uint8, buffer=plane, strides=(plane.line_size, 3, 1))
        return np.rot90(pixels, turns) if turns else pixels

    def _translated(self, error: Exception, is_opening: bool = False, is_late: bool = False) -> CameraError:
        if isinstance(error, CameraError):
            return type(error)(f"{self._spec.public_uri}: {error}")
        kind = CameraRefused if isinstance(error, _REFUSED) else CameraError
        cause = getattr(error, "strerror", "") or str(error)  # str() has the address once more
        if isinstance(error, av.error.ExitError) or (is_late and kind is CameraError):
            # FFmpeg gave up when it was told to, and says whatever came of that.
            limit_s = self._spec.retry.open_timeout_s if is_opening else self._spec.retry.stall_s
            cause = f"nothing came for {limit_s:g} s"
        return kind(without_secrets(f"{self._spec.uri}: {'cannot be opened' if is_opening else 'failed'}: {cause}"))


def _fit(width: int, height: int, spec: CameraSpec, turned: bool) -> tuple[int, int]:
    """The size into which a picture is scaled, its proportions kept: never enlarged, at most the spec's size."""
    if not (spec.width and spec.height):
        return width, height
    most_w, most_h = (spec.height, spec.width) if turned else (spec.width, spec.height)
    scale = min(most_w / width, most_h / height, 1.0)
    return max(round(width * scale), 1), max(round(height * scale), 1)
