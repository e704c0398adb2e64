"""Zones: which points trigger, which are ignored, and which polygons are refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_lpr.errors import ConfigError
from edge_lpr.gate.zones import Zone, Zones

LOWER_HALF = Zone("lane", ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))
STREET = Zone("street", ((0.7, 0.0), (1.0, 0.0), (1.0, 1.0), (0.7, 1.0)))
HORSESHOE = Zone("u", ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.6, 0.9), (0.6, 0.4), (0.4, 0.4), (0.4, 0.9), (0.1, 0.9)))


@pytest.mark.parametrize(
    ("zones", "point", "triggers", "ignored"),
    [
        (Zones(), (0.5, 0.5), True, False),
        (Zones(trigger=(LOWER_HALF,)), (0.3, 0.8), True, False),
        (Zones(trigger=(LOWER_HALF,)), (0.3, 0.2), False, False),
        (Zones(trigger=(LOWER_HALF,), ignore=(STREET,)), (0.8, 0.8), False, True),
        (Zones(ignore=(STREET,)), (0.8, 0.2), False, True),
        (Zones(ignore=(STREET,)), (0.2, 0.2), True, False),
        (Zones(trigger=(LOWER_HALF, HORSESHOE)), (0.2, 0.2), True, False),
    ],
)
def test_zones(zones: Zones, point: tuple[float, float], triggers: bool, ignored: bool) -> None:
    assert (zones.triggers(point), zones.ignored(point)) == (triggers, ignored)


@pytest.mark.parametrize(
    ("point", "inside"),
    [((0.2, 0.8), True), ((0.5, 0.8), False), ((0.5, 0.2), True), ((0.8, 0.8), True), ((0.05, 0.5), False)],
)
def test_a_polygon_may_be_concave(point: tuple[float, float], inside: bool) -> None:
    assert HORSESHOE.holds(point) is inside


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        (((0.0, 0.0), (1.0, 1.0)), "3 points or more, not 2"),
        (((0.0, 0.0), (640.0, 0.0), (640.0, 480.0)), "point [640.0, 0.0]: expected is [x, y], shares 0 to 1"),
        (((0.0, 0.0), (float("nan"), 0.0), (1.0, 1.0)), "shares 0 to 1"),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)), "has no area"),
    ],
)
def test_a_wrong_polygon_is_named(polygon: tuple[tuple[float, float], ...], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        Zone("entry", polygon)
    assert said in str(error.value) and "'entry'" in str(error.value)


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.floats(0, 1), st.floats(0, 1)), st.integers(0, 7), st.booleans())
def test_where_a_polygon_begins_and_its_turn_do_not_matter(
    point: tuple[float, float], start: int, turned: bool
) -> None:
    points = HORSESHOE.polygon[start:] + HORSESHOE.polygon[:start]
    again = Zone("u", points[::-1] if turned else points)
    on_edge = any(abs(point[0] - x) < 1e-9 or abs(point[1] - y) < 1e-9 for x, y in HORSESHOE.polygon)
    assert on_edge or again.holds(point) == HORSESHOE.holds(point)
