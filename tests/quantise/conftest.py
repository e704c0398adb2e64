"""The small network of `small.py`, in float and in INT8."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime quantises them (extra `calibrate`)")

from tests.quantise.small import SIDE, pictures, small_network


@pytest.fixture
def network_path(tmp_path: Path) -> Path:
    """The small network's file."""
    return small_network(tmp_path / "small.onnx")


@pytest.fixture
def network(network_path: Path) -> Any:
    """The small network, ready for quantising."""
    from edge_lpr.quantise.network_graph import load_float

    return load_float(network_path)


@pytest.fixture
def quantised(network: Any) -> Callable[..., Any]:
    """Quantises the small network: `quantised(keep_float=[...])`."""
    from edge_lpr.quantise.network_graph import layers, quantised_tensors
    from edge_lpr.quantise.qdq import quantise
    from edge_lpr.quantise.ranges import Method, ranges_of
    from edge_lpr.quantise.statistics import observe

    chosen = layers(network, (3, SIDE, SIDE))
    statistics = observe(network, quantised_tensors(network, chosen), pictures(20))

    def make(keep_float: tuple[str, ...] = ()) -> Any:
        return quantise(network, chosen, ranges_of(statistics, Method("minmax")), keep_float)

    return make
