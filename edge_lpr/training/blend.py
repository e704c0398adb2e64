"""The weights of two networks of one architecture, averaged: where a fine-tuned network gained in one place and lost in
another, the mean of both often keeps most of either (Wortsman et al. 2022, Robust fine-tuning of zero-shot models)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from edge_lpr.errors import NetworkError
from edge_lpr.training.warm_start import folded_weights, load_model


def blend(path: Path, other: Path, share: float) -> None:
    """Replace the weights of the float ONNX file `path` by (1 - share) times them + share times those of `other`.

    Raises NetworkError when the two are not of one architecture, or share is not in 0..1.
    """
    if not 0.0 <= share <= 1.0:
        raise NetworkError(f"share {share} of {other}: must be in 0..1")
    model = load_model(path)
    mine, theirs = folded_weights(model, path), folded_weights(load_model(other), other)
    if [weight.shape for weight, _ in mine] != [weight.shape for weight, _ in theirs]:
        raise NetworkError(f"{other}: not of the architecture of {path}")
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    for number, (node, one, two) in enumerate(zip(nodes, mine, theirs, strict=True)):
        for place in (1, 2):  # a constant of its own each: equal ones were written once
            name, value = f"blended.{number}.{place}", (1.0 - share) * one[place - 1] + share * two[place - 1]
            model.graph.initializer.append(onnx.numpy_helper.from_array(value.astype(np.float32), name))
            node.input[place] = name
    _drop_unused(model)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


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
