"""The quantised graph: close to the float one, in the spelling that ONNX Runtime fuses, and the same for TensorRT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
onnxruntime = pytest.importorskip("onnxruntime", reason="ONNX Runtime quantises them (extra `calibrate`)")

from edge_lpr.errors import NetworkError  # noqa: E402
from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling  # noqa: E402
from edge_lpr.quantise.network_graph import layers, load_float  # noqa: E402
from edge_lpr.quantise.qdq import integer_share, quantise, scales_of  # noqa: E402
from edge_lpr.quantise.statistics import session_of  # noqa: E402
from tests.quantise.small import SIDE, pictures  # noqa: E402

SHAPE = (3, SIDE, SIDE)


def run(model: Any, batch: Any) -> list[Any]:
    return list(session_of(model).run(None, {"image": batch}))


def weights(model: Any, name: str) -> Any:
    """What a convolution's weights are after Q and DQ."""
    fixed = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    producers = {output: node for node in model.graph.node for output in node.output}
    conv = next(node for node in model.graph.node if node.name == name)
    dequantise = producers[conv.input[1]]
    scale = fixed[dequantise.input[1]].reshape(-1, 1, 1, 1)
    producer = producers.get(dequantise.input[0])
    if producer is None:
        return fixed[dequantise.input[0]], scale
    return np.clip(np.round(fixed[producer.input[0]] / scale), -128, 127).astype(np.int8), scale


def test_layers_are_known_with_their_work(network: Any) -> None:
    found = {layer.name: layer for layer in layers(network, SHAPE)}
    assert list(found) == ["first", "second", "third", "residual", "head_a", "head_b"]
    assert found["first"].multiply_adds == 8 * 3 * 9 * SIDE * SIDE
    assert [name for name, layer in found.items() if layer.is_head] == ["head_a", "head_b"]


def test_int8_stays_close_to_float(network: Any, quantised: Callable[..., Any]) -> None:
    batch = pictures(1, seed=9)[0]
    for exact, rounded in zip(run(network, batch), run(quantised(), batch), strict=True):
        assert np.abs(exact - rounded).max() < 0.1 * np.abs(exact).max()
        assert np.abs(exact - rounded).max() > 0


def test_heads_and_kept_layers_stay_in_float(network: Any, quantised: Callable[..., Any]) -> None:
    chosen = layers(network, SHAPE)
    total = sum(layer.multiply_adds for layer in chosen)
    work = {layer.name: layer.multiply_adds / total for layer in chosen}
    assert integer_share(quantised(), chosen) == pytest.approx(1 - work["head_a"] - work["head_b"])
    kept = quantised(keep_float=("second",))
    assert integer_share(kept, chosen) == pytest.approx(1 - work["head_a"] - work["head_b"] - work["second"])
    second = next(node for node in kept.graph.node if node.name == "second")
    assert second.input[1] == "w2", "its weights are the float ones"


def test_onnx_runtime_runs_it_in_integers(quantised: Callable[..., Any], tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(quantised().SerializeToString(), options, providers=["CPUExecutionProvider"])
    ops = Counter(node.op_type for node in onnx.load(options.optimized_model_filepath).graph.node)
    assert ops["QLinearConv"] == 3 and ops["QLinearAdd"] == 1 and ops["Relu"] == 0


def test_the_spelling_for_tensorrt_says_the_same(quantised: Callable[..., Any]) -> None:
    model = quantised()
    spelled = onnx.load_from_string(tensorrt_spelling(model.SerializeToString()))
    onnx.checker.check_model(spelled, full_check=True)
    assert scales_of(spelled) == scales_of(model) | {
        name: scale for name, scale in scales_of(spelled).items() if name not in scales_of(model)}
    for name in ("first", "second", "third"):
        for one, other in zip(weights(model, name), weights(spelled, name), strict=True):
            np.testing.assert_array_equal(one, other)
    batch = pictures(1, seed=9)[0]
    for one, other in zip(run(model, batch), run(spelled, batch), strict=True):
        assert np.abs(one - other).max() < 0.03 * np.abs(one).max(), "one step of rounding, no more"
    kinds = {one.data_type for one in spelled.graph.initializer}
    assert onnx.TensorProto.UINT8 not in kinds


def test_a_float_file_is_left_as_it_is(network_path: Path) -> None:
    content = network_path.read_bytes()
    assert tensorrt_spelling(content) == content


@pytest.mark.parametrize("content", [b"", b"\x00", b"not an onnx file at all", b"\x3a\xff\xff\xff\xff\x0f"])
def test_what_is_no_onnx_file_is_told(content: bytes) -> None:
    with pytest.raises(NetworkError, match="not an ONNX file"):
        tensorrt_spelling(content)


def test_a_zero_point_that_is_not_zero_is_refused(quantised: Callable[..., Any]) -> None:
    model = quantised()
    for one in model.graph.initializer:
        if one.name == "zero_unsigned":
            one.CopyFrom(onnx.numpy_helper.from_array(np.uint8(7), one.name))
    with pytest.raises(NetworkError, match="not symmetric"):
        tensorrt_spelling(model.SerializeToString())


def test_shared_integer_weights_are_refused(quantised: Callable[..., Any]) -> None:
    model = quantised()
    convs = [node for node in model.graph.node if node.name in ("second", "third")]
    pairs = [next(one for one in model.graph.node if one.output[0] == conv.input[1]) for conv in convs]
    pairs[1].input[0] = pairs[0].input[0]
    with pytest.raises(NetworkError, match="shares the integer weights"):
        tensorrt_spelling(model.SerializeToString())


def test_faults_are_told(network: Any, quantised: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(NetworkError, match="no range is known for 4 tensors, such as 'image'"):
        quantise(network, layers(network, SHAPE), {"c3": 1.0})
    twice = tmp_path / "twice.onnx"
    twice.write_bytes(quantised().SerializeToString())
    with pytest.raises(NetworkError, match="is quantised already"):
        load_float(twice)
    twice.write_bytes(b"nonsense")
    with pytest.raises(NetworkError, match="twice.onnx: not an ONNX network"):
        load_float(twice)
