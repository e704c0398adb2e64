"""From the detector's grids to plate candidates: decode, suppression of doubles, corners that make sense. Pure numpy.

Boxes are float32 (N, 4) x1 y1 x2 y2, corners float32 (N, 4, 2) TL TR BR BL, all in pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_lpr.records import Floats

MAX_CANDIDATES = 400
"""Cells looked at per picture, best first: a frame full of plates has far fewer objects, each with a dozen cells."""

CONTAINED = 0.8
"""A box that lies to this share inside a better one, or holds one, is the same plate."""

CORNER_IOU = 0.45
"""The hull of believable corners overlaps the box at least so much; corners of a leaning plate reach beyond it."""

MIN_EDGE_PX = 1.5
"""The shortest believable edge between two corners, in pixels of the network's input."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Plates of one picture: `boxes` (N, 4), `corners` (N, 4, 2), `scores` (N,), in any order."""

    boxes: Floats
    corners: Floats
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, index: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Candidates:
        """The candidates that a numpy index picks."""
        return Candidates(self.boxes[index], self.corners[index], self.scores[index])


def joined(parts: list[Candidates]) -> Candidates:
    """Several pictures' candidates as one list."""
    return Candidates(
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.corners for part in parts]),
        np.concatenate([part.scores for part in parts]),
    )


Decode = Callable[[Mapping[str, Floats], Mapping[str, float], float], Candidates]


def decode_gridbox(grids: Mapping[str, Floats], parameters: Mapping[str, float], threshold: float) -> Candidates:
    """NVIDIA's DetectNet_v2 head, as in their LPDNet: the corners are those of the box.

    `grids` of one picture: 'coverage' (1, h, w) 0..1 and 'boxes' (4, h, w), distances l t r b from the cell's centre
    in units of `box_scale` (35) pixels. Cell (row j, column i) has its centre at x = stride i + centre_offset,
    y = stride j + centre_offset; NVIDIA's stride is 16 and its offset 0.5.
    """
    boxes, scores, _, _ = _boxes(grids, parameters, threshold, default_stride=16.0, default_offset=0.5)
    return Candidates(boxes, box_corners(boxes), scores)


def decode_gridbox_corners(
    grids: Mapping[str, Floats], parameters: Mapping[str, float], threshold: float
) -> Candidates:
    """Our head: `decode_gridbox` at stride 8, and 'corners' (8, h, w), (dx, dy) of TL TR BR BL from the cell's centre.

    Corners that do not fit their box are replaced by the box's (see `believable_corners`).
    """
    boxes, scores, centres, cells = _boxes(grids, parameters, threshold, default_stride=8.0, default_offset=4.0)
    scale = np.float32(parameters.get("box_scale", 35.0))
    offsets = grids["corners"].reshape(4, 2, -1)[:, :, cells].transpose(2, 0, 1)
    corners = centres[:, None, :] + scale * offsets
    good = believable_corners(corners, boxes)
    return Candidates(boxes, np.where(good[:, None, None], corners, box_corners(boxes)).astype(np.float32), scores)


DECODERS: dict[str, Decode] = {"gridbox": decode_gridbox, "gridbox_corners": decode_gridbox_corners}
"""Card's decoder name -> decode of one picture's grids."""


def _boxes(
    grids: Mapping[str, Floats],
    parameters: Mapping[str, float],
    threshold: float,
    default_stride: float,
    default_offset: float,
) -> tuple[Floats, Floats, Floats, npt.NDArray[np.intp]]:
    """Boxes, scores, centres (N, 2) and flat cell numbers of the best cells at or above the threshold."""
    coverage = grids["coverage"].reshape(-1)
    grid_width = grids["coverage"].shape[-1]
    cells = np.flatnonzero(coverage >= threshold)
    if len(cells) > MAX_CANDIDATES:
        cells = cells[np.argsort(-coverage[cells], kind="stable")[:MAX_CANDIDATES]]
    stride = parameters.get("stride", default_stride)
    offset = parameters.get("centre_offset", default_offset)
    rows, columns = np.divmod(cells, grid_width)
    centres = (np.stack([columns, rows], axis=1) * stride + offset).astype(np.float32)
    scale = np.float32(parameters.get("box_scale", 35.0))
    reach = scale * grids["boxes"].reshape(4, -1)[:, cells].T
    boxes = np.concatenate([centres - reach[:, :2], centres + reach[:, 2:]], axis=1).astype(np.float32)
    solid = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    return boxes[solid], coverage[cells][solid].astype(np.float32), centres[solid], cells[solid]


def box_corners(boxes: Floats) -> Floats:
    """The corners (N, 4, 2) TL TR BR BL of upright boxes (N, 4)."""
    x1, y1, x2, y2 = boxes.T
    flat = np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1)
    return flat.reshape(-1, 4, 2).astype(np.float32)


def believable_corners(corners: Floats, boxes: Floats) -> npt.NDArray[np.bool_]:
    """Which corners (N, 4, 2) form a convex plate, clockwise as seen, whose upright hull agrees with its box."""
    edges = np.roll(corners, -1, axis=1) - corners
    after = np.roll(edges, -1, axis=1)
    turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
    convex = (turns > 0).all(axis=1)
    long_enough = (np.hypot(edges[..., 0], edges[..., 1]) >= MIN_EDGE_PX).all(axis=1)
    reads_right = (corners[:, 1, 0] > corners[:, 0, 0]) & (corners[:, 3, 1] > corners[:, 0, 1])
    hulls = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    overlap, _ = _overlaps(hulls, boxes)
    return np.asarray(convex & long_enough & reads_right & (overlap >= CORNER_IOU))


def _overlaps(first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """IoU, and intersection over the smaller box, of boxes (..., 4) that broadcast against each other."""
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=-1)
    first_area = np.prod(first[..., 2:] - first[..., :2], axis=-1)
    second_area = np.prod(second[..., 2:] - second[..., :2], axis=-1)
    iou = shared / np.maximum(first_area + second_area - shared, 1e-6)
    return iou, shared / np.maximum(np.minimum(first_area, second_area), 1e-6)


def suppress(candidates: Candidates, iou_limit: float) -> Candidates:
    """Non-maximum suppression: best first, without those that overlap a better one.

    A candidate goes when its IoU with a kept one exceeds `iou_limit`, or when one lies to `CONTAINED` in the other.
    """
    left = candidates.take(np.argsort(-candidates.scores, kind="stable"))
    kept: list[Candidates] = []
    while len(left):
        kept.append(left.take(np.arange(1)))
        iou, inside = _overlaps(left.boxes[0], left.boxes[1:])
        left = left.take(1 + np.flatnonzero((iou <= iou_limit) & (inside < CONTAINED)))
    return joined(kept) if kept else left
