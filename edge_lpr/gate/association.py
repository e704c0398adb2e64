"""Which sighting is of which vehicle, within one frame. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_lpr.gate.likeness import Likeness, likeness
from edge_lpr.gate.place import Place, overlap
from edge_lpr.gate.vehicle import SURE_OF_ANOTHER, Seen, Vehicle, is_sure
from edge_lpr.records import Sighting

TEXT_GAIN = {Likeness.EQUAL: 3.0, Likeness.SAME: 2.0, Likeness.NEAR: 1.0, Likeness.UNKNOWN: 0.0, Likeness.FAR: -3.0}
"""What the likeness of texts is worth in a pair's cost; a place that is just within reach costs up to 2."""
EXACT_GAIN = 0.5
"""More for the very same text: two vehicles of a fleet may be apart by one look-alike character."""
MOST_PLACE_COST = 1.5
UNSEEN_COST_S = 0.3
"""Each second unseen makes a vehicle a worse partner, up to `MOST_UNSEEN_S`: its reach grows, its claim does not."""
MOST_UNSEEN_S = 3.0
SAME_PLATE_OVERLAP = 0.5
"""Two detections of one frame that overlap more are one plate found twice, unless they surely read differently."""
CONTINUED_OVERLAP, CONTINUED_S = 0.3, 0.5
"""Another plate may be a vehicle's own, misread, only where and when its own was expected."""
SAME_SPOT_SHIFT, SAME_SPOT_GROWTH = 0.7, 0.25
"""Plate widths and logarithm of size within which a parked vehicle's plate is found again."""


@dataclass(frozen=True)
class Reach:
    """How far from where it is expected a plate may be: `widths` of itself and `widths_s` more for each second unseen,
    at most `most_widths`; and the logarithm of its change of size, likewise. A same text is believed from any place for
    `text_s`; after that only in the same spot."""

    widths: float = 1.5
    widths_s: float = 8.0
    most_widths: float = 10.0
    growth: float = 0.4
    growth_s: float = 1.0
    most_growth: float = 1.2
    text_s: float = 4.0


def join(
    seen: Mapping[int, Seen], vehicles: Sequence[Vehicle], now_s: float, reach: Reach
) -> list[tuple[int, Vehicle, Likeness]]:
    """Pairs of a sighting's index and its vehicle, each at most once: the cheapest pairs first, until none is possible.

    Greedy is not the least total cost, but with texts in the costs the difference is for plates that no one can read.
    """
    pairs = []
    for at, one in seen.items():
        for number, vehicle in enumerate(vehicles):
            like = vehicle.likeness(one.reading)
            cost = pair_cost(vehicle, one, like, now_s, reach)
            if cost is not None:
                pairs.append((cost, at, number, like))
    joined: list[tuple[int, Vehicle, Likeness]] = []
    used: set[tuple[str, int]] = set()
    for _, at, number, like in sorted(pairs, key=lambda pair: pair[:3]):
        if ("seen", at) not in used and ("vehicle", number) not in used:
            used |= {("seen", at), ("vehicle", number)}
            joined.append((at, vehicles[number], like))
    return joined


def pair_cost(vehicle: Vehicle, seen: Seen, like: Likeness, now_s: float, reach: Reach) -> float | None:
    """How badly a sighting fits a vehicle; None when it cannot be of it."""
    unseen_s = max(0.0, now_s - vehicle.motion.seen_s)
    expected = vehicle.motion.predict(now_s)
    shift, growth = expected.shift_to(seen.place), abs(expected.resize_to(seen.place))
    furthest = min(reach.most_widths, reach.widths + reach.widths_s * unseen_s)
    most_growth = min(reach.most_growth, reach.growth + reach.growth_s * unseen_s)
    if unseen_s > reach.text_s:
        furthest, most_growth = SAME_SPOT_SHIFT, SAME_SPOT_GROWTH
    near = shift <= furthest and growth <= most_growth
    named = like is Likeness.EQUAL and is_sure(seen.reading, SURE_OF_ANOTHER) and unseen_s <= reach.text_s
    if like is Likeness.FAR:
        near = near and _continued(vehicle, seen, now_s)
    if not near and not named:
        return None
    cost = min(MOST_PLACE_COST, shift / furthest) + min(MOST_PLACE_COST, growth / most_growth)
    cost += UNSEEN_COST_S * min(MOST_UNSEEN_S, unseen_s) - TEXT_GAIN[like]
    return cost - (EXACT_GAIN if seen.reading.text == vehicle.text else 0.0)


def found_twice(other: Seen, sighting: Sighting, place: Place) -> bool:
    """Whether a sighting is a worse picture of the plate of another one in the same frame."""
    one, two = other.reading, sighting.reading
    both_sure = is_sure(one, SURE_OF_ANOTHER) and is_sure(two, SURE_OF_ANOTHER)
    different = both_sure and likeness(one.text, two.text) is Likeness.FAR
    return not different and overlap(other.place, place) >= SAME_PLATE_OVERLAP


def _continued(vehicle: Vehicle, seen: Seen, now_s: float) -> bool:
    """Whether the sighting is just where the vehicle's plate, or the other one in its place, was a moment ago."""
    expected, expected_s = vehicle.motion.predict(now_s), vehicle.motion.seen_s
    stranger = vehicle.stranger_place()
    spots = [(expected, expected_s), *([stranger] if stranger else [])]
    return any(now_s - at_s <= CONTINUED_S and overlap(spot, seen.place) >= CONTINUED_OVERLAP for spot, at_s in spots)
