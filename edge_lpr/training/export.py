"""From a checkpoint to the files that ship: ONNX (opset 17, dynamic batch) and its model card.

The graph is checked against torch through ONNX Runtime before the card is written.
"""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import ALPHABET_36, InputSpec, ModelCard, sha256_of, write_card
from edge_lpr.training.loop import load_weights, read_config
from edge_lpr.training.reader_net import INPUT_HEIGHT, ReaderNet, fuse, multiply_adds
from edge_lpr.training.settings import from_table
from edge_lpr.training.train_reader import ReaderTraining

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference between torch and ONNX Runtime, on outputs of order 1 to 10 in float32."""
READER_FILE = "lprnet.onnx"


@dataclass(frozen=True)
class Ports:
    """Names of the graph's tensors, and which of their axes are free."""

    image: str
    outputs: tuple[str, ...]
    free: dict[str, dict[int, str]]


def export_onnx(net: nn.Module, shape: Sequence[int], ports: Ports, path: Path) -> None:
    """Write `net` (eval mode, on the CPU) as ONNX, whole or not at all; verified on batches of 1 and 3.

    `shape` is (C, H, W) of the input. Raises NetworkError when ONNX Runtime computes something else than torch.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with warnings.catch_warnings(), torch.no_grad():
        # The exporter through TorchScript writes plain Conv graphs; its replacement warns at every call.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net,
            (torch.zeros(1, *shape),),
            str(draft),
            opset_version=OPSET,
            dynamo=False,
            input_names=[ports.image],
            output_names=list(ports.outputs),
            dynamic_axes=ports.free,
        )
    onnx.checker.check_model(str(draft), full_check=True)
    try:
        verify(net, draft, shape, ports)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def verify(net: nn.Module, path: Path, shape: Sequence[int], ports: Ports) -> float:
    """The largest absolute difference between torch and ONNX Runtime on random pictures; an error above TOLERANCE."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in (1, 3):
        image = np.random.default_rng(count).random((count, *shape), np.float32)
        found = session.run(list(ports.outputs), {ports.image: image})
        with torch.no_grad():
            wanted = net(torch.from_numpy(image))
        wanted = wanted if isinstance(wanted, (tuple, list)) else (wanted,)
        for one, other in zip(wanted, found, strict=True):
            if tuple(one.shape) != other.shape:
                raise NetworkError(f"{path}: the exported graph gives {other.shape} instead of {tuple(one.shape)}")
            worst = max(worst, float(np.abs(one.numpy() - other).max()))
    if not worst <= TOLERANCE:
        raise NetworkError(f"{path}: the exported graph differs from the trained net by {worst:.3g}")
    return worst


def export_reader(checkpoint: Path, out: Path, temperature: float = 1.0, metrics: dict[str, Any] | None = None) -> Path:
    """Write `out`/lprnet.onnx and `out`/card.json from a reader's checkpoint; returns the ONNX file."""
    record = read_config(checkpoint)
    config = from_table(ReaderTraining, record, str(checkpoint))
    net = ReaderNet(config.net)
    load_weights(net, checkpoint)
    fuse(net.eval())
    shape = (3, INPUT_HEIGHT, config.net.width)
    ports = Ports("image", ("log_probs",), {"image": {0: "batch"}, "log_probs": {0: "batch"}})
    path = out / READER_FILE
    export_onnx(net, shape, ports, path)
    card = ModelCard(
        task="read",
        name="edge_lpr reader",
        file=READER_FILE,
        input=InputSpec(name="image", shape=shape, resize="stretch"),
        outputs={"log_probs": "log_probs"},
        decoder="ctc",
        alphabet=ALPHABET_36,
        parameters={"temperature": temperature},
        sha256=sha256_of(path),
        metrics={**size_figures(net, shape, path), **(metrics or {})},
        training=training_record(record, checkpoint, "reader"),
    )
    write_card(card, out / "card.json")
    return path


def size_figures(net: nn.Module, shape: Sequence[int], path: Path) -> dict[str, Any]:
    """Parameters, multiply-adds and bytes of a network, for its card."""
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_adds": multiply_adds(net, shape),
        "file_bytes": path.stat().st_size,
    }


def training_record(config: dict[str, Any], checkpoint: Path, task: str) -> dict[str, Any]:
    """How the weights came about: the config, how long, the commit, and the commands that repeat it."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state"]
    return {
        "config": config,
        "samples": state["samples"],
        "minutes": round(state["elapsed_s"] / 60.0, 1),
        "commit": _commit(),
        "repeat": [
            f"edge-lpr train {task} --config {task}.toml --out runs/{task}",
            f"edge-lpr export {task} --checkpoint runs/{task}/{checkpoint.name} --out engines/NAME",
        ],
    }


def _commit() -> str:
    """The commit that the package's checkout is at; '' outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
