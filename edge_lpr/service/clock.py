"""The time by which a camera's arrivals are decided."""

from __future__ import annotations

from datetime import datetime

from edge_lpr.capture.clock import Clock
from edge_lpr.gate.decide import GateTime
from edge_lpr.records import Frame


def gate_time(clock: Clock) -> GateTime:
    """This moment by `clock`."""
    return GateTime(clock.wall_time(), clock.monotonic_s(), clock.synced())


class FilmClock:
    """The time of the last frame of a file that is shown as fast as possible: two runs decide the same.

    Until the first frame it is that of `clock`.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._frame: tuple[float, datetime, bool] | None = None

    def follow(self, frame: Frame) -> None:
        """A frame has come."""
        self._frame = frame.captured_at_s, frame.wall_time, frame.clock_synced

    def monotonic_s(self) -> float:
        return self._frame[0] if self._frame else self._clock.monotonic_s()

    def wall_time(self) -> datetime:
        return self._frame[1] if self._frame else self._clock.wall_time()

    def synced(self) -> bool:
        return self._frame[2] if self._frame else self._clock.synced()
