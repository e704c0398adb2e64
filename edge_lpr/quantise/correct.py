"""What can be mended without training (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction", 2019): cross-layer equalisation before, bias correction after the ranges are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from edge_lpr.quantise.network_graph import WEIGHTED, Layer, constants, consumers
from edge_lpr.quantise.statistics import Statistics

LEAST_FACTOR, MOST_FACTOR = 0.05, 20.0
"""Channels that hardly carry anything would else be scaled without measure."""


def equalised(model: Any) -> tuple[Any, int]:
    """A copy whose neighbouring convolutions share their weights' ranges evenly, and how many pairs there were.

    Channel i between two convolutions with a ReLU is scaled by sqrt(r1 r2) / r2, r1 and r2 its largest weights before
    and behind (equation 11): what the network computes stays the same.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    values, users = constants(copy), consumers(copy)
    outputs = {output.name for output in copy.graph.output}
    pairs = 0
    for first in copy.graph.node:
        second = _neighbour(first, users, outputs)
        if second is None or not _is_plain(first, second, values):
            continue
        before, behind = values[first.input[1]], values[second.input[1]]
        r1 = np.abs(before).reshape(len(before), -1).max(axis=1)
        r2 = np.abs(behind).transpose(1, 0, 2, 3).reshape(behind.shape[1], -1).max(axis=1)
        usable = (r1 > 0) & (r2 > 0)
        factors = np.where(usable, np.sqrt(r1 * r2) / np.where(usable, r2, 1.0), 1.0)
        factors = np.clip(factors, LEAST_FACTOR, MOST_FACTOR).astype(np.float32)
        values[first.input[1]] = before / factors[:, None, None, None]
        values[first.input[2]] = values[first.input[2]] / factors
        values[second.input[1]] = behind * factors[None, :, None, None]
        pairs += 1
    _write(copy, values)
    return copy, pairs


def _neighbour(first: Any, users: dict[str, list[Any]], outputs: set[str]) -> Any:
    """The convolution behind `first` and a ReLU, when nothing else sees what is between them."""
    if first.op_type not in WEIGHTED:
        return None
    name = first.output[0]
    for wanted in ("Relu", "Conv"):
        after = users.get(name, [])
        if len(after) != 1 or name in outputs or after[0].op_type != wanted or after[0].input[0] != name:
            return None
        if wanted == "Conv":
            return after[0]
        name = after[0].output[0]
    return None


def _is_plain(first: Any, second: Any, values: dict[str, Any]) -> bool:
    groups = [one.i for node in (first, second) for one in node.attribute if one.name == "group"]
    known = first.input[1] in values and second.input[1] in values
    return known and len(first.input) > 2 and first.input[2] in values and all(group == 1 for group in groups)


def bias_corrected(model: Any, chosen: Sequence[Layer], statistics: Statistics, keep_float: Sequence[str] = ()) -> Any:
    """A copy whose biases make up for what rounding the weights adds to each channel's mean.

    The mean of the error is sum_c E[x_c] sum_k (W_q - W)[o, c, k]; borders, where the kernel reaches beyond, are left
    out of account.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    values = constants(copy)
    names = {layer.name for layer in chosen if layer.op in WEIGHTED and not layer.is_head} - set(keep_float)
    for node in copy.graph.node:
        seen = statistics.get(node.input[0]) if node.name in names else None
        if seen is None or len(node.input) < 3 or node.input[2] not in values:
            continue
        kernel = values[node.input[1]].astype(np.float64)
        error = (rounded(kernel) - kernel).reshape(*kernel.shape[:2], -1).sum(axis=2)
        if error.shape[1] == len(seen.channel_means):
            bias = values[node.input[2]]
            values[node.input[2]] = (bias - error @ seen.channel_means).astype(bias.dtype)
    _write(copy, values)
    return copy


def rounded(kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights as INT8 represents them, one scale an output channel."""
    most = np.abs(kernel).reshape(len(kernel), -1).max(axis=1)
    scale = np.maximum(most / 127.0, 1e-12)[:, None, None, None]
    return np.asarray(np.clip(np.round(kernel / scale), -127, 127) * scale)


def _write(model: Any, values: dict[str, Any]) -> None:
    for one in model.graph.initializer:
        one.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values[one.name]), one.name))
