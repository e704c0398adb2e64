"""Samples for the reader: a drawn plate as a detector and a rectifier would hand it over, degraded and laid out.

The plate is shrunk to camera resolution, mounted on a vehicle and warped once; effects run at that small size, which
is both what a camera does and cheap. The truth that comes along is the text and the place of each character.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.recognition.rectify import BOTTOM_ROW_START, TOP_ROW_END, lay_out
from edge_lpr.records import Pixels
from edge_lpr.training.degrade import degrade_crop
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.surround import background, mount, paste_words
from edge_lpr.training.textures import between, log_between, pick

Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]

RECTIFIED_SHARE = 0.55
"""Share of samples as a rectifier leaves them; the rest are axis-aligned boxes of plates that stand askew."""
WIDTH_PX = {1: (44.0, 200.0), 2: (42.0, 130.0)}
"""Plate width at the camera, by rows, drawn log-uniformly."""
FAR_WIDTH_PX, FAR_SHARE = (44.0, 96.0), 0.25
"""One-row plates of LOOSE_REGIONS are as often this small: letters half as wide for their height as European ones, and
emblems between them, need the practice."""
TINY_SHARE = 0.08
"""Share of plates down to 0.7 of the least width: hard, but they occur."""
LOOSE_REGIONS = frozenset({"US", "CA", "AR", "BR", "MX"})
"""Where frames and mounting plates are large, so that detectors box more than the plate."""
MIN_CROP_PX = (16, 8)
LEAST_QUALITY = 0.3
"""Below this a crop gets milder effects."""


@dataclass(frozen=True, slots=True)
class ReaderSample:
    """One training sample.

    pixels: uint8 RGB (48, 144, 3).
    text: what shall be read, empty for nothing.
    centres: float32 (N,), x centre of each character of `text` as a share of the width, ascending.
    quality: 0 (hardly legible) to 1, from the characters' height at the camera and the strokes that are left.
    """

    pixels: Pixels
    text: str
    centres: Floats
    quality: float


@dataclass(frozen=True, slots=True)
class _View:
    """Where a plate lies in a crop: `to_crop` maps plate pixels to crop pixels (homography 3x3, corners at whole
    numbers); `size` is the crop's (width, height) in pixels."""

    to_crop: Matrix
    size: tuple[int, int]


def reader_sample(
    rng: np.random.Generator, plate: DrawnPlate, strength: float = 1.0, effects: float = 1.0
) -> ReaderSample:
    """The plate as the reader will meet it; `strength` 0 is a clean, exact crop, 1 the usual mix. `effects` scales what
    light and camera do to it, beside pose and crop."""
    view = _view(rng, plate, strength)
    clean = _photograph(rng, plate, view)
    crop = degrade_crop(rng, clean, effects * strength)
    quality = _quality(plate, view, clean, crop)
    if quality < LEAST_QUALITY:  # nobody could read it: teach guessing to no one
        crop = degrade_crop(rng, clean, 0.3 * effects * strength)
        quality = _quality(plate, view, clean, crop)
    places = _project(view.to_crop, plate.char_boxes[:, :2] + plate.char_boxes[:, 2:] / 2) / view.size
    centres = places[:, 0]
    if plate.rows == 2:
        centres = (centres + plate.char_rows) / 2
    pixels = lay_out(crop, plate.rows)
    return ReaderSample(pixels, plate.text, np.clip(centres, 0, 1).astype(np.float32), quality)


def wrong_layout(rng: np.random.Generator, plate: DrawnPlate, strength: float = 1.0) -> ReaderSample:
    """A one-row plate laid out as two rows, or a two-row plate as one: the reader shall return nothing."""
    crop = degrade_crop(rng, _photograph(rng, plate, _view(rng, plate, strength)), strength)
    return _nothing(lay_out(crop, 3 - plate.rows))


