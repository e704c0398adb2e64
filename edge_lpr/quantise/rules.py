"""The rules by which TensorRT takes a Q/DQ graph, enforced on any graph; a violation names the node.

TensorRT 8.6: signed 8-bit everywhere, zero points all 0, scales positive, one scale a tensor for activations and one an
output channel for weights, weights in float behind a Q/DQ pair, float biases, opset 13 or later; only Conv, Add and
MaxPool between Q/DQ, heads in float, both inputs of a residual Add quantised. The parsers of 10 and 11 also take
weights that are stored as INT8, and read an unsigned zero point 0 as a signed one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto

from edge_lpr.quantise.network_graph import LEAST_OPSET, QUANTISED, WEIGHTED, constants, consumers

VERSIONS = ("8.6", "10")
"""The oldest TensorRT that is supported, and the first that is less strict; 11 takes what 10 takes."""
MOVES_ONLY = frozenset({"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"})


@dataclass(frozen=True)
class Violation:
    """A rule that a node breaks."""

    node: str
    op: str
    rule: str

    def __str__(self) -> str:
        return f"{self.op} {self.node!r}: {self.rule}"


class _Graph:
    """A graph with what the rules ask of it."""

    def __init__(self, model: Any) -> None:
        self.nodes = list(model.graph.node)
        self.fixed = constants(model)
        self.types = {one.name: one.data_type for one in model.graph.initializer}
        self.producers = {output: node for node in self.nodes for output in node.output}
        self.consumers = consumers(model)
        self.outputs = {output.name for output in model.graph.output}

    def behind(self, name: str) -> Any:
        """The node that makes a tensor, passing over what only moves values; None for inputs and constants."""
        node = self.producers.get(name)
        while node is not None and node.op_type in MOVES_ONLY:
            node = self.producers.get(node.input[0])
        return node

    def is_dequantised(self, name: str) -> bool:
        node = self.behind(name)
        return node is not None and node.op_type == "DequantizeLinear"


def violations(model: Any, tensorrt: str = "8.6") -> tuple[Violation, ...]:
    """Every broken rule of an onnx.ModelProto, in the graph's order; () when TensorRT takes it.

    `tensorrt` is one of VERSIONS.
    """
    if tensorrt not in VERSIONS:
        raise ValueError(f"TensorRT {tensorrt!r}: rules are known for {', '.join(VERSIONS)}")
    graph, strict = _Graph(model), tensorrt == "8.6"
    found = list(_opset(model))
    for node in graph.nodes:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            found += [Violation(node.name, node.op_type, rule) for rule in _pair_rules(graph, node, strict)]
        elif node.op_type in WEIGHTED:
            found += [Violation(node.name, node.op_type, rule) for rule in _conv_rules(graph, node)]
        else:
            found += [Violation(node.name, node.op_type, rule) for rule in _other_rules(graph, node)]
    return tuple(found)


def _opset(model: Any) -> Iterator[Violation]:
    for one in model.opset_import:
        if one.domain in ("", "ai.onnx") and one.version < LEAST_OPSET:
            yield Violation(model.graph.name, "graph", f"opset {one.version}; {LEAST_OPSET} or later is needed")
        elif one.domain not in ("", "ai.onnx") and any(node.domain == one.domain for node in model.graph.node):
            yield Violation(model.graph.name, "graph", f"operators of domain {one.domain!r}, which TensorRT lacks")


def _pair_rules(graph: _Graph, node: Any, strict: bool) -> Iterator[str]:
    """Rules of one QuantizeLinear or DequantizeLinear."""
    if len(node.input) < 3 or not node.input[2]:
        yield "has no zero point, which makes it unsigned; give a signed 8-bit one of 0"
        return
    scale, zero = graph.fixed.get(node.input[1]), graph.fixed.get(node.input[2])
    if scale is None or zero is None:
        yield "scale and zero point must be constants"
        return
    kind = graph.types[node.input[2]]
    if kind == TensorProto.INT32:
        yield "dequantises a 32-bit bias; biases stay in float"
        return
    if kind not in (TensorProto.INT8, *(() if strict else (TensorProto.UINT8,))):
        yield f"zero point is {TensorProto.DataType.Name(kind)}; INT8 is allowed"
    if np.any(zero != 0):
        yield f"zero point is {np.ravel(zero)[np.flatnonzero(zero)[0]]}; only 0 is allowed (symmetric)"
    if not np.all(np.isfinite(scale)) or np.any(scale <= 0):
        yield "scale must be positive and finite"
    if np.size(scale) != np.size(zero):
        yield f"{np.size(scale)} scales but {np.size(zero)} zero points"
    if np.size(scale) > 1 and not _is_weight(graph, node):
        yield f"{np.size(scale)} scales for an activation; one is allowed"
    if node.op_type == "QuantizeLinear":
        yield from _quantize_rules(graph, node)
    elif strict and node.input[0] in graph.fixed:
        yield "dequantises a constant that is stored as INT8: TensorRT 8.6 takes float weights behind a Q/DQ pair"


def _quantize_rules(graph: _Graph, node: Any) -> Iterator[str]:
    after = graph.consumers.get(node.output[0], [])
    if not after or any(one.op_type != "DequantizeLinear" for one in after):
        yield "its output must go to DequantizeLinear alone"
    for one in after:
        if one.op_type == "DequantizeLinear" and list(one.input[1:3]) != list(node.input[1:3]):
            same = all(
                np.array_equal(graph.fixed.get(a, 0), graph.fixed.get(b, 1))
                for a, b in zip(node.input[1:3], one.input[1:3], strict=True)
            )
            if not same:
                yield f"differs in scale or zero point from its DequantizeLinear {one.name!r}"


def _is_weight(graph: _Graph, node: Any) -> bool:
    """Whether a Q or DQ works on a constant: directly, or through the other one of its pair."""
    producer = graph.producers.get(node.input[0])
    return node.input[0] in graph.fixed or (producer is not None and producer.input[0] in graph.fixed)


def _conv_rules(graph: _Graph, node: Any) -> Iterator[str]:
    data, weight = graph.is_dequantised(node.input[0]), graph.producers.get(node.input[1])
    is_head = _is_head(graph, node)
    if len(node.input) > 2 and node.input[2] and graph.is_dequantised(node.input[2]):
        yield "its bias is dequantised; biases stay in float"
    if is_head and any(_quantised_behind(graph, output) for output in node.output):
        yield "a head's output is quantised; heads stay in float"
    if weight is None or weight.op_type != "DequantizeLinear":
        return  # it stays in float
    if not data:
        yield "its weights are quantised but its input is not"
    scale = graph.fixed.get(weight.input[1])
    kernel = graph.fixed.get(_origin(graph, weight))
    axis = next((one.i for one in weight.attribute if one.name == "axis"), 1)
    if scale is not None and kernel is not None and np.size(scale) > 1:
        if axis != 0:
            yield f"its weights have a scale for each index of axis {axis}; axis 0 (output channels) is allowed"
        elif np.size(scale) != kernel.shape[0]:
            yield f"its weights have {np.size(scale)} scales for {kernel.shape[0]} output channels"


def _origin(graph: _Graph, dequantise: Any) -> str:
    """The name of the constant behind a weight's DequantizeLinear, whether or not a QuantizeLinear is between."""
    producer = graph.producers.get(dequantise.input[0])
    return str(dequantise.input[0] if producer is None else producer.input[0])


