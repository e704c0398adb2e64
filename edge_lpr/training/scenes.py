"""Whole scenes for the detector to look at: photographs with drawn plates, or streets drawn from nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.degrade import degrade_scene
from edge_lpr.training.distractors import sample_distractor
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.lettering import random_tint
from edge_lpr.training.pasting import LOOSE_POSE, VEHICLE_POSE, Piece, hull_of, paste, posed_quad
from edge_lpr.training.patterns import bricks, facade, fence, road_marking
from edge_lpr.training.plates import sample_plate
from edge_lpr.training.vehicles import draw_vehicle

SIZE = (640, 480)
"""Width and height of a scene."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its drawn plates: `pixels` uint8 RGB (H, W, 3); `boxes` float32 (N, 4) x1 y1 x2 y2 px;
    `corners` float32 (N, 4, 2) px, TL TR BR BL; `texts` one a plate."""

    pixels: Pixels
    boxes: Floats
    corners: Floats
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SceneSource:
    """A photograph uint8 RGB and the boxes (N, 4) x1 y1 x2 y2 of its plates, which drawn ones will cover."""

    pixels: Pixels
    boxes: Floats


def draw_scene(
    rng: Generator,
    sources: Sequence[SceneSource] | None = None,
    plates: Sequence[DrawnPlate] | None = None,
    strength: float = 0.6,
) -> Scene:
    """A scene with plates on vehicles: one of `sources` with its plates replaced, or a drawn street without them.

    `plates` are used in turn, else plates of all countries are drawn; `strength` scales the camera's faults.
    """
    queue = list(plates or ())
    placed = _photographed(rng, sources[rng.integers(len(sources))], queue) if sources else _drawn(rng, queue)
    return Scene(
        degrade_scene(rng, placed.pixels, strength),
        np.array([hull_of(quad) for quad in placed.quads], np.float32).reshape(-1, 4),
        np.array(placed.quads, np.float32).reshape(-1, 4, 2),
        tuple(placed.texts),
    )


class _Placed:
    """A scene while it is composed."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.quads: list[Floats] = []
        self.texts: list[str] = []

    def set_plate(self, rng: Generator, plate: DrawnPlate, quad: Floats) -> None:
        """Paste a plate that lies wholly inside of the picture."""
        height, width = self.pixels.shape[:2]
        x1, y1, x2, y2 = hull_of(quad)
        if x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height and paste(self.pixels, Piece(plate.pixels), quad, rng):
            self.quads.append(quad)
            self.texts.append(plate.text)

    def hide(self, quad: Floats) -> None:
        """Forget the plates over which something was pasted."""
        x1, y1, x2, y2 = hull_of(quad)
        kept = []
        for n, other in enumerate(self.quads):
            a1, b1, a2, b2 = hull_of(other)
            if min(x2, a2) <= max(x1, a1) or min(y2, b2) <= max(y1, b1):
                kept.append(n)
        self.quads, self.texts = [self.quads[n] for n in kept], [self.texts[n] for n in kept]


def _next_plate(rng: Generator, queue: list[DrawnPlate]) -> DrawnPlate:
    return queue.pop(0) if queue else sample_plate(rng)


def _photographed(rng: Generator, source: SceneSource, queue: list[DrawnPlate]) -> _Placed:
    """A photograph in which drawn plates hang where its own did."""
    placed = _Placed(source.pixels.copy())
    for x1, y1, x2, y2 in source.boxes:
        plate = _next_plate(rng, queue)
        aspect = plate.pixels.shape[1] / plate.pixels.shape[0]
        wide = max(x2 - x1, (y2 - y1) * aspect) * 1.1
        quad = posed_quad(rng, (float(x1 + x2) / 2, float(y1 + y2) / 2), float(wide), aspect, VEHICLE_POSE)
        placed.set_plate(rng, plate, quad)
    return placed


def _drawn(rng: Generator, queue: list[DrawnPlate]) -> _Placed:
    """A street: sky, house fronts, signs, road, one to three vehicles from far to near."""
    placed = _Placed(_street(rng))
    width, height = SIZE
    count = int(rng.choice([1, 1, 2, 3]))
    for size in sorted(rng.uniform(0.16, 0.66, count)):
        vehicle = draw_vehicle(rng)
        wide = float(size * width)
        ground = height * (0.5 + 0.62 * size) + rng.uniform(-10, 20)
        centre = (float(rng.uniform(0.25, 0.75) * width), float(ground - wide / vehicle.piece.aspect / 2))
        quad = _stand(rng, centre, wide, vehicle.piece.aspect)
        _shadow(placed.pixels, quad)
        placed.hide(quad)
        paste(placed.pixels, vehicle.piece, quad, rng, lit=False)
        plate = _next_plate(rng, queue)
        placed.set_plate(rng, plate, _on_vehicle(vehicle.piece, vehicle.plate_centre, vehicle.plate_width, plate, quad))
    return placed


