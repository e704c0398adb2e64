"""Contact sheets: many small pictures with captions on one page, for people to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edge_lpr.records import Pixels

CAPTION_PX = 15
PAPER = 245
GROUND = 205
INK = (20, 20, 20)
_MARGIN_PX = 4
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a sheet, uint8 RGB (h, w, 3), with the lines under it; a line too long for the tile is shrunk."""

    pixels: Pixels
    lines: tuple[str, ...]


def contact_sheet(tiles: Sequence[Tile], columns: int = 6, size: tuple[int, int] = (220, 120)) -> Pixels:
    """The tiles, row by row, as uint8 RGB (H, W, 3).

    Each picture is fitted to `size` (width, height) in pixels. No tiles give one empty tile. Characters outside ASCII
    are shown as '?'.
    """
    width, height = size
    lines = max((len(tile.lines) for tile in tiles), default=0)
    cell = (height + lines * CAPTION_PX + _MARGIN_PX, width + _MARGIN_PX)
    rows = max(1, -(-len(tiles) // columns))
    columns = max(1, min(columns, len(tiles)))
    sheet: Pixels = np.full((rows * cell[0] + _MARGIN_PX, columns * cell[1] + _MARGIN_PX, 3), PAPER, np.uint8)
    for number, tile in enumerate(tiles):
        y = number // columns * cell[0] + _MARGIN_PX
        x = number % columns * cell[1] + _MARGIN_PX
        sheet[y : y + height, x : x + width] = fitted(tile.pixels, size)
        for line, text in enumerate(tile.lines):
            _write(sheet[y + height + line * CAPTION_PX : y + height + (line + 1) * CAPTION_PX, x : x + width], text)
    return sheet


def fitted(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """The picture in the middle of a grey ground of `size` (width, height), as large as it goes, undistorted."""
    width, height = size
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    inner = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, inner, interpolation=method)
    ground: Pixels = np.full((height, width, 3), GROUND, np.uint8)
    x, y = (width - inner[0]) // 2, (height - inner[1]) // 2
    ground[y : y + inner[1], x : x + inner[0]] = small
    return ground


def _write(strip: Pixels, text: str) -> None:
    """Write a line into its strip of the sheet, in place."""
    text = text.encode("ascii", "replace").decode()
    scale = 0.42
    (width, _), _ = cv2.getTextSize(text, _FONT, scale, 1)
    if width > strip.shape[1]:
        scale *= strip.shape[1] / width
    line = np.ascontiguousarray(strip)
    cv2.putText(line, text, (0, CAPTION_PX - 4), _FONT, scale, INK, 1, cv2.LINE_AA)
    strip[:] = line
