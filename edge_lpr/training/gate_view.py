"""A fixed gate camera and how it sees flat things in space: what the drawn gate scene is made of.

Space is in metres: x to the camera's right, y up from the ground, z away from the camera along the lane. The camera
looks along z, its picture shifted upwards instead of tilted, so that what is upright stays upright. Pictures are
uint8 RGB (H, W, 3); points in space float (N, 3), in the picture float32 (N, 2) px.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.pasting import Piece, hull_of

NEAR_M = 0.7
"""Nothing nearer than this is drawn: it would fill the picture."""
Colour = tuple[int, int, int]
Light = tuple[float, float, float]
"""Factors by which drawn colours (R, G, B) are lit."""


@dataclass(frozen=True)
class GateView:
    """The camera: its height over the ground, focal length, picture size and where the horizon lies in it."""

    width_px: int = 1280
    height_px: int = 720
    focal_px: float = 1750.0
    horizon_px: float = 120.0
    camera_height_m: float = 2.4

    def project(self, points: Sequence[Sequence[float]] | NDArray[np.float64]) -> Floats:
        """Points in space (N, 3) -> px (N, 2); what lies nearer than NEAR_M is seen as if it lay there."""
        at = np.asarray(points, np.float64)
        scale = self.focal_px / np.maximum(at[:, 2], NEAR_M)
        x = self.width_px / 2 + at[:, 0] * scale
        y = self.horizon_px + (self.camera_height_m - at[:, 1]) * scale
        return np.asarray(np.stack([x, y], axis=1), np.float32)

    def scale_at(self, z: float) -> float:
        """Pixels a metre at the distance z."""
        return self.focal_px / max(z, NEAR_M)

    def inside(self, quad: Floats, margin_px: float = 2.0) -> bool:
        """Whether the quad lies wholly in the picture."""
        x1, y1, x2, y2 = hull_of(quad)
        return (
            min(x1, y1) >= margin_px
            and x2 <= self.width_px - margin_px
            and y2 <= self.height_px - margin_px
        )


@dataclass(frozen=True, eq=False)
class Panel:
    """A flat piece in space: the corners (4, 3), TL TR BR BL of its picture; `glows`: the night does not dim it."""

    piece: Piece
    corners: NDArray[np.float64]
    glows: bool = False
    two_sided: bool = False


class Scaled:
    """A piece in halved sizes, so that drawing it small neither aliases nor costs."""

    def __init__(self, piece: Piece) -> None:
        pixels, cover = piece.pixels, piece.cover
        if cover is None:
            cover = np.full(pixels.shape[:2], 255, np.uint8)
        self.levels = [(pixels, cover)]
        while min(cover.shape) > 16:
            size = (cover.shape[1] // 2, cover.shape[0] // 2)
            pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
            cover = np.asarray(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), np.uint8)
            self.levels.append((pixels, cover))

    def for_quad(self, quad: Floats) -> Piece:
        """The smallest level that is still about as large as the quad."""
        wide = max(float(np.hypot(*(quad[1] - quad[0]))), float(np.hypot(*(quad[2] - quad[3]))))
        high = max(float(np.hypot(*(quad[3] - quad[0]))), float(np.hypot(*(quad[2] - quad[1]))))
        for pixels, cover in reversed(self.levels):
            if cover.shape[1] >= wide * 0.9 or cover.shape[0] >= high * 0.9 and high > wide:
                return Piece(pixels, cover)
        return Piece(*self.levels[0])


@lru_cache(maxsize=256)
def _scaled(piece: Piece) -> Scaled:
    return Scaled(piece)


def faces_camera(quad: Floats) -> bool:
    """Whether a quad's picture is seen from its front: its corners run clockwise."""
    x, y = quad[:, 0], quad[:, 1]
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) > 0


def draw_panel(picture: Pixels, panel: Panel, view: GateView, light: Light, share: float = 1.0) -> None:
    """Draw a panel as the camera sees it, in place; nothing when it shows its back. `share` < 1: it shines through."""
    quad = view.project(panel.corners)
    if panel.two_sided or faces_camera(quad):
        draw_quad(picture, panel.piece, quad, (1.0, 1.0, 1.0) if panel.glows else light, share)


