"""The rules of TensorRT on graphs that break one each: the node is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="onnx makes the networks (extra `calibrate`)")
pytest.importorskip("onnxruntime", reason="ONNX Runtime quantises them (extra `calibrate`)")

from edge_lpr.networks.tensorrt_spelling import tensorrt_spelling  # noqa: E402
from edge_lpr.quantise.rules import violations  # noqa: E402


@pytest.fixture
def spelled(quantised: Callable[..., Any]) -> Any:
    """The small network in INT8, as TensorRT gets it."""
    return onnx.load_from_string(tensorrt_spelling(quantised().SerializeToString()))


def node(model: Any, name: str) -> Any:
    return next(one for one in model.graph.node if one.name == name)


def behind(model: Any, tensor: str) -> Any:
    """The QuantizeLinear of a tensor."""
    return next(one for one in model.graph.node if one.op_type == "QuantizeLinear" and one.input[0] == tensor)


def constant(model: Any, name: str, values: Any) -> str:
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
    return name


def nonzero(model: Any) -> str:
    found = behind(model, "r1")
    found.input[2] = constant(model, "three", np.int8(3))
    return str(found.name)


def unsigned(model: Any) -> str:
    found = behind(model, "r1")
    found.input[2] = constant(model, "u8", np.uint8(0))
    return str(found.name)


def without_zero(model: Any) -> str:
    found = behind(model, "r1")
    del found.input[2:]
    return str(found.name)


def negative_scale(model: Any) -> str:
    found = behind(model, "r1")
    found.input[1] = constant(model, "minus", np.float32(-0.1))
    return str(found.name)


def scales_for_activation(model: Any) -> str:
    found = behind(model, "r1")
    found.input[1] = constant(model, "many", np.full(8, 0.1, np.float32))
    found.input[2] = constant(model, "zeros", np.zeros(8, np.int8))
    return str(found.name)


def bias_of_32_bits(model: Any) -> str:
    name = constant(model, "b2_q", np.zeros(8, np.int32))
    scale, zero = constant(model, "b2_s", np.float32(0.1)), constant(model, "b2_z", np.int32(0))
    made = onnx.helper.make_node("DequantizeLinear", [name, scale, zero], ["b2_d"], name="bias_dq")
    model.graph.node.insert(0, made)
    node(model, "second").input[2] = "b2_d"
    return "bias_dq"


def half_an_add(model: Any) -> str:
    add = node(model, "residual")
    add.input[0] = "c3"
    return "residual"


def quantised_head(model: Any) -> str:
    scale, zero = constant(model, "hs", np.float32(0.1)), constant(model, "hz", np.int8(0))
    for op, into, out in (("QuantizeLinear", "ha", "hq"), ("DequantizeLinear", "hq", "hd")):
        model.graph.node.append(onnx.helper.make_node(op, [into, scale, zero], [out], name=f"head_{op}"))
    return "head_a"


def softmax_between(model: Any) -> str:
    add = behind(model, "r1")
    dequantised = next(one for one in model.graph.node if one.op_type == "DequantizeLinear"
                       and one.input[0] == add.output[0]).output[0]
    model.graph.node.append(onnx.helper.make_node("Softmax", [dequantised], ["soft"], name="soft"))
    model.graph.node.append(onnx.helper.make_node("QuantizeLinear", ["soft", *add.input[1:3]], ["soft_q"], name="sq"))
    model.graph.node.append(
        onnx.helper.make_node("DequantizeLinear", ["soft_q", *add.input[1:3]], ["soft_d"], name="sd"))
    return "soft"


def wrong_axis(model: Any) -> str:
    weight = next(one for one in model.graph.node if one.op_type == "DequantizeLinear"
                  and one.output[0] == node(model, "second").input[1])
    for attribute in weight.attribute:
        attribute.i = 1
    return "second"


def stored_integers(model: Any) -> str:
    weight = next(one for one in model.graph.node if one.op_type == "DequantizeLinear"
                  and one.output[0] == node(model, "second").input[1])
    weight.input[0] = constant(model, "w_int", np.ones((8, 8, 3, 3), np.int8))
    return str(weight.name)


BREAKS = {
    nonzero: "only 0 is allowed",
    unsigned: "UINT8; INT8 is allowed",
    without_zero: "has no zero point",
    negative_scale: "positive and finite",
    scales_for_activation: "8 scales for an activation",
    bias_of_32_bits: "biases stay in float",
    half_an_add: "'c3' is not quantised while the other is",
    quantised_head: "heads stay in float",
    softmax_between: "only Conv, Add, MaxPool are",
    wrong_axis: "axis 0 .output channels. is allowed",
    stored_integers: "float weights behind a Q/DQ pair",
}


def test_the_spelling_for_tensorrt_keeps_every_rule(spelled: Any) -> None:
    assert violations(spelled, "8.6") == () and violations(spelled, "10") == ()


@pytest.mark.parametrize("break_it", BREAKS, ids=lambda one: one.__name__)
def test_each_rule_names_its_node(spelled: Any, break_it: Callable[[Any], str]) -> None:
    import re

    name = break_it(spelled)
    told = [one for one in violations(spelled, "8.6") if one.node == name]
    assert any(re.search(BREAKS[break_it], one.rule) for one in told), violations(spelled, "8.6")
    assert name in str(told[0])


@pytest.mark.parametrize("break_it", [unsigned, stored_integers])
def test_what_tensorrt_10_takes_as_well(spelled: Any, break_it: Callable[[Any], str]) -> None:
    name = break_it(spelled)
    rules = [one.rule for one in violations(spelled, "10") if one.node == name]
    assert not any("INT8" in rule for rule in rules)


def test_an_old_opset_is_told(spelled: Any) -> None:
    spelled.opset_import[0].version = 12
    assert "opset 12" in violations(spelled)[0].rule


def test_defaults_of_onnx_runtime_are_refused(network_path: Path, tmp_path: Path) -> None:
    """Unsigned activations with a zero point that is not 0, 32-bit biases: what a hurried user would make."""
    from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

    from tests.quantise.small import pictures

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(pictures(4))

        def get_next(self) -> dict[str, Any] | None:
            batch = next(self.left, None)
            return None if batch is None else {"image": batch}

    out = tmp_path / "default.onnx"
    quantize_static(str(network_path), str(out), Reader(), activation_type=QuantType.QUInt8)
    rules = {one.rule.split(";")[0] for one in violations(onnx.load(str(out)), "10")}
    assert any("32-bit bias" in rule for rule in rules)
    assert any(rule.startswith("zero point is") for rule in rules)


def test_an_unknown_version_is_an_error(spelled: Any) -> None:
    with pytest.raises(ValueError, match="8.6, 10"):
        violations(spelled, "7")
