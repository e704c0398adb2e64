"""The plate detector: a small residual pyramid with one output map at stride 8, its targets and its losses.

Input (N, 3, H, W) RGB 0..1, H and W multiples of 32. Outputs at (H/8, W/8), cell (i, j) centred at pixel
(8 j + 4, 8 i + 4), distances in units of 35 px (the gridbox contract of NVIDIA's LPDNet, with a finer stride):

    coverage (N, 1, h, w)  logit of "a plate is centred here" (the exported graph applies the sigmoid)
    boxes    (N, 4, h, w)  distances >= 0 to the left, top, right, bottom edge of the plate's upright box
    corners  (N, 8, h, w)  (dx, dy) of the top left, top right, bottom right, bottom left corner

Only convolution, batch normalisation, ReLU, addition and nearest upsampling up to the heads, so that all of it runs in
INT8. Centre heatmap and its focal loss follow Zhou et al., "Objects as Points" (2019); the box loss is generalised
IoU (Rezatofighi et al., 2019).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edge_lpr.records import Floats

STRIDE = 8
BOX_SCALE_PX = 35.0
CENTRE_OFFSET_PX = 4.0

POSITIVE_SHARE = 0.5
"""Cells whose heat is at least this learn the box and the corners, weighted by their heat."""
SIGMA_SHARE = 0.10
"""Standard deviation of the heat along an axis, as a share of the plate's size along it."""
SIGMA_FLOOR_CELLS = 0.55
PRIOR = 0.005
"""Coverage that an untrained net gives everywhere; without it the many empty cells drown the first steps."""


