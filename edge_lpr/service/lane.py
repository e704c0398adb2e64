"""One camera's thread: its frames through its pipeline, whatever happens to either."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from edge_lpr.capture.isolate import CameraHealth, CameraState
from edge_lpr.errors import NetworkError
from edge_lpr.records import Frame
from edge_lpr.service.clock import FilmClock
from edge_lpr.service.pipeline import Decided, Pipeline, Step
from edge_lpr.service.stages import StageTimes

log = logging.getLogger(__name__)

FRAME_WAIT_S = 0.25
CAMERA_STOP_S = 1.0
"""How long a camera may take to close when the gate stops: the gate has 3 seconds for all."""
RATE_SPAN_S = 10.0
FAULT_REST_S = 0.5
"""A pause after a frame that failed: a fault in every frame must not fill the journal nor heat the processor."""


class Camera(Protocol):
    """Where a lane's frames come from; `CameraProcess` is one."""

    def start(self) -> None:
        """Begin; returns at once."""

    def latest(self, timeout_s: float) -> Frame | None:
        """The newest frame, None when none came in time. Never raises for what the camera does."""

    def health(self) -> CameraHealth:
        """How it does."""

    def stop(self, timeout_s: float) -> None:
        """End it."""


@dataclass(frozen=True)
class LaneHealth:
    """How one camera's lane does: `fps` frames a second taken through the pipeline, over the last seconds; `ms` a frame
    by stage since the start; `fault` '' when the pipeline works; `last_read` plate and `last_read_utc`, '' before."""

    camera: CameraHealth
    fps: float
    steps: int
    arrivals: int
    ms: dict[str, float]
    fault: str
    faults: int
    last_read: str
    last_read_utc: str


class Lane:
    """A camera and its pipeline on a thread of their own. `on_step` and `on_decided` are called on that thread."""

    def __init__(self, camera: Camera, pipeline: Pipeline, times: StageTimes, film: FilmClock | None = None,
                 on_decided: Callable[[Decided], None] | None = None,
                 on_step: Callable[[Step], None] | None = None) -> None:
        self.name = pipeline.camera
        self._camera = camera
        self._pipeline = pipeline
        self.times = times
        self._film = film
        self._on_decided = on_decided
        self._on_step = on_step
        self.ended_by_itself = False
        """Whether it came to the end of a file, rather than being asked to end."""
        self.turns = 0
        """How often its loop went round: the sign of life that a watchdog wants."""
        self._stop = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"lane {self.name}", daemon=True)
        self._moments: deque[float] = deque(maxlen=256)
        self._steps = self._arrivals = self._faults = 0
        self._fault = self._last_read = self._last_read_utc = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; returns at once."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; whether it came.

        Not by `Thread.join`: a Ctrl-C within it makes Python 3.11 and 3.12 take a running thread for ended.
        """
        return self.is_over or self._over.wait(timeout_s)

    @property
    def is_over(self) -> bool:
        """Whether there will be no more frames: a file that ended."""
        return self._over.is_set() or self._thread.ident is None

    @property
    def is_settled(self) -> bool:
        """Whether its first frame came, or it is known why none did."""
        if self._steps or self._faults or self.is_over:
            return True
        return self.turns > 0 and self._camera.health().state is not CameraState.OK

    def health(self) -> LaneHealth:
        """How it does now."""
        now_s = time.monotonic()
        recent = [at_s for at_s in list(self._moments) if now_s - at_s <= RATE_SPAN_S]
        fps = (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 and recent[-1] > recent[0] else 0.0
        return LaneHealth(self._camera.health(), round(fps, 1), self._steps, self._arrivals,
                          self.times.ms_per(self._steps), self._fault, self._faults, self._last_read,
                          self._last_read_utc)

    def _work(self) -> None:
        try:
            self._camera.start()
            while not self._stop.is_set() and self._turn():
                self.turns += 1
            self.ended_by_itself = not self._stop.is_set()
            self._guarded(self._close)
        finally:
            try:
                self._camera.stop(CAMERA_STOP_S)
            finally:
                self._over.set()

    def _turn(self) -> bool:
        """Wait for a frame and take it through; False when no more will come."""
        frame = self._camera.latest(FRAME_WAIT_S)
        if frame is not None:
            self._guarded(lambda: self._step(frame))
            return True
        self._guarded(lambda: self._tell(self._pipeline.idle()))
        return self._camera.health().state is not CameraState.ENDED

    def _step(self, frame: Frame) -> None:
        if self._film is not None:
            self._film.follow(frame)
        step = self._pipeline.step(frame)
        self._steps += 1
        self._moments.append(time.monotonic())
        self._fault = ""
        self._tell(step.decided)
        if self._on_step is not None:
            self._on_step(step)

    def _close(self) -> None:
        self._tell(self._pipeline.close())

    def _tell(self, decided: tuple[Decided, ...]) -> None:
        for one in decided:
            read = one.decision.plate_read
            self._arrivals += 1
            self._last_read, self._last_read_utc = read.text, read.wall_time.isoformat(timespec="seconds")
            if self._on_decided is not None:
                self._on_decided(one)

    def _guarded(self, work: Callable[[], None]) -> None:
        """A frame that fails costs this frame, not the gate; it is told once, and stands in the health."""
        try:
            work()
        except NetworkError as error:
            self._failed(str(error))
        except Exception as error:  # a defect: the gate goes on with the next frame
            self._failed(repr(error), error)

    def _failed(self, text: str, error: Exception | None = None) -> None:
        if text != self._fault:
            log.error("camera %s: %s", self.name, text, exc_info=error)
        self._fault, self._faults = text, self._faults + 1
        self._stop.wait(FAULT_REST_S)