def _stand(rng: Generator, centre: tuple[float, float], wide: float, aspect: float) -> Floats:
    """The quad of a vehicle that stands upright: one side may be nearer, the top may be narrower."""
    high = wide / aspect
    near, slope = rng.normal(0, 0.05), float(np.clip(rng.normal(0, 0.05), -0.15, 0.15))
    left, right = high * (1 + near) / 2, high * (1 - near) / 2
    half, drop = wide / 2, slope * wide / 2
    quad = np.array([[-half, -left - drop], [half, -right + drop], [half, right + drop], [-half, left - drop]])
    return np.asarray(quad + centre, np.float32)


def _on_vehicle(piece: Piece, centre: tuple[float, float], wide: float, plate: DrawnPlate, quad: Floats) -> Floats:
    """Where a plate of the flat vehicle comes to lie in the scene."""
    height, width = piece.pixels.shape[:2]
    high = wide * plate.pixels.shape[0] / plate.pixels.shape[1]
    if plate.rows == 2:  # a square plate is as large on the vehicle, not as wide
        wide, high = wide * 0.66, high * 0.66
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2, high / 2)
    flat = np.asarray(half + centre, np.float32)
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, quad)
    return np.asarray(cv2.perspectiveTransform(flat[None], matrix)[0], np.float32)


def _shadow(picture: Pixels, quad: Floats) -> None:
    """The dark ground under a vehicle."""
    (x1, _), (x2, y) = quad.min(axis=0), quad.max(axis=0)
    dark = np.zeros(picture.shape[:2], np.uint8)
    axes = (int((x2 - x1) * 0.56), max(2, int((x2 - x1) * 0.08)))
    cv2.ellipse(dark, (int((x1 + x2) / 2), int(y - axes[1] * 0.4)), axes, 0, 0, 360, 170, -1)
    dark = np.asarray(cv2.blur(dark, (15, 15)), np.uint8)
    picture[:] = (picture * (1 - dark[:, :, None] / 255.0)).astype(np.uint8)


def _street(rng: Generator) -> Pixels:
    """Sky, houses, a fence or signs, road and markings."""
    width, height = SIZE
    horizon = int(height * rng.uniform(0.35, 0.55))
    picture = np.empty((height, width, 3), np.float32)
    sky = np.array(((150, 185, 225), (205, 208, 212), (90, 100, 130), (30, 34, 50))[rng.integers(4)], np.float32)
    picture[:] = sky + np.linspace(0, 35, height)[:, None, None]
    road = rng.uniform(60, 130)
    picture[horizon:] = road + rng.normal(0, 5, (height - horizon, width, 1)) + np.array([2, 0, -2])
    street = np.clip(picture, 0, 255).astype(np.uint8)
    x = -30.0
    while x < width:
        house = facade(rng) if rng.random() < 0.7 else bricks(rng)
        wide, high = rng.uniform(80, 220), rng.uniform(0.3, 0.95) * horizon
        _stand_at(street, house, x + wide / 2, horizon + 4, wide, high, rng)
        x += wide * rng.uniform(0.9, 1.5)
    grass = rng.random() < 0.5
    if grass:
        cv2.rectangle(street, (0, horizon), (width, horizon + int(rng.integers(6, 30))), random_tint(rng), -1)
    if rng.random() < 0.3:
        _stand_at(street, fence(rng), width / 2, horizon + 12, width * 1.2, rng.uniform(30, 80), rng)
    for _ in range(int(rng.integers(0, 5))):
        piece = sample_distractor(rng)
        wide = float(rng.uniform(30, 160))
        at = (float(rng.uniform(0, width)), float(rng.uniform(0.1, 1.0) * horizon))
        paste(street, piece, posed_quad(rng, at, wide, piece.aspect, LOOSE_POSE), rng)
    for _ in range(int(rng.integers(0, 3))):
        _stand_at(street, road_marking(rng), rng.uniform(0, width), rng.uniform(0.75, 1.0) * height, 160, 40, rng)
    return np.asarray(cv2.GaussianBlur(street, (0, 0), rng.uniform(0.5, 1.6)), np.uint8)


def _stand_at(
    picture: Pixels, piece: Piece, x: float, bottom: float, wide: float, high: float, rng: Generator
) -> None:
    """Paste an upright thing by the middle of its foot."""
    left, right, top = x - wide / 2, x + wide / 2, bottom - high
    quad = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    paste(picture, piece, quad, rng, lit=False)
