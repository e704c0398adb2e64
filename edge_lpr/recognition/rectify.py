"""From a plate in a picture to the reader's input: an upright crop, then the layout the reader was trained on."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.records import Detection, Floats, Pixels, PlateCrop

READER_SIZE = (144, 48)
"""Width and height of the reader's input in pixels."""
TOP_ROW_END = 0.55
"""Where the top row of a two-row plate ends, as a share of the crop's height; the parts overlap, so that a row line
that is a little off the middle cuts no character."""
BOTTOM_ROW_START = 0.45

MARGIN = (0.06, 0.08)
"""Room left and right, above and below the corners, as shares of the plate's width and height: a detector's corners
are a little off, and a cut character is lost while a bit of frame is not."""
MAX_CROP_HEIGHT_PX = 96
"""Twice the reader's input: more shows nothing more."""
MAX_CROP_ASPECT = 12.0
SHARPNESS_SIZE, STROKE_PX = (96, 32), 1.5
"""Where sharpness is measured: a stroke of seven or eight characters is about so wide in a picture of that size."""
ONE_ROW_ASPECT = 2.6
"""From this width over height on a plate has one row."""
EVEN_ASPECT = 1.78
"""At this width over height one row and two rows are equally likely."""
LAYOUT_STEEPNESS = 6.0
TWO_ROW_ASPECT = 1.45
"""Below this a plate most likely has two rows."""


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


def cut_plate(pixels: Pixels, detection: Detection, frame_index: int = 0) -> PlateCrop:
    """The upright crop of a detected plate, with `MARGIN` around its corners.

    The perspective that maps the corners to a rectangle is extended to the margin; what lies outside the picture
    repeats its border. The crop is as high as the plate in the picture, at most `MAX_CROP_HEIGHT_PX`.
    """
    crop, _ = upright(pixels, detection.corners, MARGIN)
    rows = layouts(crop)[0]
    return PlateCrop(crop, detection, frame_index, sharpness(crop), rows)


def upright(
    pixels: Pixels, corners: Floats, margins: tuple[float, float]
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """The plate of these corners seen straight on, with `margins` (shares of its width and height) around it.

    Returns the crop and the plate's box (x, y, w, h) in it.
    """
    width, height = plate_size(corners)
    scale = min(1.0, MAX_CROP_HEIGHT_PX / (height * (1 + 2 * MARGIN[1])))
    inner = np.array([max(8.0, width * scale), max(8.0, height * scale)])
    inner[0] = min(inner[0], MAX_CROP_ASPECT * inner[1])
    margin = inner * margins
    unit = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    source, shrunk = _shrunk(pixels, corners, scale)
    # Pixel centres lie at whole numbers for warpPerspective and at halves for corners: hence the 0.5.
    to_crop = cv2.getPerspectiveTransform(
        (shrunk - 0.5).astype(np.float32), (margin + unit * inner - 0.5).astype(np.float32)
    )
    size = [int(side) for side in np.maximum(1, np.round(inner + 2 * margin))]
    crop = cv2.warpPerspective(source, to_crop, (size[0], size[1]), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), (float(margin[0]), float(margin[1]), float(inner[0]), float(inner[1]))


def _shrunk(pixels: Pixels, corners: Floats, scale: float) -> tuple[Pixels, NDArray[np.float64]]:
    """The part of the picture around the corners, averaged down when the crop is to be much smaller, and the corners
    in it: a perspective warp alone would skip pixels."""
    low = np.floor(corners.min(axis=0)).astype(int)
    high = np.ceil(corners.max(axis=0)).astype(int)
    reach = np.ceil(0.4 * (high - low)).astype(int) + 2
    limit = np.array(pixels.shape[1::-1])
    x1, y1 = np.clip(low - reach, 0, limit - 1)
    x2, y2 = np.clip(high + reach, (x1 + 1, y1 + 1), limit)
    part = pixels[y1:y2, x1:x2]
    moved = corners.astype(np.float64) - (x1, y1)
    if scale > 0.7:
        return np.ascontiguousarray(part), moved
    size = (max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale)))
    small = cv2.resize(np.ascontiguousarray(part), size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), moved * (size[0] / (x2 - x1), size[1] / (y2 - y1))


def plate_size(corners: Floats) -> tuple[float, float]:
    """Width and height of a plate in pixels: the means of its opposite edges."""
    top_left, top_right, bottom_right, bottom_left = corners.astype(np.float64)
    width = np.linalg.norm(top_right - top_left) + np.linalg.norm(bottom_right - bottom_left)
    height = np.linalg.norm(bottom_left - top_left) + np.linalg.norm(bottom_right - top_right)
    return max(1.0, float(width) / 2), max(1.0, float(height) / 2)


def layouts(crop: Pixels) -> tuple[int, ...]:
    """The numbers of rows to try for an upright crop, likeliest first."""
    aspect = crop.shape[1] / crop.shape[0]
    if aspect >= ONE_ROW_ASPECT:
        return (1,)
    return (2, 1) if aspect < TWO_ROW_ASPECT else (1, 2)


def sharpness(crop: Pixels) -> float:
    """How sharply a plate's characters stand out, for comparing crops of one plate: a variance in squared grey levels.

    That of the Laplacian of Gaussian at one size for all crops: the Gaussian is as fine as strokes are, so that sensor
    noise, which is finer, counts little, and pixels that a small crop does not have count nothing.
    """
    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)
    even = cv2.resize(grey, SHARPNESS_SIZE, interpolation=cv2.INTER_LINEAR)
    return float(cv2.Laplacian(cv2.GaussianBlur(even, (0, 0), STROKE_PX), cv2.CV_32F).var())


def layout_prior(pixels: Pixels, rows: int) -> float:
    """How likely a plate crop of this shape has `rows` rows, before it is read: 0..1.

    From the sizes of the world's plates: two-row ones are 1:1 to 1.7:1 (180x200 to 340x200 mm), one-row ones 2:1
    (305x152 mm, North America) to 4.7:1 (520x110 mm).
    """
    aspect = pixels.shape[1] / pixels.shape[0]
    two = 1.0 / (1.0 + math.exp(-LAYOUT_STEEPNESS * (EVEN_ASPECT - aspect)))
    return two if rows == 2 else 1.0 - two
