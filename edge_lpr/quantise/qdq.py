"""The quantised graph: ONNX Runtime's quantiser, told what TensorRT takes, and three finishing touches.

1. Weights of heads go back to float; their input keeps its pair, so that the layer before them runs in INT8.
2. The pair behind a ReLU is written unsigned with zero point 0. Scale and integers are those of the signed one (0 to
   127); but ONNX Runtime can drop the ReLU then, and runs the convolution before it in INT8: 2.5 times as fast.
3. Weights are stored as 8-bit integers: a quarter of the size.
`edge_lpr.networks.tensorrt_spelling` undoes 2 and 3 for TensorRT, to the bit.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from edge_lpr.errors import NetworkError
from edge_lpr.quantise.network_graph import QUANTISED, Layer, quantised_tensors
from edge_lpr.quantise.ranges import LEVELS, Ranges
from edge_lpr.quantise.rules import violations

OPTIONS = {
    "ActivationSymmetric": True,
    "WeightSymmetric": True,
    "QuantizeBias": False,
    "AddQDQPairToWeight": False,
    "OpTypesToExcludeOutputQuantization": ["Conv", "Add"],
    "QDQKeepRemovableActivations": True,
}
PRODUCER = "edge_lpr"


def quantise(model: Any, chosen: Sequence[Layer], ranges: Ranges, keep_float: Collection[str] = (),
             checked: bool = True) -> Any:
    """The Q/DQ graph of a float model; layers named in `keep_float` stay as they are.

    Raises NetworkError when a range is missing, or, unless not `checked`, when the graph breaks a rule of TensorRT 10.
    """
    kept = set(keep_float)
    active = [layer for layer in chosen if layer.name not in kept]
    needed = quantised_tensors(model, active)
    missing = [name for name in needed if name not in ranges]
    if missing:
        raise NetworkError(f"no range is known for {len(missing)} tensors, such as {missing[0]!r}")
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    with _quiet():
        quantizer = QDQQuantizer(
            copy, True, False, QuantType.QInt8, QuantType.QInt8, _tensors(ranges),
            [layer.name for layer in active], sorted(kept), list(QUANTISED), dict(OPTIONS),
        )  # fmt: skip
        quantizer.quantize_model()
    quantizer.model.topological_sort()
    result = quantizer.model.model
    _restore_heads(result, model, [layer.name for layer in active if layer.is_head])
    _spell_unsigned(result)
    _tidy(result)
    broken = violations(result, "10") if checked else ()
    if broken:
        raise NetworkError(f"the quantised graph is not one that TensorRT takes: {broken[0]}")
    return result


def _tensors(ranges: Ranges) -> TensorsData:
    """Symmetric ranges as the quantiser takes them; it makes the scale (high - low) / 254."""
    limits = {name: (np.float32(-most), np.float32(most)) for name, most in ranges.items()}
    return TensorsData(CalibrationMethod.MinMax, limits)


def _restore_heads(result: Any, model: Any, heads: Collection[str]) -> None:
    weights = {node.name: node.input[1] for node in model.graph.node if node.name in set(heads)}
    present = {one.name for one in result.graph.initializer}
    for node in result.graph.node:
        if node.name in weights:
            node.input[1] = weights[node.name]
    floats = set(weights.values()) - present
    result.graph.initializer.extend(one for one in model.graph.initializer if one.name in floats)


def _spell_unsigned(result: Any) -> None:
    """Pairs behind a ReLU get an unsigned zero point 0 of their own."""
    producers = {output: node for node in result.graph.node for output in node.output}
    positive = set()
    for node in result.graph.node:
        producer = producers.get(node.input[0]) if node.op_type == "QuantizeLinear" else None
        if producer is not None and producer.op_type == "Relu":
            positive.add(node.output[0])
    for node in result.graph.node:
        behind = node.op_type == "DequantizeLinear" and node.input[0] in positive
        if behind or (node.op_type == "QuantizeLinear" and node.output[0] in positive):
            node.input[2] = "zero_unsigned"
    if positive:
        result.graph.initializer.append(numpy_helper.from_array(np.zeros((), np.uint8), "zero_unsigned"))


def _tidy(result: Any) -> None:
    """One signed zero point for all activations, nothing unused, this project's name on it."""
    graph = result.graph
    scalar_zeros = {one.name for one in graph.initializer
                    if one.data_type == TensorProto.INT8 and not one.dims and not numpy_helper.to_array(one)}
    for node in graph.node:
        if len(node.input) > 2 and node.input[2] in scalar_zeros:
            node.input[2] = "zero_signed"
    graph.initializer.append(numpy_helper.from_array(np.zeros((), np.int8), "zero_signed"))
    _drop_unused(graph)
    del graph.value_info[:]
    result.producer_name, result.producer_version = PRODUCER, ""


def _drop_unused(graph: Any) -> None:
    wanted = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if any(output in wanted for output in node.output):
            wanted.update(node.input)
        else:
            graph.node.remove(node)
    unused = [one for one in graph.initializer if one.name not in wanted]
    for one in unused:
        graph.initializer.remove(one)


def integer_share(result: Any, chosen: Sequence[Layer]) -> float:
    """The share of all multiply-adds whose two operands are 8-bit integers."""
    makers = {output: node.op_type for node in result.graph.node for output in node.output}
    quantised = {
        node.name for node in result.graph.node
        if node.op_type == "Conv" and all(makers.get(name) == "DequantizeLinear" for name in node.input[:2])
    }
    total = sum(layer.multiply_adds for layer in chosen)
    return sum(layer.multiply_adds for layer in chosen if layer.name in quantised) / max(1, total)


def scales_of(result: Any) -> dict[str, float]:
    """Tensor name -> scale of every activation that is quantised."""
    fixed = {one.name: numpy_helper.to_array(one) for one in result.graph.initializer}
    return {node.input[0]: float(fixed[node.input[1]]) for node in result.graph.node
            if node.op_type == "QuantizeLinear" and node.input[0] not in fixed}


def ranges_from_scales(scales: dict[str, float]) -> Ranges:
    """Ranges that give these scales."""
    return {name: scale * LEVELS for name, scale in scales.items()}


@contextmanager
def _quiet() -> Any:
    """The quantiser recommends its own preprocessing in a warning each time; the graph has been through it."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(level)
