"""Where a vehicle goes, from its plate's growth and path. Pure, with a few numbers of state a vehicle.

A plate grows by the inverse of its distance, whatever the camera's height or lens; growth is looked at first. Where a
vehicle crosses the picture without growing, the way it moves in the picture is compared with the way that vehicles
come. Both are measured from the last turning point, not from the first frame: a car that comes, stops and
backs off is leaving, and one that came and waits at the barrier is still one that came.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_lpr.gate.place import Place
from edge_lpr.records import Direction

MOST_SHARE = 0.6
"""A single place moves the smoothed one no further than this, however long the wait was: it may be an outlier."""


@dataclass(frozen=True)
class DirectionOptions:
    """`growth` natural logarithm of the change of size that counts as a move (0.18: a fifth larger, or a car that
    covers a sixth of its distance); `way` where vehicles come towards in the picture, (x right, y down), or None to go
    by growth alone; `way_widths` plate widths along it that count as a move; a vehicle that did neither for
    `standing_after_s` stands. `smooth_s` time constant that evens out the detector's jitter."""

    growth: float = 0.18
    way: tuple[float, float] | None = (0.0, 1.0)
    way_widths: float = 1.5
    standing_after_s: float = 1.0
    smooth_s: float = 0.15


class Heading:
    """The direction of one vehicle, frame by frame."""

    def __init__(self, place: Place, now_s: float, options: DirectionOptions = DirectionOptions()) -> None:
        self._options = options
        self._started_s = self._seen_s = now_s
        self._place = place
        self._size = _Swing(options.growth)
        self._path = _Swing(options.way_widths)
        self._travelled = 0.0
        self._size.follow(math.log(place.size))
        self._path.follow(0.0)

    def follow(self, place: Place, now_s: float) -> Direction:
        """The direction with one more place; times must not go back."""
        waited_s = max(0.0, now_s - self._seen_s)
        share = min(MOST_SHARE, 1.0 - math.exp(-waited_s / self._options.smooth_s))
        before, self._seen_s = self._place, now_s
        self._place = Place(*(a + share * (b - a) for a, b in zip(_numbers(before), _numbers(place), strict=True)))
        if self._options.way is not None:
            way_x, way_y = self._options.way
            step = (self._place.x - before.x) * way_x + (self._place.y - before.y) * way_y
            self._travelled += step / (math.hypot(way_x, way_y) * self._place.width)
        self._size.follow(math.log(self._place.size))
        self._path.follow(self._travelled)
        return self.direction

    @property
    def direction(self) -> Direction:
        """What is known so far."""
        moved = self._size.trend or self._path.trend
        if moved:
            return Direction.APPROACHING if moved > 0 else Direction.LEAVING
        stood = self._seen_s - self._started_s >= self._options.standing_after_s
        return Direction.STANDING if stood else Direction.UNKNOWN


class _Swing:
    """The trend of a wavering number: it turns when the number is `threshold` away from its last extreme."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._low = math.inf
        self._high = -math.inf
        self.trend = 0

    def follow(self, value: float) -> None:
        self._low, self._high = min(self._low, value), max(self._high, value)
        if value - self._low >= self._threshold and self.trend <= 0:
            self.trend, self._high = 1, value
        elif self._high - value >= self._threshold and self.trend >= 0:
            self.trend, self._low = -1, value
        if self.trend > 0:  # from here on only a fall from the top counts, and the other way round
            self._low = math.inf
        elif self.trend < 0:
            self._high = -math.inf


def _numbers(place: Place) -> tuple[float, float, float, float]:
    return place.x, place.y, place.width, place.height
