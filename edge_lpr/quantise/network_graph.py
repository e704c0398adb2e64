"""A float ONNX graph made ready for quantising, and its layers."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference, version_converter
from onnxruntime.quantization.shape_inference import quant_pre_process

from edge_lpr.errors import NetworkError

OPSET = 17
LEAST_OPSET = 13
"""Per-channel QuantizeLinear came with opset 13."""
WEIGHTED = ("Conv",)
QUANTISED = ("Conv", "Add", "MaxPool")
"""What TensorRT runs in INT8 to advantage; everything else stays in float or moves through unchanged."""


@dataclass(frozen=True)
class Layer:
    """One node that may be quantised. `multiply_adds` at the card's input size, 0 for Add and MaxPool; `is_head`: an
    output of the network hangs on it with no other layer between, so it stays in float."""

    name: str
    op: str
    multiply_adds: int
    is_head: bool


def load_float(path: Path) -> Any:
    """The float network as an onnx.ModelProto, normalisations folded into convolutions, every node named.

    Raises NetworkError when it is absent, damaged, or quantised already.
    """
    try:
        model = onnx.load(str(path))
        if model.opset_import[0].version < LEAST_OPSET:
            model = version_converter.convert_version(model, OPSET)
        with tempfile.TemporaryDirectory(prefix="edge-lpr-calibrate-") as folder:
            ready = Path(folder) / "ready.onnx"
            quant_pre_process(model, str(ready), skip_symbolic_shape=True)
            model = onnx.load(str(ready))
    except Exception as error:  # onnx, protobuf and ONNX Runtime raise classes that share no other base
        raise NetworkError(f"{path}: not an ONNX network that can be quantised: {error}") from error
    if any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in model.graph.node):
        raise NetworkError(f"{path}: is quantised already; give the float network")
    for at, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{at}"
    del model.graph.value_info[:]
    used = {node.domain for node in model.graph.node} | {""}
    for one in [one for one in model.opset_import if one.domain not in used]:
        model.opset_import.remove(one)
    return model


def constants(model: Any) -> dict[str, Any]:
    """The initialisers of a graph as arrays."""
    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}


def layers(model: Any, shape: Sequence[int]) -> tuple[Layer, ...]:
    """The nodes that may be quantised, in the graph's order; `shape` (C, H, W) of the input."""
    fixed = set(constants(model))
    sizes = output_sizes(model, shape)
    reach = _reaches_output(model)
    found = []
    for node in model.graph.node:
        if node.op_type not in QUANTISED or (node.op_type == "Add" and fixed & set(node.input)):
            continue
        if node.op_type in WEIGHTED and node.input[1] not in fixed:
            continue
        adds = _multiply_adds(node, constants_of(model, node), sizes) if node.op_type in WEIGHTED else 0
        found.append(Layer(node.name, node.op_type, adds, node.op_type in WEIGHTED and node.name in reach))
    return tuple(found)


def constants_of(model: Any, node: Any) -> dict[str, Any]:
    """The initialisers that one node uses."""
    return {one.name: numpy_helper.to_array(one) for one in model.graph.initializer if one.name in node.input}


def output_sizes(model: Any, shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Tensor name -> shape for one picture of `shape` (C, H, W)."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    axes = copy.graph.input[0].type.tensor_type.shape.dim
    for axis, size in zip(axes, (1, *shape), strict=True):
        axis.dim_value = size
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(copy, data_prop=True).graph
    entries = [*inferred.value_info, *inferred.output, *inferred.input]
    return {one.name: tuple(d.dim_value for d in one.type.tensor_type.shape.dim) for one in entries}


def _multiply_adds(node: Any, weights: dict[str, Any], sizes: dict[str, tuple[int, ...]]) -> int:
    kernel = weights[node.input[1]]
    places = int(np.prod(sizes[node.output[0]][2:]))
    return int(kernel.size * places)


def _reaches_output(model: Any) -> set[str]:
    """Names of nodes from which an output is reached without passing another convolution."""
    producers = {output: node for node in model.graph.node for output in node.output}
    waiting = [output.name for output in model.graph.output]
    found: set[str] = set()
    while waiting:
        node = producers.get(waiting.pop())
        if node is None or node.name in found:
            continue
        found.add(node.name)
        if node.op_type not in WEIGHTED:
            waiting += node.input
    return found


def consumers(model: Any) -> dict[str, list[Any]]:
    """Tensor name -> the nodes that take it."""
    found: dict[str, list[Any]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            found[name].append(node)
    return found


def quantised_tensors(model: Any, chosen: Sequence[Layer]) -> tuple[str, ...]:
    """The activations whose range must be known: every non-constant input of the layers."""
    fixed, names = set(constants(model)), {layer.name for layer in chosen}
    found: dict[str, None] = {}
    for node in model.graph.node:
        if node.name in names:
            data = node.input[:1] if node.op_type in WEIGHTED else node.input
            found.update({name: None for name in data if name and name not in fixed})
    return tuple(found)


def with_outputs(model: Any, names: Sequence[str]) -> Any:
    """A copy that also gives these tensors."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    present = {output.name for output in copy.graph.output} | {one.name for one in copy.graph.input}
    for name in names:
        if name not in present:
            copy.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    return copy
