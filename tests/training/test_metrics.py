"""The figures of the evaluation, against values worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_lpr.recognition.boxes import iou
from edge_lpr.training.metrics import calibration, edit_distance, fold, match

TEXTS = st.text("AB01", max_size=7)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (10, 0, 10, 10), 0.0),
        ((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3),
        ((0, 0, 10, 10), (2, 2, 5, 5), 0.25),
        ((0, 0, 10, 10), (20, 20, 1, 1), 0.0),
    ],
)
def test_iou(a: tuple[float, ...], b: tuple[float, ...], expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)
    assert iou(b, a) == pytest.approx(expected)


def test_match_is_one_to_one_and_best_first() -> None:
    truths = [(0, 0, 100, 20), (0, 30, 100, 20)]
    found = [(5, 0, 100, 20), (0, 0, 100, 20), (0, 33, 100, 20), (300, 300, 10, 10)]
    assert match(truths, found) == [1, 2]
    assert match(truths[:1] * 2, found[1:2]) == [0, None]
    assert match(truths, []) == [None, None]
    assert match([(0, 0, 10, 10)], [(0, 0, 10, 4.9)]) == [None]
    assert match([(0, 0, 10, 10)], [(0, 0, 10, 5)]) == [0]


@pytest.mark.parametrize(
    ("a", "b", "steps"), [("", "", 0), ("", "AB", 2), ("ABC", "AC", 1), ("1O2", "102", 1), ("AB", "BA", 2)]
)
def test_edit_distance(a: str, b: str, steps: int) -> None:
    assert edit_distance(a, b) == steps


@given(TEXTS, TEXTS, TEXTS)
def test_edit_distance_is_a_metric(a: str, b: str, c: str) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


def test_fold() -> None:
    assert fold("O0I1QD") == "0011QD"


def test_calibration_by_hand() -> None:
    error, bins = calibration([0.95, 0.95, 0.95, 0.95, 0.1], [True, True, True, False, False])
    assert error == pytest.approx((4 * 0.20 + 1 * 0.1) / 5)
    assert [(one.count, one.accuracy) for one in bins] == [(1, 0.0), (4, 0.75)]


def test_calibration_at_the_edges() -> None:
    assert calibration([1.0, 0.0], [True, False])[0] == 0.0
    assert math.isnan(calibration([], [])[0])


@given(st.lists(st.tuples(st.floats(0, 1, allow_subnormal=False), st.booleans()), min_size=1, max_size=60))
def test_calibration_counts_every_reading_once(pairs: list[tuple[float, bool]]) -> None:
    error, bins = calibration([p for p, _ in pairs], [right for _, right in pairs])
    assert sum(one.count for one in bins) == len(pairs)
    assert 0.0 <= error <= 1.0
