"""How one plate moves: where it will be next, and since when it has stood. Pure."""

from __future__ import annotations

import math

from edge_lpr.gate.place import Place

VELOCITY_SMOOTH_S = 0.25
"""Time constant of the velocity: short enough to follow a car that brakes, long enough to even out jitter."""
PREDICT_AHEAD_S = 0.7
"""A vehicle out of sight is expected to go on for so long and to stay there: gates are where vehicles stop."""
FASTEST_WIDTHS_S = 25.0
"""Plate widths a second, about 13 m/s: a jump beyond is a detector's, not a vehicle's."""
ANCHOR_SHIFT, ANCHOR_GROWTH = 0.5, 0.2
"""Plate widths and logarithm of size that a standing vehicle's plate may waver."""
STRAYS = 3
"""Sightings in a row away from its place that show that it moved, and not that the detector slipped."""


class Motion:
    """An alpha filter of velocity and growth (both seen from one sighting to the next, evened out in time)."""

    def __init__(self, place: Place, now_s: float) -> None:
        self.place = place
        self.seen_s = now_s
        self._velocity = (0.0, 0.0)
        self._growth = 0.0
        self._anchor = place
        self._anchored_s = now_s
        self._strayed = 0

    def predict(self, now_s: float) -> Place:
        """Where the plate should be at that time."""
        ahead_s = min(max(0.0, now_s - self.seen_s), PREDICT_AHEAD_S)
        return self.place.moved(self._velocity[0] * ahead_s, self._velocity[1] * ahead_s, self._growth * ahead_s)

    def follow(self, place: Place, now_s: float) -> None:
        """Take in where the plate was seen."""
        passed_s = now_s - self.seen_s
        if passed_s > 0.0:
            share = 1.0 - math.exp(-passed_s / VELOCITY_SMOOTH_S)
            fastest = FASTEST_WIDTHS_S * max(place.width, self.place.width)
            seen = ((place.x - self.place.x) / passed_s, (place.y - self.place.y) / passed_s)
            slow_down = min(1.0, fastest / max(math.hypot(*seen), 1e-12))
            self._velocity = (
                self._velocity[0] + share * (seen[0] * slow_down - self._velocity[0]),
                self._velocity[1] + share * (seen[1] * slow_down - self._velocity[1]),
            )
            growth = min(2.0, max(-2.0, self.place.resize_to(place) / passed_s))
            self._growth += share * (growth - self._growth)
        if self._anchor.shift_to(place) > ANCHOR_SHIFT or abs(self._anchor.resize_to(place)) > ANCHOR_GROWTH:
            self._strayed += 1
        else:
            self._strayed = 0
        if self._strayed >= STRAYS:
            self._anchor, self._anchored_s, self._strayed = place, now_s, 0
        self.place, self.seen_s = place, now_s

    def stood_s(self) -> float:
        """How long the plate has been in one place, up to when it was last seen."""
        return self.seen_s - self._anchored_s