def draw_quad(picture: Pixels, piece: Piece, quad: Floats, light: Light, share: float = 1.0) -> None:
    """Warp a piece onto a quad of the picture, in place, its colours times `light`."""
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = hull_of(quad)
    left, top = max(0, int(x1) - 1), max(0, int(y1) - 1)
    right, bottom = min(width, int(x2) + 2), min(height, int(y2) + 2)
    if right - left < 2 or bottom - top < 2:
        return
    level = _scaled(piece).for_quad(quad)
    rows, cols = level.pixels.shape[:2]
    source = np.array([[0, 0], [cols, 0], [cols, rows], [0, rows]], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source, (quad - (left, top) - 0.5).astype(np.float32))
    size = (right - left, bottom - top)
    warped = cv2.warpPerspective(level.pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(level.cover, matrix, size, flags=cv2.INTER_LINEAR)
    if light != (1.0, 1.0, 1.0):
        warped = cv2.multiply(warped, (*light, 0.0))
    blend_into(picture[top:bottom, left:right], warped, cover, share)


def blend_into(part: Pixels, pixels: Pixels, cover: NDArray[np.uint8], share: float = 1.0) -> None:
    """Lay `pixels` over `part`, in place, as far as `cover` (uint8 (h, w)) and `share` say."""
    alpha = cv2.merge([cover, cover, cover])
    if share < 1.0:
        alpha = cv2.convertScaleAbs(alpha, alpha=share)
    over = cv2.multiply(pixels, alpha, scale=1 / 255)
    part[:] = cv2.add(cv2.multiply(part, cv2.bitwise_not(alpha), scale=1 / 255), over)


def draw_polygon(picture: Pixels, points: Floats, colour: Sequence[float]) -> None:
    """Fill a polygon with smooth edges at sub-pixel places, in place."""
    fixed = np.round(np.clip(points, -3000, 6000) * 16).astype(np.int32)
    cv2.fillPoly(picture, [fixed], tuple(float(c) for c in colour), cv2.LINE_AA, shift=4)


def add_glow(picture: Pixels, centre: Sequence[float], radius_px: float, colour: Sequence[float]) -> None:
    """Add a soft light of `colour` (R, G, B at its middle) around `centre` px, in place."""
    height, width = picture.shape[:2]
    reach = int(radius_px)
    left, top = max(0, int(centre[0]) - reach), max(0, int(centre[1]) - reach)
    right, bottom = min(width, int(centre[0]) + reach), min(height, int(centre[1]) + reach)
    if reach < 2 or right - left < 1 or bottom - top < 1:
        return
    matrix = np.array([[64 / reach, 0, 64 + (left - centre[0]) * 64 / reach],
                       [0, 64 / reach, 64 + (top - centre[1]) * 64 / reach]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    spot = cv2.warpAffine(_spot(), matrix, (right - left, bottom - top), flags=flags)
    part = picture[top:bottom, left:right]
    part[:] = cv2.add(part, cv2.multiply(cv2.merge([spot] * 3), (*(c / 255 for c in colour), 0.0)))


@lru_cache(maxsize=1)
def _spot() -> NDArray[np.uint8]:
    """A round light, uint8 (128, 128): 255 in the middle, 0 at the rim."""
    y, x = np.mgrid[-64:64, -64:64].astype(np.float32) / 64
    away = np.sqrt(x * x + y * y)
    return np.asarray(255 * np.clip(np.exp(-5.0 * away * away) - 0.0067, 0, 1), np.uint8)


def upright(x1: float, x2: float, y1: float, y2: float, z: float) -> NDArray[np.float64]:
    """The corners of an upright rectangle that faces the camera, from x1 to x2 and from the ground's y1 up to y2."""
    return np.array([[x1, y2, z], [x2, y2, z], [x2, y1, z], [x1, y1, z]], np.float64)


def on_ground(x1: float, x2: float, z1: float, z2: float, y: float = 0.0) -> NDArray[np.float64]:
    """The corners of a level rectangle from x1 to x2 and from z1 (near) to z2 (far), seen from above."""
    return np.array([[x1, y, z2], [x2, y, z2], [x2, y, z1], [x1, y, z1]], np.float64)