def non_plate(rng: np.random.Generator, strength: float = 1.0) -> ReaderSample:
    """What a detector takes for a plate by mistake: bodywork, lamps, grilles, lettering, empty or striped signs."""
    width = int(log_between(rng, 50, 200))
    height = max(MIN_CROP_PX[1], int(width / log_between(rng, 1.2, 5.5)))
    crop = background(rng, height, width)
    if rng.random() < 0.35:
        _draw_sign(rng, crop)
    if rng.random() < 0.5:
        lines = 1 + int(rng.random() * 3)
        tone = pick(rng, ((240, 240, 240), (20, 20, 20), (190, 20, 25), (250, 220, 60), (20, 50, 150), (20, 110, 60)))
        for line in range(lines):
            tall = int(height / lines * between(rng, 0.35, 1.1))
            left = int(width * between(rng, -0.3, 0.3))
            paste_words(rng, crop, (left, int(height * line / lines), int(width * between(rng, 0.6, 1.6)), tall), tone)
    return _nothing(lay_out(degrade_crop(rng, crop, strength), 1 if rng.random() < 0.6 else 2))


def _nothing(pixels: Pixels) -> ReaderSample:
    return ReaderSample(pixels, "", np.zeros(0, np.float32), 1.0)


def _draw_sign(rng: np.random.Generator, crop: Pixels) -> None:
    """A sign or an empty plate: a bright field with a border, an arrow, bars or a disc."""
    height, width = crop.shape[:2]
    colour = pick(rng, ((245, 245, 245), (245, 200, 30), (25, 60, 160), (200, 20, 30), (20, 20, 20), (30, 120, 60)))
    ink = pick(rng, ((15, 15, 15), (240, 240, 240), (200, 20, 30)))
    x1, y1 = int(between(rng, -0.1, 0.2) * width), int(between(rng, -0.1, 0.25) * height)
    x2, y2 = int(between(rng, 0.8, 1.1) * width), int(between(rng, 0.75, 1.1) * height)
    cv2.rectangle(crop, (x1, y1), (x2, y2), colour, -1)
    cv2.rectangle(crop, (x1, y1), (x2, y2), ink, max(1, int(between(rng, 0.0, 0.12) * height)), cv2.LINE_AA)
    for _ in range(int(rng.random() * 7)):
        kind, weight = rng.random(), max(1, int(between(rng, 0.05, 0.3) * height))
        start = (int(between(rng, 0, width)), int(between(rng, 0, height)))
        if kind < 0.4:
            end = (start[0] + int(rng.normal() * 0.15 * width), start[1] + int(rng.normal() * 0.6 * height))
            cv2.line(crop, start, end, ink, weight, cv2.LINE_AA)
        elif kind < 0.6:
            cv2.arrowedLine(crop, start, (width - start[0], start[1]), ink, weight, cv2.LINE_AA)
        else:
            cv2.circle(crop, start, weight, ink, pick(rng, (-1, 1, 2)), cv2.LINE_AA)


# --- where the plate lies ----------------------------------------------------------------------------------------


def _view(rng: np.random.Generator, plate: DrawnPlate, strength: float) -> _View:
    """Draw pose, crop box and resolution."""
    height, width = plate.pixels.shape[:2]
    quad = _pose(rng, width / height, plate.rows, strength)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    to_pose = cv2.getPerspectiveTransform(corners, quad.astype(np.float32))
    x1, y1, x2, y2 = _crop_box(rng, plate, quad, to_pose, strength)
    least, most = WIDTH_PX[plate.rows]
    if plate.rows == 1 and plate.region[:2] in LOOSE_REGIONS and rng.random() < FAR_SHARE:
        least, most = FAR_WIDTH_PX
    width_px = log_between(rng, least, most)
    if rng.random() < TINY_SHARE * strength:
        width_px = between(rng, 0.7 * least, least)
    scale = width_px / float(np.ptp(quad[:, 0]))
    size = (max(MIN_CROP_PX[0], round((x2 - x1) * scale)), max(MIN_CROP_PX[1], round((y2 - y1) * scale)))
    scale_x, scale_y = size[0] / (x2 - x1), size[1] / (y2 - y1)
    to_crop = np.array([[scale_x, 0, -x1 * scale_x], [0, scale_y, -y1 * scale_y], [0, 0, 1]]) @ to_pose
    return _View(to_crop, size)