@dataclass(frozen=True)
class DetectorShape:
    """Channels at strides 2, 4, 8, 16, 32, residual blocks at 8, 16, 32, channels under the heads."""

    channels: tuple[int, ...] = (16, 24, 40, 56, 96)
    blocks: tuple[int, ...] = (1, 1, 2)
    head: int = 40


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        nn.init.zeros_(self.second[1].weight)  # a block starts as the identity

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _stage(inputs: int, outputs: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(_conv(inputs, outputs, 2), *[_Residual(outputs) for _ in range(blocks)])


class DetectorNet(nn.Module):
    """See the module's text for inputs and outputs."""

    def __init__(self, shape: DetectorShape | None = None) -> None:
        super().__init__()
        shape = shape or DetectorShape()
        c2, c4, c8, c16, c32 = shape.channels
        self.stem = nn.Sequential(_conv(3, c2, 2), _conv(c2, c4, 2))
        self.stage8, self.stage16, self.stage32 = (
            _stage(c4, c8, shape.blocks[0]),
            _stage(c8, c16, shape.blocks[1]),
            _stage(c16, c32, shape.blocks[2]),
        )
        self.lateral32, self.lateral16 = nn.Conv2d(c32, c16, 1), nn.Conv2d(c16, c8, 1)
        self.merge16, self.merge8 = _conv(c16, c16), _conv(c8, shape.head)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.coverage, self.boxes, self.corners = (nn.Conv2d(shape.head, n, 1) for n in (1, 4, 8))
        nn.init.constant_(self.coverage.bias, float(np.log(PRIOR / (1 - PRIOR))))  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at8 = self.stage8(self.stem(image))
        at16 = self.stage16(at8)
        at16 = self.merge16(at16 + self.up(self.lateral32(self.stage32(at16))))
        at8 = self.merge8(at8 + self.up(self.lateral16(at16)))
        return self.coverage(at8), F.softplus(self.boxes(at8)), self.corners(at8)


class ExportedDetector(nn.Module):
    """The net as it is shipped: coverage 0..1."""

    def __init__(self, net: DetectorNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        coverage, boxes, corners = self.net(image)
        return torch.sigmoid(coverage), boxes, corners


@dataclass(frozen=True, eq=False)
class Targets:
    """What a batch should give. P cells learn a box.

    heat float32 (N, h, w), 1 at plate centres; unknown bool (N, h, w): where an unlabelled plate may be;
    cells int64 (P, 3) sample, row, column; boxes float32 (P, 4) l t r b in box units; corners float32 (P, 8), NaN
    where they are not known; weights float32 (P,).
    """

    heat: Tensor
    unknown: Tensor
    cells: Tensor
    boxes: Tensor
    corners: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> Targets:
        """The targets on a device."""
        return Targets(**{item.name: getattr(self, item.name).to(device) for item in fields(self)})


@dataclass(frozen=True, eq=False)
class Truth:
    """The plates of one training picture: boxes float32 (K, 4) x1 y1 x2 y2 px; corners float32 (K, 4, 2) px, NaN when
    not known; unknown bool (H/8, W/8)."""

    boxes: NDArray[np.float32]
    corners: NDArray[np.float32]
    unknown: NDArray[np.bool_]


def make_targets(truths: list[Truth]) -> Targets:
    """The targets of a batch whose pictures have one size."""
    height, width = truths[0].unknown.shape
    heat = np.zeros((len(truths), height, width), np.float32)
    rows: list[NDArray[np.float32]] = []
    for n, truth in enumerate(truths):
        for box, corners in zip(truth.boxes, truth.corners, strict=True):
            rows.append(_draw(heat[n], n, box, corners))
    flat = np.concatenate(rows) if rows else np.zeros((0, 16), np.float32)
    unknown = np.stack([t.unknown for t in truths])
    return Targets(
        torch.from_numpy(heat), torch.from_numpy(unknown), torch.from_numpy(flat[:, :3].astype(np.int64)),
        torch.from_numpy(flat[:, 3:7]), torch.from_numpy(flat[:, 7:15]), torch.from_numpy(flat[:, 15]),
    )  # fmt: skip


def _draw(heat: Floats, n: int, box: Floats, corners: Floats) -> Floats:
    """Add one plate to `heat`; returns its rows (n, i, j, l, t, r, b, 8 corners, weight)."""
    height, width = heat.shape
    x1, y1, x2, y2 = (float(v) for v in box)
    gx = ((x1 + x2) / 2 - CENTRE_OFFSET_PX) / STRIDE
    gy = ((y1 + y2) / 2 - CENTRE_OFFSET_PX) / STRIDE
    sx = max(SIGMA_FLOOR_CELLS, SIGMA_SHARE * (x2 - x1) / STRIDE)
    sy = max(SIGMA_FLOOR_CELLS, SIGMA_SHARE * (y2 - y1) / STRIDE)
    ci, cj = int(np.clip(round(gy), 0, height - 1)), int(np.clip(round(gx), 0, width - 1))
    # Centred on the peak cell, so that exactly one cell is 1 wherever the plate lies.
    bump = np.exp(-0.5 * (((np.arange(height) - ci) / sy)[:, None] ** 2 + ((np.arange(width) - cj) / sx)[None] ** 2))
    np.maximum(heat, bump.astype(np.float32), out=heat)
    i, j = np.nonzero(bump >= POSITIVE_SHARE)
    cx, cy = STRIDE * j + CENTRE_OFFSET_PX, STRIDE * i + CENTRE_OFFSET_PX
    ltrb = np.stack([cx - x1, cy - y1, x2 - cx, y2 - cy], 1)
    off = (corners.reshape(1, 4, 2) - np.stack([cx, cy], 1)[:, None]).reshape(-1, 8)
    where = np.stack([np.full_like(i, n), i, j], 1)
    found = np.concatenate([where, ltrb / BOX_SCALE_PX, off / BOX_SCALE_PX, bump[i, j][:, None]], 1)
    return np.asarray(found[(ltrb > -STRIDE / 2).all(1)], np.float32)


@dataclass(frozen=True)
class LossWeights:
    """How the parts add up; `hull_only` scales the corner loss of plates whose corners are not known, `label_box` the
    box loss of those."""

    coverage: float = 1.0
    box: float = 1.5
    corner: float = 1.0
    hull_only: float = 0.3
    label_box: float = 1.0
    unlabelled_score: float = 0.35
    """An unlabelled place of a real photograph that scores above this is not punished..."""
    unlabelled_after: float = 0.25
    """...once this share of the training is done."""


def detector_loss(
    outputs: tuple[Tensor, Tensor, Tensor], targets: Targets, weights: LossWeights, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """The training loss and its parts."""
    coverage, boxes, corners = (output.float() for output in outputs)
    excused = progress >= weights.unlabelled_after
    heat = coverage_loss(coverage[:, 0], targets, weights.unlabelled_score if excused else 2.0)
    if len(targets.cells) == 0:
        zero = (boxes.sum() + corners.sum()) * 0.0
        return weights.coverage * heat + zero, {"coverage": heat.detach()}
    n, i, j = targets.cells.T
    box = giou_loss(boxes[n, :, i, j], targets.boxes.clamp_min(0.0))
    box = torch.where(targets.corners.isnan().any(1), weights.label_box * box, box)
    corner = corner_loss(corners[n, :, i, j], targets, weights.hull_only)
    total = targets.weights.sum()
    box, corner = (box * targets.weights).sum() / total, (corner * targets.weights).sum() / total
    loss = weights.coverage * heat + weights.box * box + weights.corner * corner
    return loss, {"coverage": heat.detach(), "box": box.detach(), "corner": corner.detach()}


def coverage_loss(logits: Tensor, targets: Targets, unlabelled_score: float) -> Tensor:
    """CenterNet's focal loss (alpha 2, beta 4) a plate; `logits` (N, h, w)."""
    score = torch.sigmoid(logits)
    centre = targets.heat >= 0.9999
    kept = ~(targets.unknown & (score.detach() > unlabelled_score) & (targets.heat < 0.05))
    wanted = F.logsigmoid(logits) * (1 - score) ** 2
    unwanted = F.logsigmoid(-logits) * score**2 * (1 - targets.heat) ** 4 * kept
    return -(wanted[centre].sum() + unwanted[~centre].sum()) / centre.sum().clamp_min(max(1, logits.shape[0] // 2))


def giou_loss(found: Tensor, wanted: Tensor) -> Tensor:
    """1 - GIoU of boxes given as distances (P, 4) from a common point."""
    inner = torch.minimum(found, wanted)
    outer = torch.maximum(found, wanted)
    overlap = (inner[:, 0] + inner[:, 2]) * (inner[:, 1] + inner[:, 3])
    hull = (outer[:, 0] + outer[:, 2]) * (outer[:, 1] + outer[:, 3])
    union = sum((b[:, 0] + b[:, 2]) * (b[:, 1] + b[:, 3]) for b in (found, wanted)) - overlap
    return 1 - overlap / (union + 1e-6) + (hull - union) / (hull + 1e-6)


def corner_loss(found: Tensor, targets: Targets, hull_only: float) -> Tensor:
    """Smooth L1 of the corners (P, 8) in shares of the plate's height; where they are not known, of their hull."""
    wide, high = targets.boxes[:, 0::2].sum(1), targets.boxes[:, 1::2].sum(1)
    size = (0.25 * wide + 0.75 * high).clamp_min(0.1)[:, None]
    known = ~targets.corners.isnan().any(1)
    exact = F.smooth_l1_loss(found / size, targets.corners.nan_to_num() / size, reduction="none", beta=0.05).mean(1)
    x, y = found[:, 0::2], found[:, 1::2]
    left, right = torch.minimum(x[:, 0], x[:, 3]), torch.maximum(x[:, 1], x[:, 2])
    top, bottom = torch.minimum(y[:, 0], y[:, 1]), torch.maximum(y[:, 2], y[:, 3])
    hull = torch.stack([-left, -top, right, bottom], 1)
    weak = F.smooth_l1_loss(hull / size, targets.boxes / size, reduction="none", beta=0.05).mean(1)
    return torch.where(known, exact, hull_only * weak)
