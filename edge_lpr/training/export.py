"""From a checkpoint to the files that ship: ONNX (opset 17, dynamic batch) and its model card.

The graph is checked against torch through ONNX Runtime before the card is written.
"""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from edge_lpr.errors import NetworkError
from edge_lpr.networks.card import ALPHABET_36, InputSpec, ModelCard, sha256_of, write_card
from edge_lpr.settings_file import from_table
from edge_lpr.training.blend import blend
from edge_lpr.training.detector_net import (
    BOX_SCALE_PX,
    CENTRE_OFFSET_PX,
    STRIDE,
    DetectorNet,
    DetectorShape,
    ExportedDetector,
)
from edge_lpr.training.loop import load_weights, read_config, read_state
from edge_lpr.training.reader_net import INPUT_HEIGHT, ReaderNet, ReaderNetConfig, multiply_adds

OPSET = 17
TOLERANCE = 1e-3
"""Largest difference between torch and ONNX Runtime, on outputs of order 1 to 10 in float32."""
READER_FILE = "lprnet.onnx"
DETECTOR_FILE = "lpdnet.onnx"
DETECTOR_SHAPE = (3, 480, 640)
DETECTOR_PARAMETERS = {
    "stride": float(STRIDE),
    "box_scale": BOX_SCALE_PX,
    "centre_offset": CENTRE_OFFSET_PX,
    "threshold": 0.4,
    "nms_iou": 0.3,
}


@dataclass(frozen=True)
class Ports:
    """Names of the graph's tensors, and which of their axes are free."""

    image: str
    outputs: tuple[str, ...]
    free: dict[str, dict[int, str]]


Blended = tuple[Path, float]
"""An ONNX file, and its share (0..1) in the weights."""


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


def export_reader(
    checkpoint: Path, out: Path, parameters: dict[str, float], metrics: dict[str, Any], blended: Blended | None = None
) -> Path:
    """Write `out`/lprnet.onnx and `out`/card.json from a reader's checkpoint; returns the ONNX file.

    `parameters` replace those of the card (temperature), `metrics` are added to its own; `blended` a network of the
    same architecture and its share in the weights.
    """
    _apart(out / READER_FILE, blended)
    config = from_table(ReaderNetConfig, _shape(checkpoint, "net", "reader"), str(checkpoint))
    net = ReaderNet(config)
    load_weights(net, checkpoint)
    shape = (3, INPUT_HEIGHT, config.width)
    ports = Ports("image", ("log_probs",), {"image": {0: "batch"}, "log_probs": {0: "batch"}})
    export_onnx(net.eval(), shape, ports, out / READER_FILE)
    card = ModelCard(
        task="read",
        name="edge_lpr reader",
        file=READER_FILE,
        input=InputSpec(name=ports.image, shape=shape, resize="stretch"),
        outputs={"log_probs": "log_probs"},
        decoder="ctc",
        alphabet=ALPHABET_36,
        parameters={"temperature": 1.0, **parameters},
    )
    return _finish(card, net, checkpoint, out, metrics, blended)


def export_detector(
    checkpoint: Path, out: Path, parameters: dict[str, float], metrics: dict[str, Any], blended: Blended | None = None
) -> Path:
    """Write `out`/lpdnet.onnx and `out`/card.json from a detector's checkpoint; returns the ONNX file.

    The graph takes any height and width that are multiples of 32. `parameters` replace those of the card (threshold,
    nms_iou); `blended` as of `export_reader`.
    """
    _apart(out / DETECTOR_FILE, blended)
    trained = DetectorNet(from_table(DetectorShape, _shape(checkpoint, "shape", "detector"), str(checkpoint)))
    load_weights(trained, checkpoint)
    net = ExportedDetector(trained.eval())
    roles = {"coverage": "output_cov", "boxes": "output_bbox", "corners": "output_corners"}
    free = {name: {0: "batch", 2: "rows", 3: "columns"} for name in roles.values()}
    ports = Ports("input_1", tuple(roles.values()), {**free, "input_1": {0: "batch", 2: "height", 3: "width"}})
    export_onnx(net.eval(), DETECTOR_SHAPE, ports, out / DETECTOR_FILE)
    card = ModelCard(
        task="detect",
        name="edge_lpr detector",
        file=DETECTOR_FILE,
        input=InputSpec(name=ports.image, shape=DETECTOR_SHAPE),
        outputs=roles,
        decoder="gridbox_corners",
        parameters={**DETECTOR_PARAMETERS, **parameters},
    )
    return _finish(card, net, checkpoint, out, metrics, blended)


def _shape(checkpoint: Path, key: str, task: str) -> dict[str, Any]:
    """The table of a checkpoint's config that says how its net is built."""
    config = read_config(checkpoint)
    if not isinstance(config.get(key), dict):
        raise NetworkError(f"{checkpoint}: not a checkpoint of edge-lpr train {task}")
    return dict(config[key])


def _apart(path: Path, blended: Blended | None) -> None:
    if blended is not None and blended[0].resolve() == path.resolve():
        raise NetworkError(f"{path}: would be overwritten before it is blended; give another --out, or a copy of it")


def _finish(
    card: ModelCard, net: nn.Module, checkpoint: Path, out: Path, metrics: dict[str, Any], blended: Blended | None
) -> Path:
    """Blend the file's weights if asked to, complete the card with what is known of file and training, and write it."""
    path = out / card.file
    record = training_record(checkpoint, "reader" if card.task == "read" else "detector", out)
    if blended is not None:
        blend(path, *blended)
        record["blended"] = {"file": str(blended[0]), "sha256": sha256_of(blended[0]), "share": blended[1]}
        record["repeat"][-1] += f" --blend {blended[0]}={blended[1]}"
    figures = {**size_figures(net, card.input.shape, path), **metrics}
    write_card(replace(card, sha256=sha256_of(path), metrics=figures, training=record), out / "card.json")
    return path


def size_figures(net: nn.Module, shape: Sequence[int], path: Path) -> dict[str, Any]:
    """Parameters, multiply-adds and bytes of a network, for its card."""
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_adds": multiply_adds(net, shape),
        "file_bytes": path.stat().st_size,
    }


def training_record(checkpoint: Path, task: str, out: Path) -> dict[str, Any]:
    """How the weights came about: the config, how long, the commit, and the commands that repeat it."""
    state = read_state(checkpoint)
    return {
        "config": read_config(checkpoint),
        "samples": state.samples,
        "minutes": round(state.elapsed_s / 60.0, 1),
        "commit": _commit(),
        "repeat": [
            f"edge-lpr train {task} --config CONFIG --out runs/{task}   # CONFIG: the table above as TOML",
            f"edge-lpr export {task} --checkpoint runs/{task}/{checkpoint.name} --out engines/{out.name}",
        ],
    }


def _commit() -> str:
    """The commit that the package's checkout is at; '' outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
