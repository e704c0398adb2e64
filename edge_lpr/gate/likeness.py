"""How much two readings are like readings of the same plate. Pure.

The edit distance of Levenshtein with cheaper swaps for characters that look alike: what one camera makes of one plate
from frame to frame differs by them far more often than two plates of two vehicles do.
"""

from __future__ import annotations

from enum import Enum
from functools import lru_cache

from edge_lpr.gate.plate_text import CONFUSABLE_PAIRS

LOOK_ALIKE_PAIRS = (*CONFUSABLE_PAIRS, "DO", "QO", "DQ", "CG", "UV", "VY", "MN", "MW", "NH", "MH", "EF", "PF", "PR",
                    "KX", "1T", "1L", "7T", "17", "71", "1J", "4A", "38", "3B", "B9", "98", "68", "6C", "ZT", "27")
"""Characters that a reader takes for one another on small or dirty plates. Wider than the pairs of the access lists:
here a wrong pair costs a little certainty, there it would open a gate."""
LOOK_ALIKE_COST = 0.35
GAP_COST = 0.8
"""A character missing or too many: at a plate's ends it happens more easily than a clean swap."""

NEAR_SHARE = 0.34
"""Texts within this share of the longer one's length may be one plate badly read..."""
FAR_SHARE = 0.5
"""...and from this share on they are two plates, if both were read surely..."""
FAR_EDITS = 3.0
"""...or from three plain swaps on: two plates with a number in common (TC952PJ, ZF952A) are apart by hardly more."""


class Likeness(Enum):
    """What two readings tell about two sightings being of one plate."""

    EQUAL = 0
    """The same text, or apart by one look-alike character."""
    SAME = 1
    """Apart by about one character: one plate, unless a better partner is in view."""
    NEAR = 2
    UNKNOWN = 3
    """Nothing: one of them was not read surely enough, or they are neither near nor far."""
    FAR = 4
    """Two plates."""


_ALIKE = frozenset((a, b) for pair in LOOK_ALIKE_PAIRS for a, b in ((pair[0], pair[1]), (pair[1], pair[0])))


def looks_alike(one: str, other: str) -> bool:
    """Whether two characters are often taken for one another."""
    return (one, other) in _ALIKE


@lru_cache(maxsize=4096)
def text_distance(one: str, other: str) -> float:
    """The least cost of edits between the texts: 1 a swap, less for look-alikes and for gaps; symmetric."""
    row = [GAP_COST * at for at in range(len(other) + 1)]
    for a in one:
        before, row[0] = row[0], row[0] + GAP_COST
        for at, b in enumerate(other, 1):
            swap = before + (0.0 if a == b else LOOK_ALIKE_COST if (a, b) in _ALIKE else 1.0)
            before = row[at]
            row[at] = min(swap, row[at] + GAP_COST, row[at - 1] + GAP_COST)
    return row[-1]


def likeness(one: str, other: str) -> Likeness:
    """What two texts tell, both read surely; an empty one tells nothing."""
    if not one or not other:
        return Likeness.UNKNOWN
    distance = text_distance(one, other)
    longer = max(len(one), len(other))
    if distance <= LOOK_ALIKE_COST:
        return Likeness.EQUAL
    if distance <= 1.0 and longer >= 4:
        return Likeness.SAME
    part = min(len(one), len(other)) >= 3 and (one in other or other in one)
    if part or distance <= NEAR_SHARE * longer:
        return Likeness.NEAR
    return Likeness.FAR if distance >= min(FAR_EDITS, FAR_SHARE * longer) else Likeness.UNKNOWN
