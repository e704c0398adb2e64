"""The weights of two networks of one architecture, averaged: where a fine-tuned network gained in one place and lost in
another, the mean of both often keeps most of either (Wortsman et al. 2022, Robust fine-tuning of zero-shot models)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from edge_lpr.errors import NetworkError
from edge_lpr.records import Floats


def blend(path: Path, other: Path, share: float) -> None:
    """Replace the weights of the float ONNX file `path` by (1 - share) times them + share times those of `other`.

    Raises NetworkError when the two are not of one architecture, or share is not in 0..1.
    """
    if not 0.0 <= share <= 1.0:
        raise NetworkError(f"share {share} of {other}: must be in 0..1")
    model = onnx.load(str(path))
    mine, theirs = _weights(model, path), _weights(onnx.load(str(other)), other)
    if [weight.shape for weight in mine] != [weight.shape for weight in theirs]:
        raise NetworkError(f"{other}: not of the architecture of {path}")
    values = iter((1.0 - share) * one + share * two for one, two in zip(mine, theirs, strict=True))
    for number, node in enumerate(node for node in model.graph.node if node.op_type == "Conv"):
        for place in range(1, len(node.input)):  # a constant of its own each: equal ones were written once
            name = f"blended.{number}.{place}"
            model.graph.initializer.append(onnx.numpy_helper.from_array(next(values).astype(np.float32), name))
            node.input[place] = name
    _drop_unused(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


def _weights(model: onnx.ModelProto, path: Path) -> list[Floats]:
    """Weights and biases of the convolutions, in order."""
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:
            constants[node.output[0]] = constants[node.input[0]]
    names = [name for node in model.graph.node if node.op_type == "Conv" for name in node.input[1:]]
    if not names or any(name not in constants for name in names):
        raise NetworkError(f"{path}: no float network with constant convolutions")
    return [np.asarray(constants[name], np.float32) for name in names]


def _drop_unused(model: onnx.ModelProto) -> None:
    """Take out the constants that nothing reads any more."""
    graph = model.graph
    while True:
        read = {name for node in graph.node for name in node.input} | {one.name for one in graph.output}
        idle = [node for node in graph.node if node.op_type == "Identity" and node.output[0] not in read]
        for node in idle:
            graph.node.remove(node)
        if not idle:
            break
    for item in [item for item in graph.initializer if item.name not in read]:
        graph.initializer.remove(item)
