"""Weights of an exported network as the start of a training: what ships in `engines/` can be trained further.

An export folds each batch normalisation into its convolution. Here the folded weights go back into the convolutions,
and the normalisations are set to the statistics that they meet on the first training pictures, so that the net computes
what the file computes, in training as well.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from edge_lpr.errors import NetworkError
from edge_lpr.records import Floats

TOLERANCE = 2e-3
"""Largest difference between the loaded net and the file, on outputs of order 1 to 10 in float32."""


def load_exported(net: nn.Module, path: Path, pictures: Tensor) -> None:
    """Load the float ONNX file `path` into `net`; `pictures` float32 (N, 3, H, W), RGB 0..1, are typical inputs.

    Raises NetworkError when the file is not an export of such a net.
    """
    convolutions = _in_order(net, pictures[:1])
    weights = folded_weights(load_model(path), path)
    shapes = [tuple(conv.weight.shape) for conv in convolutions]
    if shapes != [weight.shape for weight, _ in weights]:
        raise NetworkError(f"{path}: its convolutions are not those of the net that the config describes")
    norms = _norms(net)
    with torch.no_grad():
        for conv, (weight, bias) in zip(convolutions, weights, strict=True):
            conv.weight.copy_(torch.from_numpy(weight))
            if conv in norms:
                _pass_through(norms[conv], torch.from_numpy(bias))
            elif conv.bias is not None:
                conv.bias.copy_(torch.from_numpy(bias))
        _compare(net, path, pictures[:2])
        _settle(net, norms, pictures)
        _compare(net, path, pictures[:2])


def _in_order(net: nn.Module, picture: Tensor) -> list[nn.Conv2d]:
    """The convolutions in the order in which they run, which is that of an exported graph."""
    ran: list[nn.Conv2d] = []
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    hooks = [layer.register_forward_hook(lambda layer, _inputs, _output: ran.append(layer)) for layer in layers]
    training = net.training
    with torch.no_grad():
        net.eval()(picture)
    net.train(training)
    for hook in hooks:
        hook.remove()
    return ran


def load_model(path: Path) -> onnx.ModelProto:
    """The ONNX file. Raises NetworkError."""
    try:
        return onnx.load(str(path))
    except Exception as error:  # onnx raises whatever protobuf raises
        raise NetworkError(f"{path}: not an ONNX file: {error}") from error


def folded_weights(model: onnx.ModelProto, path: Path) -> list[tuple[Floats, Floats]]:
    """Weight and bias of each convolution of a graph, in order. Raises NetworkError, which names `path`."""
    graph = model.graph
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:  # equal constants are written once
            constants[node.output[0]] = constants[node.input[0]]
        if node.op_type == "Conv":
            if not all(name in constants for name in node.input[1:]) or len(node.input) != 3:
                raise NetworkError(f"{path}: {node.name} has no constant float weight and bias; give the float network")
            weight, bias = (np.array(constants[name], np.float32) for name in node.input[1:])
            found.append((weight, bias))
    return found


def _norms(net: nn.Module) -> dict[nn.Module, nn.BatchNorm2d]:
    """The normalisation that follows each convolution that has one."""
    pairs: dict[nn.Module, nn.BatchNorm2d] = {}
    for group in net.modules():
        if isinstance(group, nn.Sequential):
            layers = list(group)
            for layer, following in zip(layers, layers[1:], strict=False):
                if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                    pairs[layer] = following
    return pairs


def _pass_through(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Make a normalisation add `bias` and nothing else."""
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)
    norm.weight.fill_(1.0)
    norm.bias.copy_(bias)


def _settle(net: nn.Module, norms: dict[nn.Module, nn.BatchNorm2d], pictures: Tensor) -> None:
    """Give each normalisation the statistics of what reaches it, and the scale and shift that undo them."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def note(norm: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        seen[norm] = (inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3)))

    hooks = [norm.register_forward_hook(note) for norm in norms.values()]
    training = net.training
    net.eval()(pictures)
    net.train(training)
    for hook in hooks:
        hook.remove()
    for norm in norms.values():
        mean, spread = seen[norm]
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(spread)
        norm.weight.copy_((spread + norm.eps).sqrt())
        norm.bias.add_(mean)


def _compare(net: nn.Module, path: Path, pictures: Tensor) -> None:
    """Raise NetworkError unless net and file give the same on `pictures`; outputs behind a sigmoid in the file count as
    the same where their logits do."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    fixed = session.get_inputs()[0].shape[2:]
    if all(isinstance(side, int) for side in fixed):  # the net may be told another width than the file has
        pictures = nn.functional.interpolate(pictures, fixed, mode="bilinear")
    wanted = session.run(None, {session.get_inputs()[0].name: pictures.cpu().numpy()})
    training = net.training
    given = net.eval()(pictures)
    net.train(training)
    given = given if isinstance(given, (tuple, list)) else (given,)
    for one, other in zip(given, wanted, strict=True):
        found = one.float().cpu().numpy()
        apart = min(float(np.abs(found - other).max()), float(np.abs(1 / (1 + np.exp(-found)) - other).max()))
        if not apart <= TOLERANCE:
            raise NetworkError(f"{path}: the loaded net differs from the file by {apart:.3g}: not an export of it")
