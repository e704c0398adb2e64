"""Zones of a camera's picture: where a plate may trigger the gate and where none is looked at. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_lpr.errors import ConfigError

Point = tuple[float, float]


@dataclass(frozen=True)
class Zone:
    """A polygon in shares of the picture: x 0..1 from the left, y 0..1 from the top, 3 points or more, closed by
    itself. Concave ones are fine; where one crosses itself the even-odd rule holds. ConfigError names what is wrong."""

    name: str
    polygon: tuple[Point, ...]

    def __post_init__(self) -> None:
        if len(self.polygon) < 3:
            raise ConfigError(f"zone {self.name!r}: a polygon has 3 points or more, not {len(self.polygon)}")
        for point in self.polygon:
            if len(point) != 2 or not all(math.isfinite(share) and 0.0 <= share <= 1.0 for share in point):
                raise ConfigError(f"zone {self.name!r}: point {list(point)}: expected is [x, y], shares 0 to 1")
        if _area(self.polygon) < 1e-6:
            raise ConfigError(f"zone {self.name!r}: the polygon {[list(point) for point in self.polygon]} has no area")

    def holds(self, point: Point) -> bool:
        """Whether the point (shares) is inside; a ray to the right crosses an odd number of edges."""
        x, y = point
        inside = False
        for (x1, y1), (x2, y2) in zip(self.polygon, (*self.polygon[1:], self.polygon[0]), strict=True):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside


@dataclass(frozen=True)
class Zones:
    """What a camera's zones say of a point. Without a trigger zone the whole picture may trigger; an ignored zone
    wins over a trigger zone."""

    trigger: tuple[Zone, ...] = ()
    ignore: tuple[Zone, ...] = ()

    def ignored(self, point: Point) -> bool:
        """Whether nothing at this point (shares) is looked at."""
        return any(zone.holds(point) for zone in self.ignore)

    def triggers(self, point: Point) -> bool:
        """Whether a plate at this point (shares) may trigger the gate."""
        return not self.ignored(point) and (not self.trigger or any(zone.holds(point) for zone in self.trigger))


def _area(polygon: Sequence[Point]) -> float:
    """The area of the triangles from the first point to each edge, whichever way they turn: 0 for points on a line."""
    x0, y0 = polygon[0]
    edges = zip(polygon[1:], polygon[2:], strict=False)
    return sum(abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) for (x1, y1), (x2, y2) in edges) / 2
