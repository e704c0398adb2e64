"""What a checkpoint of the training loop holds, read back: weights, config, how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge_lpr.errors import NetworkError
from edge_lpr.training.schedule import TrainingState

PARTS = ("config", "state", "net", "averaged", "optimiser", "rng")


def load_checkpoint(path: Path) -> dict[str, Any]:
    """All that a checkpoint holds, by PARTS. Raises NetworkError for a file that is none."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise NetworkError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # of a file of another kind torch's unpickler raises nearly anything, over many lines
        raise NetworkError(f"{path}: not a checkpoint of edge-lpr train") from error
    if not isinstance(saved, dict) or any(part not in saved for part in PARTS):
        raise NetworkError(f"{path}: not a checkpoint of edge-lpr train; it must hold {', '.join(PARTS)}")
    return saved


def load_weights(net: nn.Module, path: Path) -> dict[str, Any]:
    """Load the averaged weights of a checkpoint into `net`; returns the config that the checkpoint carries."""
    saved = load_checkpoint(path)
    try:
        net.load_state_dict(saved["averaged"])
    except RuntimeError as error:
        raise NetworkError(f"{path}: not a checkpoint of this network: its weights do not fit") from error
    return dict(saved["config"])


def read_config(path: Path) -> dict[str, Any]:
    """The config that a checkpoint carries, as a dict of plain values."""
    return dict(load_checkpoint(path)["config"])


def read_state(path: Path) -> TrainingState:
    """How far the training of a checkpoint is."""
    try:
        return TrainingState(**load_checkpoint(path)["state"])
    except TypeError as error:
        raise NetworkError(f"{path}: not a checkpoint of this version: {error}") from error
