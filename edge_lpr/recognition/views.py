"""Which parts of a picture are shown to a detector: the region of interest, tiles, close looks. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_lpr.recognition.boxes import Box

TILING_SCALE = 1.0 / 1.6
"""'auto' tiles a view that would be shrunk below this; tiles are shrunk to just this where their number allows."""
TILE_OVERLAP_PX = 96
"""In pixels of the network's input: a narrower plate is whole in one tile, a wider one is seen in full view."""
MAX_TILES = 16
CLOSE_SIZE, CLOSE_PX = (256, 160), 96.0
"""Input of the close look, and how wide the plate is in it; the picture is not enlarged for it."""

Region = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class View:
    """A part of the picture that is shown to the network: x, y, w, h in pixels of the picture."""

    x: int
    y: int
    w: int
    h: int


def bounds(roi: Region, picture_size: tuple[int, int]) -> View:
    """The bounding box of a region of interest, at least one pixel."""
    width, height = picture_size
    if not roi:
        return View(0, 0, width, height)
    left, right = min(x for x, _ in roi) * width, max(x for x, _ in roi) * width
    top, bottom = min(y for _, y in roi) * height, max(y for _, y in roi) * height
    x, y = min(int(left), width - 1), min(int(top), height - 1)
    return View(x, y, max(1, math.ceil(right) - x), max(1, math.ceil(bottom) - y))


def tile_views(whole: View, size: tuple[int, int]) -> list[View]:
    """Equally sized overlapping tiles that cover `whole`, for a network input of `size` (width, height)."""
    scale = min(1.0, max(TILING_SCALE, size[0] / whole.w, size[1] / whole.h))
    while True:
        tile = [min(side, math.ceil(shown / scale)) for side, shown in zip((whole.w, whole.h), size, strict=True)]
        overlap = math.ceil(TILE_OVERLAP_PX / scale)
        starts = [_starts(side, part, overlap) for side, part in zip((whole.w, whole.h), tile, strict=True)]
        if len(starts[0]) * len(starts[1]) <= MAX_TILES:
            break
        scale *= 0.9
    return [View(whole.x + x, whole.y + y, tile[0], tile[1]) for y in starts[1] for x in starts[0]]


def _starts(side: int, part: int, overlap: int) -> list[int]:
    """Where parts of one length begin to cover a side, evenly, overlapping by `overlap` at least."""
    if part >= side:
        return [0]
    count = math.ceil((side - overlap) / (part - overlap))
    return [round(at * (side - part) / (count - 1)) for at in range(count)]


def close_view(box: Box, shape: tuple[int, ...]) -> View:
    """The part of a picture of this shape (H, W, 3) that shows the plate `CLOSE_PX` wide in `CLOSE_SIZE`."""
    x, y, w, h = box
    scale = min(1.0, CLOSE_PX / max(w, 1.0))
    wide, high = (min(side, round(shown / scale)) for side, shown in zip((shape[1], shape[0]), CLOSE_SIZE, strict=True))
    left = min(max(0, round(x + (w - wide) / 2)), shape[1] - wide)
    top = min(max(0, round(y + (h - high) / 2)), shape[0] - high)
    return View(left, top, wide, high)
