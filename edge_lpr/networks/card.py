"""The model card: the contract between a network file and the code that runs it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, dataclass, field, fields
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
    except OSError as error:
        raise NetworkError(f"{path}: not a model card: {error.strerror or error}") from error
    except ValueError as error:
        raise NetworkError(f"{path}: not a model card: not JSON: {error}") from error
    card = _checked(raw, ModelCard, path, "")
    spec = _checked(card["input"], InputSpec, path, "input.")
    shape = spec["shape"]
    if not (isinstance(shape, list) and len(shape) == 3 and all(isinstance(side, int) for side in shape)):
        raise NetworkError(f"{path}: not a model card: input.shape must be three whole numbers")
    return ModelCard(**{**card, "input": InputSpec(**{**spec, "shape": tuple(shape)})})


def _checked(table: Any, record: type[ModelCard] | type[InputSpec], path: Path, where: str) -> dict[str, Any]:
    """The table of a record's keys; NetworkError names those that are missing or not known."""
    if not isinstance(table, dict):
        what = where.rstrip(".") or "it"
        raise NetworkError(f"{path}: not a model card: {what} must be a JSON object")
    needed = [one.name for one in fields(record) if one.default is MISSING and one.default_factory is MISSING]
    if missing := [where + name for name in needed if name not in table]:
        raise NetworkError(f"{path}: not a model card: {', '.join(missing)} missing")
    if unknown := sorted(where + name for name in table.keys() - {one.name for one in fields(record)}):
        raise NetworkError(f"{path}: not a model card: {', '.join(unknown)} not known")
    return table
