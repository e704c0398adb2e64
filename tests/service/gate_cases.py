"""Cameras that are made of lists, pictures for the hand-made networks, a clock that is set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from edge_lpr.capture.isolate import CameraHealth, CameraState
from edge_lpr.records import Frame, Pixels

PLATE = "5A23456"
NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
SIZE = 320, 240
PATIENCE_S = 60.0
"""A loaded machine may take its time; what is tested is that it comes at all."""


def picture(x: int | None = None, y: int = 120, size: tuple[int, int] = SIZE) -> Pixels:
    """A grey picture with a plate (a red spot) centred near (x, y), or without one."""
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    if x is not None:
        pixels[y - 4 : y + 4, x - 4 : x + 4] = (255, 0, 0)
    return pixels


def frames(
    pictures: Iterable[Pixels], start_s: float | None = None, fps: float = 10.0, camera: str = "entry"
) -> Iterator[Frame]:
    """Frames at a steady rate; `start_s` None: a second before the first is taken, so that none is of the future."""
    begin_s = time.monotonic() - 1.0 if start_s is None else start_s
    for index, pixels in enumerate(pictures):
        yield Frame(pixels, index, begin_s + index / fps, NOON, True, camera)


class ListCamera:
    """A camera that gives what it was made of, frames or None for silence, then ends, or is silent with `stays`."""

    def __init__(self, given: Iterable[Frame | None] = (), stays: bool = False) -> None:
        self.given, self.stays = iter(given), stays
        self.state, self.error = CameraState.OK, ""
        self.stopped = threading.Event()

    def start(self) -> None:
        pass

    def latest(self, timeout_s: float) -> Frame | None:
        try:
            return next(self.given)
        except StopIteration:
            if self.stays:
                self.stopped.wait(min(timeout_s, 0.05))
            else:
                self.state = CameraState.ENDED
            return None

    def health(self) -> CameraHealth:
        return CameraHealth(self.state, 0.0, 0, 0, 0, 0, self.error)

    def stop(self, timeout_s: float) -> None:
        self.stopped.set()


class Script:
    """Frames as the test adds them; it is their time when they are taken."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.index = 0
        self.clock: FakeClock | None = None

    def __iter__(self) -> Script:
        return self

    def __next__(self) -> Any:
        if not self.waiting:
            raise StopIteration
        frame = self.waiting.pop(0)
        if self.clock is not None:
            self.clock.at_s = frame.captured_at_s
        return frame

    def vehicle(self, x: int = 160, count: int = 4) -> None:
        """A vehicle comes; an empty minute passes before."""
        self.index += 1
        begin_s = time.monotonic() + 40.0 * self.index
        ahead = [*frames([picture()], begin_s - 35.0), *frames([picture(x)] * count, begin_s)]
        self.waiting += [replace(one, index=1000 * self.index + one.index) for one in ahead]


class FakeClock:
    """A clock that is set; it goes by the real monotonic time unless that is set, too."""

    def __init__(self, wall: datetime = NOON, synced: bool = True) -> None:
        self.wall, self.is_synced, self.at_s = wall, synced, None

    def monotonic_s(self) -> float:
        return time.monotonic() if self.at_s is None else self.at_s

    def wall_time(self) -> datetime:
        return self.wall

    def synced(self) -> bool:
        return self.is_synced


def wait_for(condition: Callable[[], bool], limit_s: float = PATIENCE_S) -> bool:
    """Whether `condition` came true in time."""
    until_s = time.monotonic() + limit_s
    while not condition() and time.monotonic() < until_s:
        time.sleep(0.01)
    return condition()
