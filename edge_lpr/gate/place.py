"""Where a plate is and how large: the geometry that tracking works on. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edge_lpr.records import Detection

CUT_MARGIN_PX = 2.0
CUT_MARGIN_SHARE = 0.1
"""A plate so near to the border, in shares of its width, may be cut: a detector places a cut edge no better."""


@dataclass(frozen=True)
class Place:
    """A plate's centre and its own width and height (along its edges, not of its upright box).

    All in frame widths, y too: a camera that changes its size in the middle of an arrival changes nothing here.
    """

    x: float
    y: float
    width: float
    height: float

    @property
    def size(self) -> float:
        """The side of the square with the plate's area: unlike width alone it hardly changes when the plate turns."""
        return math.sqrt(self.width * self.height)

    def shift_to(self, other: Place) -> float:
        """Distance between the centres, in widths of the larger plate."""
        return math.hypot(other.x - self.x, other.y - self.y) / max(self.width, other.width)

    def resize_to(self, other: Place) -> float:
        """The natural logarithm of the ratio of sizes: above 0 when `other` is larger."""
        return math.log(other.size / self.size)

    def moved(self, dx: float, dy: float, growth: float) -> Place:
        """The place after a move by (dx, dy) and a change of size by the factor exp(growth)."""
        factor = math.exp(growth)
        return Place(self.x + dx, self.y + dy, self.width * factor, self.height * factor)


def place_of(detection: Detection, frame_width: int) -> Place | None:
    """The place of a detection in a frame of that many pixels; None when its corners are no quadrangle with an area."""
    corners = detection.corners.astype(np.float64) / max(1, frame_width)
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        return None
    top_left, top_right, bottom_right, bottom_left = corners
    width = (math.dist(top_left, top_right) + math.dist(bottom_left, bottom_right)) / 2
    height = (math.dist(top_left, bottom_left) + math.dist(top_right, bottom_right)) / 2
    if min(width, height) <= 1e-9:
        return None
    x, y = corners.mean(axis=0).tolist()
    return Place(x, y, width, height)


def overlap(one: Place, other: Place) -> float:
    """Intersection over union of the two places as upright boxes, 0..1."""
    across = min(one.x + one.width / 2, other.x + other.width / 2) - max(
        one.x - one.width / 2, other.x - other.width / 2
    )
    down = min(one.y + one.height / 2, other.y + other.height / 2) - max(
        one.y - one.height / 2, other.y - other.height / 2
    )
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return shared / (one.width * one.height + other.width * other.height - shared)


def is_cut(detection: Detection, frame_size: tuple[int, int]) -> bool:
    """Whether the plate touches the frame's border, so that characters may be missing; `frame_size` (width, height)."""
    left, top = detection.corners.min(axis=0)
    right, bottom = detection.corners.max(axis=0)
    width, height = frame_size
    margin_px = max(CUT_MARGIN_PX, CUT_MARGIN_SHARE * (right - left))
    return bool(left < margin_px or top < margin_px or right > width - margin_px or bottom > height - margin_px)
