"""A drawn plate: what the renderer hands to the samplers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class DrawnPlate:
    """A flat, clean plate seen straight on, with the truth about it.

    pixels: uint8 RGB (H, W, 3), the plate alone, edge to edge.
    text: the characters a reader shall return, the top row first.
    rows: 1 or 2.
    char_boxes: float32 (N, 4), x y w h in pixels of `pixels`, in the order of `text` (N = len(text)).
    char_rows: int (N,), the row of each character, 0 = top.
    region: code of the country or state the plate is of.
    """

    pixels: NDArray[np.uint8]
    text: str
    rows: int
    char_boxes: NDArray[np.float32]
    char_rows: NDArray[np.int64]
    region: str
