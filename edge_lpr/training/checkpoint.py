"""What a checkpoint of the training loop holds, read back: weights, config, how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from edge_lpr.errors import NetworkError
from edge_lpr.training.schedule import TrainingState


def load_weights(net: nn.Module, path: Path) -> dict[str, Any]:
    """Load the averaged weights of a checkpoint into `net`; returns the config that the checkpoint carries."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(saved["averaged"])
    except (OSError, KeyError, RuntimeError) as error:
        raise NetworkError(f"{path}: not a checkpoint of this network: {error}") from error
    return dict(saved["config"])


def read_config(path: Path) -> dict[str, Any]:
    """The config that a checkpoint carries, as a dict of plain values."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True)["config"])
    except (OSError, KeyError, RuntimeError) as error:
        raise NetworkError(f"{path}: not a checkpoint: {error}") from error


def read_state(path: Path) -> TrainingState:
    """How far the training of a checkpoint is."""
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True)["state"])
    except (OSError, KeyError, TypeError, RuntimeError) as error:
        raise NetworkError(f"{path}: not a checkpoint: {error}") from error
