"""Set a flat drawn thing (a plate, a sign, lettering) into a photograph: perspective, light, colour cast, sharpness.

Pictures are uint8 RGB (H, W, 3). Quads are float32 (4, 2) pixels, TL TR BR BL as the thing is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_lpr.records import Floats, Pixels

Cover = NDArray[np.uint8]
"""uint8 (H, W): 0 the ground shows, 255 the thing hides it."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A flat thing seen straight on: `pixels` uint8 RGB (H, W, 3) and its cover (None: it fills its rectangle)."""

    pixels: Pixels
    cover: Cover | None = None

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.pixels.shape[1] / self.pixels.shape[0]


@dataclass(frozen=True)
class Pose:
    """How far things turn away from the camera: yaw and pitch in degrees, roll and shear as standard deviations."""

    yaw_deg: float = 45.0
    pitch_deg: float = 25.0
    roll_deg: float = 5.0
    wild_roll: float = 0.1
    """Share of things whose roll is up to 25 degrees."""


VEHICLE_POSE = Pose()
LOOSE_POSE = Pose(yaw_deg=55.0, pitch_deg=30.0, roll_deg=7.0, wild_roll=0.15)


def posed_quad(rng: Generator, centre: tuple[float, float], width_px: float, aspect: float, pose: Pose) -> Floats:
    """The quad of a flat thing whose upright hull is about `width_px` wide, seen by a pinhole camera.

    The thing is turned about the vertical (yaw), the horizontal (pitch) and the viewing axis (roll), at a distance of
    2.5 to 12 times its width.
    """
    yaw = np.radians(np.clip(rng.normal(0, 0.45), -1, 1) * pose.yaw_deg)
    pitch = np.radians(np.clip(rng.normal(0, 0.45), -1, 1) * pose.pitch_deg)
    wild = rng.random() < pose.wild_roll
    roll = np.radians(rng.uniform(-25, 25) if wild else rng.normal(0, pose.roll_deg))
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * (1.0, 1.0 / aspect)
    x, y = half[:, 0] * np.cos(yaw), half[:, 1] * np.cos(pitch)
    depth = half[:, 0] * np.sin(yaw) + half[:, 1] * np.sin(pitch)
    y = y + half[:, 0] * np.sin(yaw) * np.sin(pitch)  # a turned thing seen from above runs downhill
    flat = np.stack([x, y], 1) / (1.0 + depth / rng.uniform(5, 24))[:, None]
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    flat = flat @ turn
    span = flat[:, 0].max() - flat[:, 0].min()
    return np.asarray(flat * (width_px / span) + centre, np.float32)


def hull_of(quad: Floats) -> tuple[float, float, float, float]:
    """The upright box (x1, y1, x2, y2) around a quad."""
    (x1, y1), (x2, y2) = quad.min(axis=0), quad.max(axis=0)
    return float(x1), float(y1), float(x2), float(y2)


def covered(box: Sequence[float], by: Sequence[float]) -> float:
    """Share of `box` (x1, y1, x2, y2) that lies inside `by`."""
    wide = min(box[2], by[2]) - max(box[0], by[0])
    high = min(box[3], by[3]) - max(box[1], by[1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    return max(0.0, wide) * max(0.0, high) / max(area, 1e-6)


def cut(box: Sequence[float], frame: Sequence[float]) -> tuple[float, float, float, float]:
    """The part of `box` (x1, y1, x2, y2) inside `frame`."""
    return max(box[0], frame[0]), max(box[1], frame[1]), min(box[2], frame[2]), min(box[3], frame[3])


def paste(picture: Pixels, piece: Piece, quad: Floats, rng: Generator, lit: bool = True) -> bool:
    """Warp `piece` onto `quad` of `picture`, in place. `lit` False leaves its colours as drawn (captions).

    Returns False, with the picture as it was, when the quad lies outside of the picture.
    """
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = hull_of(quad)
    left, top = max(0, int(x1) - 3), max(0, int(y1) - 3)
    right, bottom = min(width, int(x2) + 4), min(height, int(y2) + 4)
    if right - left < 3 or bottom - top < 3 or x2 <= 0 or y2 <= 0 or x1 >= width or y1 >= height:
        return False
    pixels, cover = _fit(piece, quad)
    rows, cols = cover.shape
    source = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], np.float32) + np.float32(0.5)
    source += np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], np.float32)  # the empty rim is not part of the thing
    matrix = cv2.getPerspectiveTransform(source, (quad - (left, top)).astype(np.float32))
    size = (right - left, bottom - top)
    warped = cv2.warpPerspective(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpPerspective(cover, matrix, size, flags=cv2.INTER_LINEAR)
    part = picture[top:bottom, left:right]
    colour = warped.astype(np.float32)
    if lit:
        colour *= _light(rng, part)
    share = (alpha * np.float32(1 / 255))[:, :, None]
    mixed = part + (colour - part) * share
    if rng.random() < 0.35:
        mixed = cv2.GaussianBlur(mixed, (0, 0), rng.uniform(0.4, 1.1))
    picture[top:bottom, left:right] = np.clip(mixed + np.float32(0.5), 0, 255).astype(np.uint8)
    return True


def _fit(piece: Piece, quad: Floats) -> tuple[Pixels, Cover]:
    """The piece at about the quad's size (so that the warp does not alias) inside an empty rim of 1 px."""
    wide = max(np.hypot(*(quad[1] - quad[0])), np.hypot(*(quad[2] - quad[3])))
    high = max(np.hypot(*(quad[3] - quad[0])), np.hypot(*(quad[2] - quad[1])))
    height, width = piece.pixels.shape[:2]
    size = (int(np.clip(round(float(wide)), 2, width)), int(np.clip(round(float(high)), 2, height)))
    pixels = cv2.resize(piece.pixels, size, interpolation=cv2.INTER_AREA)
    cover = np.full(size[::-1], 255, np.uint8)
    if piece.cover is not None:
        cover = cv2.resize(piece.cover, size, interpolation=cv2.INTER_AREA)
    rim = (1, 1, 1, 1)
    return (
        np.asarray(cv2.copyMakeBorder(pixels, *rim, cv2.BORDER_REPLICATE), np.uint8),
        np.asarray(cv2.copyMakeBorder(cover, *rim, cv2.BORDER_CONSTANT, value=0), np.uint8),
    )


def _light(rng: Generator, part: Pixels) -> NDArray[np.float32]:
    """Factor (h, w, 3) that brings the light of the surroundings `part` to a thing drawn in neutral light."""
    mean = np.array(cv2.mean(part)[:3], np.float32) + 8.0
    level = float(mean.mean())
    # Surroundings are darker than a white plate in the same light, the more so on a dark car: follow them half way.
    gain = np.clip((0.45 + 0.55 * level / 105.0) * rng.lognormal(0, 0.22), 0.14, 1.35)
    cast = (mean / level) ** rng.uniform(0.2, 0.7)
    height, width = part.shape[:2]
    slope = rng.normal(0, 0.12, 2)
    ramp = 1 + slope[0] * np.linspace(-1, 1, width)[None] + slope[1] * np.linspace(-1, 1, height)[:, None]
    return np.asarray((ramp[:, :, None] * (gain * cast)).astype(np.float32))
