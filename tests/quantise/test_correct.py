"""Equalisation changes nothing in float; bias correction mends the means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime quantises them (extra `calibrate`)")

from edge_lpr.quantise.correct import bias_corrected, equalised, rounded  # noqa: E402
from edge_lpr.quantise.network_graph import constants, layers  # noqa: E402
from edge_lpr.quantise.statistics import observe, session_of, with_outputs  # noqa: E402
from tests.quantise.small import SIDE, pictures  # noqa: E402


def test_equalised_computes_the_same_with_evener_weights(network: Any) -> None:
    made, pairs = equalised(network)
    assert pairs == 1, "second and third; the first's output is shared with the residual Add"
    batch = pictures(1)[0]
    for one, other in zip(session_of(network).run(None, {"image": batch}),
                          session_of(made).run(None, {"image": batch}), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)

    def unevenness(model: Any) -> float:
        most = np.abs(constants(model)["w2"]).reshape(8, -1).max(axis=1)
        behind = np.abs(constants(model)["w3"]).transpose(1, 0, 2, 3).reshape(8, -1).max(axis=1)
        return float(np.abs(np.log(most / behind)).max())

    assert unevenness(made) < 0.01 < unevenness(network)


def test_bias_correction_brings_the_mean_back(network: Any) -> None:
    batches = pictures(10)
    chosen = layers(network, (3, SIDE, SIDE))
    statistics = observe(network, ["image", "r1", "r2"], batches)
    corrected = bias_corrected(network, chosen, statistics)

    def coarse(model: Any) -> Any:
        """The model with weights of 3 bits, which shift means visibly."""
        copy = onnx.ModelProto()
        copy.CopyFrom(model)
        for one in copy.graph.initializer:
            if one.name == "w1":
                values = rounded(constants(network)["w1"].astype(np.float64))
                one.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float32), "w1"))
        return copy

    def mean(model: Any) -> Any:
        session = session_of(with_outputs(model, ["c1"]))
        inner = [session.run(["c1"], {"image": batch})[0][:, :, 1:-1, 1:-1] for batch in batches]
        return np.concatenate(inner).mean(axis=(0, 2, 3))

    wanted = mean(network)
    assert np.abs(mean(coarse(corrected)) - wanted).max() < 0.5 * np.abs(mean(coarse(network)) - wanted).max()


def test_layers_kept_in_float_keep_their_bias(network: Any) -> None:
    chosen = layers(network, (3, SIDE, SIDE))
    statistics = observe(network, ["image", "r1", "r2"], pictures(3))
    corrected = bias_corrected(network, chosen, statistics, ["first"])
    np.testing.assert_array_equal(constants(corrected)["b1"], constants(network)["b1"])
    assert not np.array_equal(constants(corrected)["b2"], constants(network)["b2"])
    np.testing.assert_array_equal(constants(corrected)["ba"], constants(network)["ba"])
