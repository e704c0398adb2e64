"""A camera in a process of its own: whatever a driver or decoder does, the gate goes on.

Nobody watches in the background: the calls of `CameraProcess.latest` drive everything, each for at most its timeout.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from edge_lpr.capture.clock import Clock, SystemClock
from edge_lpr.capture.link import ChildLink
from edge_lpr.capture.reconnect import delay_s, start_limit_s
from edge_lpr.capture.ring import EXIT_REPLACE, WAIT_SLICE_S, CaptureStatus, FrameHead, Order
from edge_lpr.capture.source import CameraSpec
from edge_lpr.errors import CameraError
from edge_lpr.records import Frame, Pixels

log = logging.getLogger(__name__)


class CameraState(str, Enum):
    """`degraded`: no frames now, being mended; `ended`: a file is over (or cannot be read: see last_error)."""

    OK = "ok"
    DEGRADED = "degraded"
    ENDED = "ended"


@dataclass(frozen=True)
class CameraHealth:
    """How a camera does. `age_s` seconds since its newest frame, since the start when there was none; `frames` taken,
    `dropped` overtaken by newer ones; `reopenings` of the source; `replaced` processes; `last_error` '' when none, and
    of a file that has ended, why it could not be read to its end."""

    state: CameraState
    age_s: float
    frames: int
    dropped: int
    reopenings: int
    replaced: int
    last_error: str


class CameraProcess:
    """One camera of `spec`, isolated. `start`, `latest` and `stop` from one thread, `health` from any.

    Frame times: of a live camera and in 'real' pace, the moment of capture by `clock`; in 'fast' pace the time in the
    file, added to that of the start.
    """

    def __init__(self, spec: CameraSpec, clock: Clock | None = None) -> None:
        self.spec = spec
        self._clock = clock if clock is not None else SystemClock()
        self._lock = threading.Lock()
        self._link: ChildLink | None = None
        self._started = self._ended = self._failing = False
        self._started_s = self._respawn_s = 0.0
        self._next_index = self._attempt = self._slow_starts = 0
        self._frames = self._dropped = self._openings = self._replaced = 0
        self._newest_s = 0.0
        self._link_dropped = 0
        self._last_error = ""

    def start(self) -> None:
        """Start the capture process and return at once. A camera that cannot be opened is told by `health`."""
        if self._started:
            raise CameraError(f"camera {self.spec.name}: is started already")
        self._started, self._started_s = True, time.monotonic()
        self._epoch_s, self._epoch_wall = self._clock.monotonic_s(), self._clock.wall_time()
        self._spawn()

    def latest(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet ('fast' pace: the next); None when none came in `timeout_s`.

        Returns at once when the camera has ended. Never raises for what the camera does.
        """
        until_s = time.monotonic() + timeout_s
        while self._started and not self._ended:
            frame = self._step(min(until_s - time.monotonic(), WAIT_SLICE_S))
            if frame is not None or time.monotonic() >= until_s:
                return frame
        return None

    def health(self) -> CameraHealth:
        """How it does now."""
        with self._lock:
            status = self._link.status() if self._link else CaptureStatus()
            newest_s = max(self._newest_s, status.newest_s)
            age_s = time.monotonic() - (newest_s or self._started_s)
            error = status.error if self._link and status.error else self._last_error
            ill = self._failing or bool(status.error) or (self.spec.live and age_s > self.spec.retry.stall_s)
            state = CameraState.DEGRADED if ill else CameraState.OK
            return CameraHealth(
                state=CameraState.ENDED if self._ended else state,
                age_s=age_s,
                frames=self._frames,
                dropped=self._dropped + max(status.dropped, self._link_dropped),
                reopenings=max(self._openings + status.openings - 1, 0),
                replaced=self._replaced,
                last_error=error,
            )

    def stop(self, timeout_s: float = 2.5) -> None:
        """Let the source close and end the process, by force when it takes longer than `timeout_s`."""
        link, until_s = self._link, time.monotonic() + timeout_s
        while link is not None and not link.end() and time.monotonic() < until_s:
            time.sleep(0.01)
        self._drop_link()
        self._ended = True

    def __enter__(self) -> CameraProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The capture process's id, 0 when none runs."""
        return self._link.pid if self._link else 0

    def _step(self, wait_s: float) -> Frame | None:
        """Wait for a frame, or do one thing towards having one again."""
        link = self._link
        if link is None:
            left_s = self._respawn_s - time.monotonic()
            if left_s > 0:
                time.sleep(max(min(left_s, wait_s), 0.0))
            else:
                self._spawn()
            return None
        gone = link.exit_code() is not None  # asked before the frame is: what it left in the ring is taken first
        try:
            taken = link.take(wait_s)
        except CameraError as error:
            taken = None
            self._fail(str(error), link.status())
            link.end()
        if taken is not None:
            return self._frame(*taken)
        if gone or (link.ending and link.end()):
            self._bury(link)
        elif not link.ending and link.hangs():
            self._fail("the capture process hangs", link.status())
            link.end()
        else:
            self._listen(link.status())
        return None

    def _spawn(self) -> None:
        try:
            order = Order(self.spec, self._next_index, self._attempt)
            link = ChildLink(order, start_limit_s(self._slow_starts))
        except (OSError, CameraError) as error:  # no memory, no file descriptors: another time
            self._attempt += 1
            self._wait_to_respawn(True)
            self._fail(str(error), CaptureStatus())
            return
        with self._lock:
            self._link = link

    def _bury(self, link: ChildLink) -> None:
        """The process is gone: the file is over, or it will be replaced."""
        status, code = link.status(), link.exit_code()
        if status.phase == "ended" and code == 0:
            self._last_error = status.error
            if status.error:
                log.warning("camera %s: %s", self.spec.name, status.error)
            self._drop_link()
            self._ended = True
            return
        asked = code == EXIT_REPLACE
        self._attempt = status.attempt + (0 if asked else 1)
        self._slow_starts = self._slow_starts + 1 if status.phase == "starting" and link.ending else 0
        # Of one that was ended here, the reason stands already: that a signal ended it says nothing.
        self._fail((not link.ending and link.exit_text()) or status.error or self._last_error, status)
        self._drop_link()
        self._replaced += 1
        self._wait_to_respawn(status.fixable)

    def _wait_to_respawn(self, fixable: bool) -> None:
        wait_s = delay_s(self._attempt, fixable, self.spec.retry, random.random())
        self._respawn_s = time.monotonic() + wait_s

    def _drop_link(self) -> None:
        with self._lock:
            link, self._link = self._link, None
            if link is not None:
                status = link.status()
                self._dropped += max(status.dropped, self._link_dropped)
                self._link_dropped = 0
                self._openings += status.openings
                link.close()

    def _listen(self, status: CaptureStatus) -> None:
        if status.error and status.error != self._last_error:
            self._fail(status.error, status)

    def _fail(self, error: str, status: CaptureStatus) -> None:
        """Note a failure. One warning at the first; what follows until frames come again is for debugging."""
        level = logging.DEBUG if self._failing else logging.WARNING
        log.log(level, "camera %s: %s (attempt %d)", self.spec.name, error, max(status.attempt, self._attempt))
        self._failing, self._last_error = True, error

    def _frame(self, head: FrameHead, pixels: Pixels) -> Frame:
        if self._failing:
            log.info("camera %s: frames again", self.spec.name)
        self._failing = False
        self._frames += 1
        self._next_index, self._newest_s, self._link_dropped = head.index + 1, head.stamp_s, head.dropped
        at_s, wall = self._clock.monotonic_s(), self._clock.wall_time()
        synced = self._clock.synced()
        if self.spec.lossless:
            at_s = self._epoch_s + head.pts_s
            wall = (self.spec.starts_at or self._epoch_wall) + timedelta(seconds=head.pts_s)
            synced = synced or self.spec.starts_at is not None
        else:
            age_s = max(time.monotonic() - head.stamp_s, 0.0)
            at_s, wall = at_s - age_s, wall - timedelta(seconds=age_s)
        return Frame(pixels, head.index, at_s, wall, synced, self.spec.name)
