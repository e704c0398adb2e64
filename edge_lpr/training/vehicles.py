"""Drawn vehicles seen from the front or the rear, flat, with the place of their plate."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.distractors import lettering, sticker, write
from edge_lpr.training.lettering import random_phrase, random_tint, text_mask
from edge_lpr.training.pasting import Cover, Piece, paste
from edge_lpr.training.patterns import grille, lamp

WIDTH_PX = 560
_PAINTS = (
    (22, 22, 25), (236, 236, 234), (168, 171, 175), (92, 95, 100), (128, 22, 26), (28, 48, 112), (24, 66, 50),
    (196, 172, 60), (72, 64, 56), (208, 202, 188), (60, 110, 160), (170, 60, 30),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Vehicle:
    """A flat vehicle and the middle (x, y) and width in px of its plate's place."""

    piece: Piece
    plate_centre: tuple[float, float]
    plate_width: float


class _Body:
    """A vehicle while it is drawn; coordinates are shares of its width and height."""

    def __init__(self, rng: Generator, height: int) -> None:
        self.rng = rng
        self.pixels: Pixels = np.zeros((height, WIDTH_PX, 3), np.uint8)
        self.cover: Cover = np.zeros((height, WIDTH_PX), np.uint8)
        self.paint = _PAINTS[rng.integers(len(_PAINTS))]

    def polygon(self, points: list[tuple[float, float]], colour: tuple[int, ...], mirrored: bool = True) -> None:
        """Fill a polygon; `mirrored`: `points` are the left half, from top to bottom."""
        if mirrored:
            points = points + [(1 - x, y) for x, y in reversed(points)]
        height, width = self.cover.shape
        at = np.round(np.array(points) * (width, height)).astype(np.int32)
        cv2.fillPoly(self.pixels, [at], colour, cv2.LINE_AA)
        cv2.fillPoly(self.cover, [at], 255, cv2.LINE_AA)

    def quad(self, x: float, y: float, wide: float, high: float) -> Floats:
        """The upright quad around (x, y)."""
        height, width = self.cover.shape
        half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (wide / 2, high / 2)
        return np.asarray((half + (x, y)) * (width, height), np.float32)

    def set_in(self, piece: Piece, x: float, y: float, wide: float, high: float) -> None:
        """Paste a part; it lies inside of the body."""
        paste(self.pixels, piece, self.quad(x, y, wide, high), self.rng, lit=False)

    def shade(self, factor: float) -> tuple[int, ...]:
        """The paint, lighter or darker."""
        return tuple(int(min(255, c * factor)) for c in self.paint)

    def finish(self) -> Piece:
        """Light from above, reflections on the paint."""
        height = len(self.pixels)
        fall = np.interp(np.arange(height), [0, height * 0.5, height], [1.12, 0.98, 0.7])[:, None, None]
        bend = 1 + 0.08 * np.cos(np.linspace(-np.pi, np.pi, WIDTH_PX))[None, :, None]
        lit = np.clip(self.pixels * fall * bend, 0, 255).astype(np.uint8)
        return Piece(lit, self.cover)


def draw_vehicle(rng: Generator) -> Vehicle:
    """A car (front or rear), a van or a lorry."""
    kind = rng.random()
    if kind < 0.75:
        return _car(rng, front=rng.random() < 0.5)
    return _box_vehicle(rng, lorry=kind > 0.9)


