"""How clearly a sighting shows its plate, apart from what the reader makes of it. Pure."""

from __future__ import annotations

import math

from edge_lpr.records import Sighting

CLEAR_HEIGHT_PX = 24.0
"""Plate height in the frame from which on more pixels show little more; half of the reader's input height."""


def plate_height_px(sighting: Sighting) -> float:
    """The plate's height along its own edges, in pixels of the frame."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = sighting.crop.detection.corners.tolist()
    return (math.hypot(x4 - x1, y4 - y1) + math.hypot(x3 - x2, y3 - y2)) / 2


def clarity(sighting: Sighting) -> float:
    """Above 0; comparable between sightings of one plate only. The square root of the sharpness (a variance) is in
    grey levels: the contrast of edges."""
    sharpness = max(1.0, sighting.crop.sharpness) if math.isfinite(sighting.crop.sharpness) else 1.0
    return math.sqrt(sharpness) * max(0.05, min(1.0, plate_height_px(sighting) / CLEAR_HEIGHT_PX))
