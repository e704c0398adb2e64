"""Which layers of a network learn in a transfer: all, the last alone, or from the last to the first in stages.

A frozen layer keeps its weights. The statistics of every normalisation stay as they are: those of a batch of few
photographs are far from those that the net will meet, and would undo in the first steps what it knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from edge_lpr.errors import ConfigError
from edge_lpr.training.detector_net import PRIOR, DetectorNet
from edge_lpr.training.reader_net import ReaderNet

METHODS = ("all", "last", "staged")
STAGES = (0.15, 0.4)
"""Shares of a staged training at which the second part and then the rest begin to learn."""


class Unfreezing:
    """Freezes and unfreezes the parts of a net as a training goes on.

    `last` trains the last layer alone, which the caller draws anew (what is often advised); `staged` begins with the
    last layer as it is, then trains the sequence (the pyramid of a detector) as well, then all.
    """

    def __init__(self, net: nn.Module, method: str) -> None:
        if method not in METHODS:
            raise ConfigError(f"method: {method!r} is not one of {', '.join(METHODS)}")
        self._net, self._method = net, method
        self._parts = parts_of(net)
        self._now = -1

    def apply(self, progress: float) -> None:
        """Set what learns at this share of the training; call it at each step, once the net is in training mode."""
        count = self._count(progress)
        if count != self._now:
            self._now = count
            learning = {id(p) for part in self._parts[:count] for module in part for p in module.parameters()}
            for parameter in self._net.parameters():
                parameter.requires_grad_(count == len(self._parts) or id(parameter) in learning)
        for module in self._net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()

    def _count(self, progress: float) -> int:
        """How many parts, from the last layer on, learn."""
        if self._method == "all":
            return len(self._parts)
        if self._method == "last":
            return 1
        return 1 + sum(progress >= share for share in STAGES)


def parts_of(net: nn.Module) -> tuple[Sequence[nn.Module], ...]:
    """The layers of a net in three parts: the last one(s), those before them, all others."""
    if isinstance(net, ReaderNet):
        tail = 1 + len(net.config.context)
        layers = list(net.body)
        return [net.head], layers[-tail:], layers[:-tail]
    if isinstance(net, DetectorNet):
        heads = [net.coverage, net.boxes, net.corners]
        pyramid = [net.lateral32, net.lateral16, net.merge16, net.merge8]
        return heads, pyramid, [net.stem, net.stage8, net.stage16, net.stage32]
    raise TypeError(f"{type(net).__name__} is no reader and no detector")


@torch.no_grad()
def draw_last_anew(net: nn.Module) -> None:
    """Give the last layer(s) new random weights."""
    for layer in parts_of(net)[0]:
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    if isinstance(net, DetectorNet):
        nn.init.constant_(net.coverage.bias, float(torch.logit(torch.tensor(PRIOR))))
