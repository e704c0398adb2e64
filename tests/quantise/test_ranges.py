"""Histograms and the ranges made of them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime quantises them (extra `calibrate`)")

from edge_lpr.quantise.ranges import METHODS, Method, ranges_of
from edge_lpr.quantise.statistics import TensorStatistics


def statistics_of(*batches: np.ndarray) -> TensorStatistics:
    found = TensorStatistics()
    for batch in batches:
        found.add(batch.astype(np.float32).reshape(1, 1, -1))
    return found


def test_the_range_grows_and_no_value_is_lost() -> None:
    found = statistics_of(np.array([0.1, 0.2]), np.array([5.0, -3.0]), np.zeros(3))
    assert found.top >= 5.0 and (found.low, found.high) == (-3.0, 5.0)
    assert found.counts.sum() == 7 and found.frames == 3
    edges = np.linspace(0, found.top, len(found.counts) + 1)
    place = np.flatnonzero(found.counts)[-1]
    assert edges[place] - 1e-5 <= 5.0 <= edges[place + 1] + 1e-5


def test_channel_means() -> None:
    found = TensorStatistics()
    found.add(np.stack([np.zeros((2, 2)), np.ones((2, 2))])[None].astype(np.float32))
    found.add(np.stack([np.ones((2, 2)), np.ones((2, 2))])[None].astype(np.float32))
    np.testing.assert_allclose(found.channel_means, [0.5, 1.0])


@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.name)
def test_no_method_goes_beyond_the_largest_value(method: Method) -> None:
    values = np.random.default_rng(2).normal(size=20_000)
    most = float(np.abs(values).max())
    found = ranges_of({"x": statistics_of(values)}, method)["x"]
    assert 0 < found <= most + 1e-6


def test_minmax_is_the_largest_and_percentile_what_it_says() -> None:
    values = np.linspace(-1.0, 1.0, 10_001)
    found = statistics_of(values)
    assert ranges_of({"x": found}, Method("minmax"))["x"] == pytest.approx(1.0)
    assert ranges_of({"x": found}, Method("percentile", 90.0))["x"] == pytest.approx(0.9, abs=0.01)


def test_entropy_cuts_off_a_lone_outlier() -> None:
    values = np.append(np.abs(np.random.default_rng(3).normal(size=40_000)), 60.0)
    found = ranges_of({"x": statistics_of(values)}, Method("entropy"))["x"]
    assert 2.0 < found < 20.0


def test_nothing_but_zeros_still_gives_a_scale() -> None:
    for method in METHODS:
        assert ranges_of({"x": statistics_of(np.zeros(5))}, method)["x"] > 0
