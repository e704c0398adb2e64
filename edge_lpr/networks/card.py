"""The model card: the contract between a network file and the code that runs it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edge_lpr.errors import NetworkError

ALPHABET_36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class InputSpec:
    """The input tensor: `shape` (C, H, W), `colour` 'rgb' or 'grey', values = (pixel - mean) * scale."""

    name: str
    shape: tuple[int, int, int]
    colour: str = "rgb"
    scale: float = 1.0 / 255.0
    mean: float = 0.0
    resize: str = "letterbox"
    """How a picture is fitted: 'letterbox' keeps the aspect ratio, 'stretch' does not."""


@dataclass(frozen=True)
class ModelCard:
    """What a network takes and gives. One class for training, export and runtime; JSON beside the ONNX file.

    `task` 'detect' or 'read'; `outputs` tensor names by role ('coverage', 'boxes', 'corners' | 'log_probs',
    'indices', 'probs'); `decoder` the name of the decode that fits; `parameters` its numbers (stride, box scale,
    default threshold, temperature...); `metrics` and `training` are for people and reports. `precision` 'float32' or
    'int8'; an INT8 network's `quantisation` says what it was made from, how, and what it costs (see `quantise/`).
    """

    task: str
    name: str
    file: str
    input: InputSpec
    outputs: dict[str, str]
    decoder: str
    alphabet: str = ""
    parameters: dict[str, float] = field(default_factory=dict)
    sha256: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    precision: str = "float32"
    quantisation: dict[str, Any] = field(default_factory=dict)


def write_card(card: ModelCard, path: Path) -> None:
    """Write the card as JSON, keys in field order."""
    path.write_text(json.dumps(asdict(card), indent=1) + "\n")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_card(path: Path) -> ModelCard:
    """Read `card.json` (or a folder that holds one).

    Raises NetworkError when the file is missing, is not JSON, or has an unknown or missing key.
    """
    path = path / "card.json" if path.is_dir() else path
    try:
        raw = json.loads(path.read_text())
        spec = dict(raw.pop("input"))
        spec["shape"] = tuple(spec["shape"])
        return ModelCard(input=InputSpec(**spec), **raw)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"{path}: not a model card: {error}") from error
