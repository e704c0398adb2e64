"""The reader: a fully convolutional residual network with a CTC head, made of Conv, BatchNorm, ReLU and Add alone.

Nothing looks at the whole picture at once (no recurrence, attention or global pooling), so that all of it runs in
INT8; a step's view is widened by 1 x k convolutions along the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edge_lpr.networks.card import ALPHABET_36

CLASSES = len(ALPHABET_36) + 1
BLANK = len(ALPHABET_36)
INPUT_HEIGHT = 48
STEP_WIDTH = 4
"""Pixels of the input to one step of the output."""
_STRIDES: tuple[tuple[int, int], ...] = ((2, 2), (2, 1), (2, 1))


@dataclass(frozen=True)
class ReaderNetConfig:
    """Size of the reader. The three stages work at 12 x W/4, 6 x W/4 and 3 x W/4 behind a stem at 24 x W/2."""

    width: int = 144
    """Of the input, in pixels: a multiple of 4; there are width / 4 steps."""
    stem: int = 24
    channels: tuple[int, ...] = (56, 96, 160)
    blocks: tuple[int, ...] = (1, 1, 1)
    hidden: int = 192
    """Channels of the sequence behind the stages."""
    context: tuple[int, ...] = (5, 5)
    """Kernel widths of the convolutions along the sequence."""

    @property
    def steps(self) -> int:
        """Steps of the output."""
        return self.width // STEP_WIDTH


class ConvNorm(nn.Sequential):
    """Convolution, normalisation and, unless `linear`, ReLU."""

    def __init__(
        self,
        into: int,
        out: int,
        kernel: tuple[int, int],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] | None = None,
        linear: bool = False,
    ) -> None:
        around = (kernel[0] // 2, kernel[1] // 2) if padding is None else padding
        layers: list[nn.Module] = [nn.Conv2d(into, out, kernel, stride, around, bias=False), nn.BatchNorm2d(out)]
        if not linear:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016)."""

    def __init__(self, into: int, out: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = ConvNorm(into, out, (3, 3), stride)
        self.second = ConvNorm(out, out, (3, 3), linear=True)
        same = into == out and stride == (1, 1)
        self.shortcut = nn.Identity() if same else ConvNorm(into, out, (1, 1), stride, linear=True)
        self.activate = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.activate(self.second(self.first(x)) + self.shortcut(x))


class ReaderNet(nn.Module):
    """float32 [N, 3, 48, width], RGB 0..1, to log-probabilities float32 [N, width / 4, 37], the blank last."""

    def __init__(self, config: ReaderNetConfig) -> None:
        super().__init__()
        if config.width % STEP_WIDTH or len(config.channels) != 3 or len(config.blocks) != 3:
            raise ValueError("width must be a multiple of 4; channels and blocks must have 3 entries")
        self.config = config
        layers: list[nn.Module] = [ConvNorm(3, config.stem, (3, 3), (2, 2))]
        last = config.stem
        for channels, blocks, stride in zip(config.channels, config.blocks, _STRIDES, strict=True):
            for index in range(blocks):
                layers.append(Residual(last, channels, stride if index == 0 else (1, 1)))
                last = channels
        layers.append(ConvNorm(last, config.hidden, (INPUT_HEIGHT // 16, 1), padding=(0, 0)))
        layers += [ConvNorm(config.hidden, config.hidden, (1, width)) for width in config.context]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(config.hidden, CLASSES, 1)
        _initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        scores = self.head(self.body(image))
        if scores.dtype != torch.float32:  # under autocast
            scores = scores.float()
        return scores.squeeze(2).transpose(1, 2).log_softmax(dim=2)


def _initialise(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Residual):
            # A block starts as its shortcut: the depth is then felt only as it is learnt.
            nn.init.zeros_(module.second[1].weight)


def multiply_adds(net: nn.Module, shape: Sequence[int]) -> int:
    """Multiply-adds of all convolutions for one input of `shape` (C, H, W)."""
    counts: list[int] = []

    def count(module: nn.Module, _inputs: object, output: Tensor) -> None:
        counts.append(output[0].numel() * module.weight[0].numel())  # type: ignore[operator, index, union-attr]

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, nn.Conv2d)]
    training = net.training
    with torch.no_grad():
        net.eval()(torch.zeros(1, *shape))
    net.train(training)
    for hook in hooks:
        hook.remove()
    return sum(counts)