def _car(rng: Generator, front: bool) -> Vehicle:
    body = _Body(rng, int(WIDTH_PX * rng.uniform(0.66, 0.88)))
    roof, waist = rng.uniform(0.13, 0.22), rng.uniform(0.36, 0.46)
    for x in (0.06, 0.80):
        body.polygon([(x, 0.8), (x + 0.14, 0.8), (x + 0.14, 1.0), (x, 1.0)], (18, 18, 20), mirrored=False)
    body.polygon([(roof + 0.04, 0.0), (roof, 0.03), (0.07, waist)], body.shade(0.95))
    body.polygon([(roof + 0.05, 0.05), (0.11, waist - 0.02)], (28, 34, 42))
    gloss = [(0.3, 0.06), (0.5, 0.06), (0.35, waist - 0.03), (0.15, waist - 0.03)]
    body.polygon(gloss, (70, 82, 96), mirrored=False)
    body.polygon([(0.07, waist - 0.01), (0.01, waist + 0.1), (0.0, 0.8), (0.05, 0.93)], body.shade(1.0))
    lower = rng.uniform(0.76, 0.82)
    body.polygon([(0.01, lower), (0.02, 0.9), (0.06, 0.95)], (34, 34, 37) if rng.random() < 0.5 else body.shade(0.8))
    y = waist + rng.uniform(0.1, 0.16)
    side = lamp(rng)
    mirrored = Piece(np.ascontiguousarray(side.pixels[:, ::-1]), side.cover)
    body.set_in(side, 0.13, y, rng.uniform(0.14, 0.2), 0.13)
    body.set_in(mirrored, 0.87, y, rng.uniform(0.14, 0.2), 0.13)
    plate_y = rng.uniform(lower - 0.02, 0.88) if front or rng.random() < 0.4 else rng.uniform(y, lower - 0.06)
    if front:
        body.set_in(grille(rng), 0.5, y + 0.02, rng.uniform(0.3, 0.46), rng.uniform(0.1, 0.16))
    else:
        cv2.line(body.pixels, *_points(body, (0.1, waist + 0.04), (0.9, waist + 0.04)), body.shade(0.6), 2)
        body.set_in(sticker(rng), rng.uniform(0.28, 0.36), y - 0.04, 0.12, 0.05)
    if plate_y < lower:
        body.polygon([(0.3, plate_y - 0.07), (0.32, plate_y + 0.08)], body.shade(0.72))
    return Vehicle(body.finish(), (WIDTH_PX * 0.5, len(body.pixels) * plate_y), WIDTH_PX * rng.uniform(0.24, 0.32))


def _box_vehicle(rng: Generator, lorry: bool) -> Vehicle:
    """A van's or a lorry's rear: doors, lettering, lamps low, the plate low or on a door."""
    body = _Body(rng, int(WIDTH_PX * rng.uniform(0.95, 1.25)))
    for x in (0.08, 0.78):
        body.polygon([(x, 0.88), (x + 0.14, 0.88), (x + 0.14, 1.0), (x, 1.0)], (18, 18, 20), mirrored=False)
    body.polygon([(0.05, 0.0), (0.02, 0.05), (0.01, 0.94)], body.paint)
    height = len(body.pixels)
    cv2.line(body.pixels, *_points(body, (0.5, 0.04), (0.5, 0.86)), body.shade(0.55), 3)
    if not lorry:
        for x in (0.28, 0.72):
            glass = [(x - 0.15, 0.08), (x + 0.15, 0.08), (x + 0.15, 0.34), (x - 0.15, 0.34)]
            body.polygon(glass, (30, 36, 44), mirrored=False)
    words = lettering(rng)
    share = min(0.8, words.aspect * 0.14)
    body.set_in(words, 0.5, 0.48, share, share / words.aspect * WIDTH_PX / height)
    ink = body.shade(0.4) if sum(body.paint) > 380 else (235, 235, 235)
    write(body.pixels, text_mask(rng, random_phrase(rng), 26), (WIDTH_PX * 0.5, height * 0.62), ink)
    body.polygon([(0.0, 0.86), (0.0, 0.95)], (40, 40, 43))
    tall = lamp(rng)
    for x in (0.06, 0.94):
        body.set_in(tall, x, 0.76, 0.06, 0.14)
    if rng.random() < 0.5:
        for x in (0.2, 0.8):
            stripes = np.zeros((20, 90, 3), np.uint8)
            stripes[:] = random_tint(rng)
            body.set_in(Piece(stripes), x, 0.9, 0.14, 0.03)
    centre = (WIDTH_PX * rng.choice([0.27, 0.5, 0.73]), height * rng.uniform(0.76, 0.91))
    return Vehicle(body.finish(), centre, WIDTH_PX * rng.uniform(0.22, 0.28))


def _points(body: _Body, *shares: tuple[float, float]) -> list[tuple[int, int]]:
    height, width = body.cover.shape
    return [(int(x * width), int(y * height)) for x, y in shares]
