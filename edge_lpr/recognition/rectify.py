"""From a plate in a picture to the reader's input: an upright crop, then the layout the reader was trained on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

READER_SIZE = (144, 48)
"""Width and height of the reader's input in pixels."""
TOP_ROW_END = 0.55
"""Where the top row of a two-row plate ends, as a share of the crop's height; the parts overlap, so that a row line
that is a little off the middle cuts no character."""
BOTTOM_ROW_START = 0.45


def lay_out(pixels: NDArray[np.uint8], rows: int, size: tuple[int, int] = READER_SIZE) -> NDArray[np.uint8]:
    """The reader's picture of an upright plate crop.

    pixels: uint8 (h, w, 3), h and w at least 1. rows: 1 stretches the crop to `size` (width, height); 2 cuts it into
    the top 55% and the bottom 55%, stretches each to half the width and sets them side by side, the top row left, so
    that the reader reads the top row first. Returns uint8 (size[1], size[0], 3), the colour order of `pixels`.
    Training and reading share this function: a change here needs a new reader.
    """
    width, height = size
    if rows == 1:
        return _stretch(pixels, width, height)
    if rows != 2:
        raise ValueError(f"rows is {rows}; 1 or 2 are allowed")
    crop_height = pixels.shape[0]
    top = pixels[: max(1, round(crop_height * TOP_ROW_END))]
    bottom = pixels[min(crop_height - 1, round(crop_height * BOTTOM_ROW_START)) :]
    left = width // 2
    return np.hstack((_stretch(top, left, height), _stretch(bottom, width - left, height)))


def _stretch(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """`pixels` resized without regard to its shape; averaging where it shrinks, so that thin strokes survive."""
    shrinks = pixels.shape[1] > 1.5 * width or pixels.shape[0] > 1.5 * height
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=method), dtype=np.uint8)
