"""Small things on plates that are not characters: seals, shields, stickers, bolts, pictures between the letters.

They teach the reader what not to read. Drawn in place on uint8 RGB arrays (H, W, 3).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Pixels
from edge_lpr.training.plate_ground import Colour, paste_words, random_colour


def draw_emblem(plate: Pixels, kind: str, box: tuple[float, float, float, float], ink: Colour, rng: Generator) -> None:
    """Draw what a format's '@' stands for inside `box` (x1, y1, x2, y2)."""
    x1, y1, x2, y2 = box
    cx, cy, w, h = (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1
    if kind == "seals":
        radius = min(w / 2, h * 0.24)
        _seal(plate, cx, y1 + h * 0.26, radius * rng.uniform(0.75, 1.0), rng)
        _seal(plate, cx, y1 + h * 0.74, radius * rng.uniform(0.8, 1.1), rng)
    elif kind == "seal":
        _seal(plate, cx, cy + h * rng.uniform(-0.15, 0.15), min(w, h) * rng.uniform(0.3, 0.5), rng)
    elif kind == "shield":
        _shield(plate, cx, cy, w * 0.9, min(h * 0.8, w * 1.25), rng)
    elif kind == "dot":
        cv2.circle(plate, (round(cx), round(cy)), max(1, round(min(w, h) * 0.13)), ink, -1, cv2.LINE_AA)
    elif kind == "flag":
        _blocks(plate, (x1, cy - w * 0.35, x2, cy + w * 0.35), rng)
    elif kind == "letter":
        paste_words(
            plate,
            str(rng.choice(["D", "D", "D", "T", "B", "C"])),
            (cx, cy),
            min(w, h) * rng.uniform(0.3, 0.5),
            ink,
            rng,
        )
    elif kind == "sticker":
        _sticker(plate, (x1, cy - h * rng.uniform(0.2, 0.45), x2, cy + h * rng.uniform(0.2, 0.45)), rng)
    else:
        _picture(plate, cx, cy, w, h, rng)


def _seal(plate: Pixels, cx: float, cy: float, radius: float, rng: Generator) -> None:
    centre, r = (round(cx * 4), round(cy * 4)), max(4, round(radius * 4))
    ground = random_colour(rng) if rng.random() < 0.6 else (int(rng.integers(150, 240)),) * 3
    cv2.circle(plate, centre, r, ground, -1, cv2.LINE_AA, 2)
    if rng.random() < 0.7:
        cv2.circle(plate, centre, r, (int(rng.integers(20, 200)),) * 3, 1, cv2.LINE_AA, 2)
    if rng.random() < 0.7:
        cv2.circle(plate, centre, max(2, round(r * rng.uniform(0.3, 0.6))), random_colour(rng), -1, cv2.LINE_AA, 2)
    if rng.random() < 0.5:
        _figure(plate, (cx - radius * 0.6, cy - radius * 0.6, cx + radius * 0.6, cy + radius * 0.6), rng)


def _shield(plate: Pixels, cx: float, cy: float, w: float, h: float, rng: Generator) -> None:
    x1, x2, y1, y2 = cx - w / 2, cx + w / 2, cy - h / 2, cy + h / 2
    outline = np.array([[x1, y1], [x2, y1], [x2, cy + h * 0.1], [cx, y2], [x1, cy + h * 0.1]], np.int32)
    cv2.fillPoly(plate, [outline], random_colour(rng), cv2.LINE_AA)
    half = np.array([[cx, y1], [x2, y1], [x2, cy + h * 0.1], [cx, y2]], np.int32)
    if rng.random() < 0.6:
        cv2.fillPoly(plate, [half], random_colour(rng), cv2.LINE_AA)
    if rng.random() < 0.4:
        cv2.rectangle(plate, (int(x1), int(y1)), (int(x2), int(y1 + h * 0.3)), random_colour(rng), -1)
    if rng.random() < 0.6:
        _figure(plate, (x1 + w * 0.15, y1 + h * 0.1, x2 - w * 0.15, y2 - h * 0.2), rng)
    edge = random_colour(rng) if rng.random() < 0.5 else (int(rng.integers(10, 90)),) * 3
    cv2.polylines(plate, [outline], True, edge, max(1, round(h * 0.05)), cv2.LINE_AA)


def _figure(plate: Pixels, box: tuple[float, float, float, float], rng: Generator) -> None:
    """A charge: an eagle, a lion, a cross - strokes and arcs that look like parts of characters and are none."""
    x1, y1, x2, y2 = box
    colour = random_colour(rng) if rng.random() < 0.6 else (int(rng.integers(0, 80)),) * 3
    width = max(1, round((x2 - x1) * rng.uniform(0.06, 0.2)))
    for _ in range(int(rng.integers(1, 6))):
        a = (int(rng.uniform(x1, x2)), int(rng.uniform(y1, y2)))
        if rng.random() < 0.5:
            cv2.line(plate, a, (int(rng.uniform(x1, x2)), int(rng.uniform(y1, y2))), colour, width, cv2.LINE_AA)
        else:
            axes = (max(1, int((x2 - x1) * rng.uniform(0.1, 0.4))), max(1, int((y2 - y1) * rng.uniform(0.1, 0.4))))
            start = int(rng.integers(0, 360))
            cv2.ellipse(
                plate,
                a,
                axes,
                int(rng.integers(0, 180)),
                start,
                start + int(rng.integers(90, 361)),
                colour,
                width if rng.random() < 0.6 else -1,
                cv2.LINE_AA,
            )


def _blocks(plate: Pixels, box: tuple[float, float, float, float], rng: Generator) -> None:
    x1, y1, x2, y2 = (int(v) for v in box)
    for _ in range(int(rng.integers(2, 5))):
        a, b = sorted(rng.uniform(0, 1, 2))
        cv2.rectangle(plate, (x1, int(y1 + (y2 - y1) * a)), (x2, int(y1 + (y2 - y1) * b)), random_colour(rng), -1)


def _sticker(plate: Pixels, box: tuple[float, float, float, float], rng: Generator) -> None:
    x1, y1, x2, y2 = (int(v) for v in box)
    ground = random_colour(rng)
    cv2.rectangle(plate, (x1, y1), (x2, y2), ground, -1)
    ink = (250, 250, 250) if sum(ground) < 380 else (10, 10, 30)
    text = str(
        rng.choice(["07", "12", "98", "2006", "JAN", "MAY", "11", "04", "W 9", "EXP", "19", "10-11", "OCT", "3"])
    )
    paste_words(
        plate, text, ((x1 + x2) / 2, (y1 + y2) / 2), (y2 - y1) * rng.uniform(0.45, 0.8), ink, rng, (x2 - x1) * 0.9
    )


def _picture(plate: Pixels, cx: float, cy: float, w: float, h: float, rng: Generator) -> None:
    """A blob with limbs: tree, bird, rider, map, flower - whatever states print between the characters."""
    if rng.random() < 0.25:
        _tree(plate, cx, cy, w, h, rng)
        return
    colour = random_colour(rng)
    count = int(rng.integers(5, 11))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    radii = rng.uniform(0.35, 1.0, count)
    points = np.stack([cx + np.cos(angles) * radii * w * 0.5, cy + np.sin(angles) * radii * h * 0.45], 1)
    cv2.fillPoly(plate, [points.astype(np.int32)], colour, cv2.LINE_AA)
    for _ in range(int(rng.integers(0, 4))):
        a = (int(cx + rng.normal(0, 0.2) * w), int(cy + rng.normal(0, 0.25) * h))
        b = (int(cx + rng.normal(0, 0.3) * w), int(cy + rng.normal(0, 0.3) * h))
        cv2.line(plate, a, b, colour if rng.random() < 0.5 else random_colour(rng), max(1, int(w * 0.08)), cv2.LINE_AA)


def _tree(plate: Pixels, cx: float, cy: float, w: float, h: float, rng: Generator) -> None:
    """A stem with branches, as wide below as the box: the firs and cacti of the west, whose bars are no E."""
    colour = random_colour(rng)
    width = max(1, round(w * rng.uniform(0.05, 0.16)))
    top, bottom = cy - h / 2, cy + h / 2
    cv2.line(plate, (round(cx), round(top)), (round(cx), round(bottom)), colour, width, cv2.LINE_AA)
    sag = h * rng.uniform(-0.12, 0.12)
    narrow = rng.uniform(0.0, 0.8)
    for share in np.linspace(0.12, 0.88, int(rng.integers(3, 7))):
        y, reach = top + h * share, w / 2 * (1 - narrow * (1 - share))
        for side in (-1, 1):
            end = (round(cx + side * reach), round(y + sag))
            cv2.line(plate, (round(cx), round(y)), end, colour, width, cv2.LINE_AA)


def draw_corner_stickers(plate: Pixels, rng: Generator, zone: tuple[float, float]) -> None:
    """Month and year stickers in the corners (US): inside the strips above and below the characters.

    `zone` is (top strip height, bottom strip height) in px."""
    height, width = plate.shape[:2]
    for left in (True, False):
        for top in (True, False):
            strip = zone[0] if top else zone[1]
            if strip < height * 0.1 or rng.random() < 0.6:
                continue
            h, w = strip * rng.uniform(0.7, 1.05), strip * rng.uniform(1.0, 1.7)
            x1 = width * rng.uniform(0.02, 0.08) if left else width * rng.uniform(0.92, 0.98) - w
            y1 = height * 0.02 if top else height * 0.98 - h
            _sticker(plate, (x1, y1, x1 + w, y1 + h), rng)


def draw_bolts(plate: Pixels, rng: Generator, boxes: np.ndarray) -> None:
    """Screws, caps and holes at the usual places, sometimes on a character's edge but never over its middle."""
    height, width = plate.shape[:2]
    rows = (0.5,) if width > 3 * height else (0.1, 0.9)
    radius = max(1, round(height * rng.uniform(0.02, 0.05)))
    for y in rows:
        for x in (rng.uniform(0.03, 0.25), 1 - rng.uniform(0.03, 0.25)):
            if rng.random() < 0.35:
                continue
            px, py = round(x * width), round(y * height)
            inside = (np.abs(boxes[:, 0] + boxes[:, 2] / 2 - px) < boxes[:, 2] * 0.45) & (
                np.abs(boxes[:, 1] + boxes[:, 3] / 2 - py) < boxes[:, 3] * 0.5
            )
            if inside.any() and rng.random() < 0.9:
                continue
            tone = int(rng.integers(20, 240))
            cv2.circle(plate, (px, py), radius, (tone, tone, tone), -1, cv2.LINE_AA)
            cv2.circle(plate, (px, py), radius, (tone // 2,) * 3, 1, cv2.LINE_AA)
