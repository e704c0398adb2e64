"""Distractors without letters: facades, fences, grilles, lamps, road markings, bricks, gratings, plain panels."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Pixels
from edge_lpr.training.lettering import muted_tint, random_tint
from edge_lpr.training.pasting import Piece


def facade(rng: Generator) -> Piece:
    """A house front: rows of windows with frames, sills and panes."""
    rows, cols = int(rng.integers(1, 6)), int(rng.integers(2, 8))
    cell_h, cell_w = int(rng.integers(22, 50)), int(rng.integers(18, 46))
    wall = np.empty((rows * cell_h, cols * cell_w, 3), np.uint8)
    wall[:] = muted_tint(rng) if rng.random() < 0.75 else random_tint(rng)
    frame = (235, 235, 230) if rng.random() < 0.6 else random_tint(rng)
    wide, high = rng.uniform(0.35, 0.85), rng.uniform(0.4, 0.85)
    for i in range(rows):
        for j in range(cols):
            x, y = int((j + 0.5 - wide / 2) * cell_w), int((i + 0.5 - high / 2) * cell_h)
            x2, y2 = int(x + wide * cell_w), int(y + high * cell_h)
            cv2.rectangle(wall, (x, y), (x2, y2), frame, -1)
            level = int(rng.integers(20, 200))
            cv2.rectangle(wall, (x + 2, y + 2), (x2 - 2, y2 - 2), (level, level, min(255, level + 15)), -1)
            cv2.line(wall, ((x + x2) // 2, y), ((x + x2) // 2, y2), frame, 1)
            cv2.line(wall, (x, (y + y2) // 2), (x2, (y + y2) // 2), frame, 1)
    return Piece(wall)


def fence(rng: Generator) -> Piece:
    """Upright bars, slats or mesh that show the ground between them."""
    height, width = int(rng.integers(50, 110)), int(rng.integers(80, 240))
    cover = np.zeros((height, width), np.uint8)
    step = int(rng.integers(5, 18))
    bar = max(1, int(step * rng.uniform(0.15, 0.6)))
    slope = int(rng.choice([0, 0, 0, height // 2]))
    for x in range(-height, width + height, step):
        cv2.line(cover, (x, 0), (x + slope, height), 255, bar, cv2.LINE_AA)
        if slope:
            cv2.line(cover, (x + slope, 0), (x, height), 255, bar, cv2.LINE_AA)
    for y in (0.12, 0.88):
        if rng.random() < 0.7:
            cv2.line(cover, (0, int(y * height)), (width, int(y * height)), 255, bar + 1)
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = random_tint(rng)
    return Piece(pixels, cover)


def grille(rng: Generator) -> Piece:
    """A radiator grille or air vent: a dark rounded field with slats or mesh and perhaps an emblem."""
    height = int(rng.integers(36, 80))
    width = int(height * rng.uniform(1.5, 5))
    dark = int(rng.integers(8, 50))
    field = np.full((height, width, 3), dark, np.uint8)
    bright = int(rng.integers(70, 230))
    step = int(rng.integers(5, 14))
    thick = int(rng.integers(1, 4))
    upright = rng.random()
    if upright < 0.7:
        for y in range(step // 2, height, step):
            cv2.line(field, (0, y), (width, y), (bright,) * 3, thick)
    if upright > 0.5:
        for x in range(step // 2, width, step):
            cv2.line(field, (x, 0), (x, height), (bright,) * 3, thick)
    if rng.random() < 0.6:
        cv2.rectangle(field, (0, 0), (width - 1, height - 1), (int(rng.integers(120, 250)),) * 3, 3)
    if rng.random() < 0.5:
        cv2.circle(field, (width // 2, height // 2), height // 4, random_tint(rng), -1, cv2.LINE_AA)
        cv2.circle(field, (width // 2, height // 2), height // 4, (210,) * 3, 2, cv2.LINE_AA)
    cover = np.zeros((height, width), np.uint8)
    cv2.rectangle(cover, (6, 0), (width - 7, height - 1), 255, -1)
    cv2.rectangle(cover, (0, 6), (width - 1, height - 7), 255, -1)
    return Piece(field, cover)


def lamp(rng: Generator) -> Piece:
    """A head or tail lamp, or a reflector: a glowing rounded field with bands."""
    height, width = int(rng.integers(30, 60)), int(rng.integers(30, 140))
    base = np.float32(((210, 20, 25), (250, 150, 40), (245, 245, 235), (120, 10, 15), (255, 60, 90))[rng.integers(5)])
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] - np.float32(rng.uniform(-0.5, 0.5))
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    glow = np.exp(-(x**2 + y**2) / rng.uniform(0.1, 0.8))[:, :, None]
    pixels = base * rng.uniform(0.4, 1.0) + (255 - base) * glow * rng.uniform(0.2, 1.0)
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(0, 3))):
        at = int(rng.integers(0, height))
        cv2.line(pixels, (0, at), (width, at), (int(rng.integers(60, 250)),) * 3, int(rng.integers(1, 4)))
    cover = np.zeros((height, width), np.uint8)
    cv2.ellipse(cover, (width // 2, height // 2), (width // 2 - 1, height // 2 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA)
    if rng.random() < 0.5:
        cover[height // 6 : -height // 6] = 255
    return Piece(pixels, cover)


def road_marking(rng: Generator) -> Piece:
    """Zebra stripes, a lane's dashes or an arrow, in worn paint."""
    height, width = int(rng.integers(30, 80)), int(rng.integers(60, 240))
    cover = np.zeros((height, width), np.uint8)
    kind = rng.random()
    if kind < 0.5:
        step = int(rng.integers(12, 40))
        for x in range(0, width, step):
            cv2.rectangle(cover, (x, 0), (x + step // 2, height), 255, -1)
    elif kind < 0.8:
        cv2.arrowedLine(cover, (8, height // 2), (width - 8, height // 2), 255, height // 6, cv2.LINE_AA, tipLength=0.3)
    else:
        cv2.rectangle(cover, (0, height // 3), (width, 2 * height // 3), 255, -1)
    worn = rng.random((height, width)) < rng.uniform(0, 0.3)
    cover[worn] //= 2
    paint = (235, 200, 60) if rng.random() < 0.2 else (225, 225, 220)
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = paint
    return Piece(pixels, cover)


def bricks(rng: Generator) -> Piece:
    """A wall of bricks, tiles or stones."""
    step_y, step_x = int(rng.integers(8, 24)), int(rng.integers(12, 50))
    rows, cols = int(rng.integers(3, 9)), int(rng.integers(3, 9))
    joint = int(rng.integers(120, 230))
    wall = np.full((rows * step_y, cols * step_x, 3), joint, np.uint8)
    base = np.array(muted_tint(rng) if rng.random() < 0.75 else random_tint(rng))
    shift = step_x // 2 if rng.random() < 0.7 else 0
    for i in range(rows):
        for j in range(-1, cols + 1):
            x = j * step_x + (i % 2) * shift
            colour = np.clip(base + rng.normal(0, 14), 0, 255)
            cv2.rectangle(wall, (x + 1, i * step_y + 1), (x + step_x - 2, i * step_y + step_y - 2), colour.tolist(), -1)
    return Piece(wall)


def grating(rng: Generator) -> Piece:
    """Waves, stripes of random widths or a chequered board: textures as frequent as the strokes of letters."""
    height, width = int(rng.integers(40, 120)), int(rng.integers(60, 240))
    kind = rng.random()
    if kind < 0.35:
        phase = np.arange(width)[None] * rng.uniform(0.2, 1.6) + np.arange(height)[:, None] * rng.normal(0, 0.4)
        wave = np.sin(phase)
    elif kind < 0.75:
        stripes = rng.integers(0, 2, max(2, width // int(rng.integers(2, 9))))
        line = cv2.resize(stripes.astype(np.float32)[None], (width, 1), interpolation=cv2.INTER_NEAREST)
        wave = np.repeat(line * 2 - 1, height, axis=0)
        wave = wave.T[:width, :height].T if rng.random() < 0.7 else np.repeat(wave[:1, :height].T, width, axis=1)
    else:
        size = int(rng.integers(6, 24))
        wave = ((np.arange(height)[:, None] // size + np.arange(width)[None] // size) % 2) * 2.0 - 1.0
    low, high = np.array(random_tint(rng)), np.array(random_tint(rng))
    share = (0.5 + 0.5 * np.asarray(wave, np.float32))[:, :, None]
    pixels: Pixels = (low + (high - low) * share).astype(np.uint8)
    return Piece(pixels)


def panel(rng: Generator) -> Piece:
    """A plain or shaded rectangle with a rim: screens, boxes, lids, windows, empty frames."""
    height = int(rng.integers(30, 100))
    width = int(height * rng.uniform(0.6, 3.0))
    pixels = np.empty((height, width, 3), np.float32)
    pixels[:] = random_tint(rng)
    pixels *= np.linspace(1, rng.uniform(0.5, 1.2), width, dtype=np.float32)[None, :, None]
    board = np.clip(pixels, 0, 255).astype(np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        inset = int(rng.integers(0, height // 4))
        cv2.rectangle(board, (inset, inset), (width - inset, height - inset), random_tint(rng), int(rng.integers(1, 5)))
    return Piece(board)


PATTERNS: tuple[tuple[float, Callable[[Generator], Piece]], ...] = (
    (1.5, facade),
    (1.2, fence),
    (1.2, grille),
    (1.0, lamp),
    (0.8, road_marking),
    (0.6, bricks),
    (1.0, grating),
    (0.6, panel),
)
"""Weights and painters."""