def _other_rules(graph: _Graph, node: Any) -> Iterator[str]:
    """Rules of all nodes that are neither Q, DQ nor convolutions."""
    if node.op_type in MOVES_ONLY:
        return
    inputs = [name for name in node.input if name and name not in graph.fixed]
    quantised = [graph.is_dequantised(name) for name in inputs]
    if node.op_type == "Add" and len(inputs) == 2 and any(quantised) and not all(quantised):
        yield f"its input {inputs[quantised.index(False)]!r} is not quantised while the other is"
    if node.op_type not in QUANTISED and any(quantised) and _quantised_behind(graph, node.output[0]):
        yield f"is between Q/DQ pairs; only {', '.join(QUANTISED)} are"


def _quantised_behind(graph: _Graph, name: str) -> bool:
    return any(node.op_type == "QuantizeLinear" for node in graph.consumers.get(name, []))


def _is_head(graph: _Graph, node: Any) -> bool:
    """Whether an output of the network is reached from the node without passing a convolution or a pair."""
    waiting, seen = list(node.output), set()
    while waiting:
        name = waiting.pop()
        if name in graph.outputs:
            return True
        if name not in seen:
            seen.add(name)
            for one in graph.consumers.get(name, []):
                if one.op_type not in (*WEIGHTED, "QuantizeLinear"):
                    waiting += one.output
    return False