def _pose(rng: np.random.Generator, aspect: float, rows: int, strength: float) -> Matrix:
    """The plate's corners TL TR BR BL, (4, 2), in plate heights around 0: nearly straight as a rectifier leaves it, or
    turned in space (yaw, pitch, roll) and seen from 3 to 12 plate widths."""
    unit = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    quad = unit * (aspect * float(np.exp(rng.normal() * 0.05 * strength)), 1.0)
    steady = 1.0 if rows == 1 else 0.6  # the fixed cut between two rows bears less
    if rng.random() < RECTIFIED_SHARE or strength == 0:
        roll = rng.normal() * np.radians(1.1) * strength * steady
        shear = rng.normal() * 0.05 * strength
        quad = quad @ np.array([[np.cos(roll), np.sin(roll)], [shear - np.sin(roll), np.cos(roll)]])
        return quad + rng.normal(size=(4, 2)) * 0.022 * strength * steady
    roll = np.clip(rng.normal() * np.radians(5.0) * strength * steady, *np.radians((-14.0, 14.0)))
    yaw, pitch = np.clip(rng.normal(size=2), -2.2, 2.2) * np.radians((19.0, 13.0)) * strength
    turn = cv2.Rodrigues(np.array([0, yaw, 0]))[0] @ cv2.Rodrigues(np.array([pitch, 0, 0]))[0]
    turn = cv2.Rodrigues(np.array([0, 0, roll]))[0] @ turn
    space = np.hstack((quad, np.zeros((4, 1)))) @ turn.T
    distance = aspect * between(rng, 3, 12)
    flat = space[:, :2] * (distance / (distance + space[:, 2:]))
    lean, climb = rng.normal(size=2) * (0.1, 0.05) * strength * steady  # wide lenses and close cars: more than a turn
    return flat @ np.array([[1.0, climb], [lean, 1.0]])


def _crop_box(
    rng: np.random.Generator, plate: DrawnPlate, quad: Matrix, to_pose: Matrix, strength: float
) -> tuple[float, float, float, float]:
    """The crop in the units of `quad` (x1, y1, x2, y2): its bounding box, looser or tighter on each side, yet such that
    no character is cut and that the fixed cut between two rows meets the gap between them."""
    low, high = quad.min(0), quad.max(0)
    reach = 0.22 if plate.region[:2] in LOOSE_REGIONS else 0.17
    left, right = (-0.03 + reach * rng.random(2) ** 1.3) * (high[0] - low[0]) * strength
    loose = 1.6 if plate.rows == 1 else 1.0
    top, bottom = (-0.05 + loose * reach * rng.random(2) ** 1.3) * (high[1] - low[1]) * strength
    x1, y1, x2, y2 = low[0] - left, low[1] - top, high[0] + right, high[1] + bottom
    if len(plate.char_boxes):
        spots = _project(to_pose, _box_corners(plate.char_boxes))
        slack = 0.02 if rng.random() > 0.04 * strength else -0.06  # a shifted box shaves the characters at times
        x1, x2 = min(x1, spots[:, 0].min() - 0.02), max(x2, spots[:, 0].max() + 0.02)
        y1, y2 = min(y1, spots[:, 1].min() - slack), max(y2, spots[:, 1].max() + slack)
        if plate.rows == 2:
            y1, y2 = _centre_gap(rng, plate, spots, y1, y2)
    return x1, y1, x2, y2


def _centre_gap(
    rng: np.random.Generator, plate: DrawnPlate, spots: Matrix, y1: float, y2: float
) -> tuple[float, float]:
    """Extend the crop up or down until the gap between the rows lies in the overlap of the two parts."""
    rows = np.repeat(plate.char_rows, 4)
    if not (rows == 0).any() or not (rows == 1).any():
        return y1, y2
    gap = (spots[rows == 0, 1].max() + spots[rows == 1, 1].min()) / 2
    least, most = BOTTOM_ROW_START - 0.01, TOP_ROW_END + 0.01
    share = (gap - y1) / (y2 - y1)
    if share > most:
        return y1, y1 + (gap - y1) / between(rng, 0.5, most)
    if share < least:
        return y2 - (y2 - gap) / (1 - between(rng, least, 0.5)), y2
    return y1, y2


