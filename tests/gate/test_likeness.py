"""How much two readings tell about being of one plate."""

from __future__ import annotations

import pytest

from edge_lpr.gate.likeness import Likeness, likeness, text_distance

CASES = [
    ("1AB2345", "1AB2345", Likeness.EQUAL),
    ("1AB2345", "1AB2B45", Likeness.EQUAL),  # 3 and B look alike
    ("1AB2345", "1AB2K45", Likeness.SAME),
    ("1AB2345", "AB2345", Likeness.SAME),
    ("1AB2345", "1AB2", Likeness.NEAR),  # cut off
    ("1AB2345", "1AXK345", Likeness.NEAR),
    ("1AB2345", "1XYK345", Likeness.FAR),
    ("TC952PJ", "ZF952A", Likeness.FAR),  # two plates with a number in common
    ("1AB2345", "7XY9876", Likeness.FAR),
    ("AB12", "AB34", Likeness.FAR),
    ("1AB2345", "", Likeness.UNKNOWN),
]


@pytest.mark.parametrize(("one", "other", "expected"), CASES)
def test_likeness(one: str, other: str, expected: Likeness) -> None:
    assert likeness(one, other) is likeness(other, one) is expected, text_distance(one, other)