def _box_corners(boxes: Floats) -> Matrix:
    """Corners of (N, 4) boxes x y w h as (4 N, 2), the four of a box together."""
    steps = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    return (boxes[:, None, :2] + steps * boxes[:, None, 2:]).reshape(-1, 2).astype(np.float64)


def _project(matrix: Matrix, points: NDArray[np.floating]) -> Matrix:
    """Points (N, 2) through a homography 3x3."""
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


# --- the picture -------------------------------------------------------------------------------------------------


def _photograph(rng: np.random.Generator, plate: DrawnPlate, view: _View) -> Pixels:
    """The crop (uint8 RGB, `view.size`) of the mounted plate, without effects."""
    height, width = plate.pixels.shape[:2]
    to_crop, drawn = view.to_crop, plate.pixels
    span = _project(to_crop, np.array([[0, height / 2], [width, height / 2]]))
    shrink = 1.3 * float(np.hypot(*(span[1] - span[0]))) / width
    if shrink < 0.8:  # average first: warping alone would alias thin strokes
        small = (max(8, round(width * shrink)), max(6, round(height * shrink)))
        drawn = cv2.resize(drawn, small, interpolation=cv2.INTER_AREA)
        to_crop = to_crop @ np.diag([width / small[0], height / small[1], 1.0])
    margins = _margins(to_crop, view.size, drawn.shape[1], drawn.shape[0])
    canvas = mount(rng, drawn, margins)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # pixel centres to corners and back
    shift = np.array([[1, 0, -margins[0]], [0, 1, -margins[1]], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ to_crop @ shift @ half
    return cv2.warpPerspective(canvas, matrix, view.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _margins(to_crop: Matrix, size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """How far the crop reaches beyond the plate's left, top, right and bottom, in plate pixels (at most a width)."""
    corners = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float64)
    reach = _project(np.linalg.inv(to_crop), corners)
    low, high = reach.min(0), reach.max(0)
    wish = (-low[0], -low[1], high[0] - width, high[1] - height)
    left, top, right, bottom = (int(np.clip(side + 3, 3, width)) for side in wish)
    return left, top, right, bottom


def _quality(plate: DrawnPlate, view: _View, clean: Pixels, crop: Pixels) -> float:
    """0..1, from three things: the characters' height at the camera (12 px are enough), how many grey values of the
    clean picture's strokes are left (20 are enough), and how far they stand out from what was added."""
    if not len(plate.char_boxes):
        return 0.0
    spots = _project(view.to_crop, _box_corners(plate.char_boxes))
    tall = float((spots[2::4, 1] - spots[1::4, 1]).mean())
    low = np.clip(spots.min(0).astype(int), 0, np.array(view.size) - 4)
    high = np.maximum(np.ceil(spots.max(0)).astype(int), low + 4)
    wanted, found = (_strokes(picture[low[1] : high[1], low[0] : high[0]], tall) for picture in (clean, crop))
    spread = max(1e-3, float(np.sqrt(np.vdot(wanted, wanted) / wanted.size)))
    kept = float(np.vdot(wanted, found)) / wanted.size / spread
    total = float(np.vdot(found, found)) / found.size
    disturbed = np.sqrt(max(0.0, total - kept * kept))
    return min(1.0, tall / 12.0) * min(1.0, max(0.0, kept) / 20.0) * min(1.0, max(0.0, kept) / (disturbed + 1e-3))


def _strokes(part: Pixels, tall: float) -> Floats:
    """What varies within a character's width in a picture (h, w, 3): grey values around 0, float32 (h, w)."""
    grey = cv2.cvtColor(part, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey - cv2.blur(grey, (max(3, int(0.5 * tall)) | 1,) * 2)
