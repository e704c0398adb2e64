"""What a plate shows besides its characters: ground, border, bands and the words above and below.

Drawn in place on uint8 RGB arrays (H, W, 3). All sizes are shares of the plate's height, so any resolution works.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.recognition.plate_format import Look
from edge_lpr.records import Pixels
from edge_lpr.training.faces import words

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

EU_YELLOW: Colour = (250, 210, 40)


def colour_of(text: str, rng: Generator, jitter: int = 14) -> Colour:
    """'#rrggbb' to RGB with the spread of age, print and light."""
    base = [int(text[i : i + 2], 16) for i in (1, 3, 5)]
    shift = int(rng.integers(-jitter, jitter + 1))
    red, green, blue = (int(np.clip(c + shift + rng.integers(-jitter // 2, jitter // 2 + 1), 0, 255)) for c in base)
    return red, green, blue


def random_colour(rng: Generator) -> Colour:
    """Any colour."""
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def draw_ground(shape: tuple[int, int], kind: str, rng: Generator) -> Pixels:
    """The plate's sheet: `kind` is '#rrggbb' or one of gradient, landscape, sunset, stripes."""
    height, width = shape
    if kind.startswith("#"):
        return np.full((height, width, 3), colour_of(kind, rng), np.uint8)
    top = np.array(_pale(rng), np.float32)
    bottom = np.array(_pale(rng), np.float32)
    middle = np.array((245, 245, 240) if rng.random() < 0.6 else _pale(rng), np.float32)
    y = np.linspace(0.0, 1.0, height, dtype=np.float32)[:, None]
    column = np.where(y < 0.5, top + (middle - top) * y * 2, middle + (bottom - middle) * (y * 2 - 1))
    ground: Pixels = np.repeat(column[:, None, :], width, axis=1).astype(np.uint8)
    if kind in ("landscape", "sunset"):
        _draw_hills(ground, rng)
        if kind == "sunset" or rng.random() < 0.3:
            centre = (int(rng.uniform(0, width)), int(rng.uniform(0.2, 0.9) * height))
            cv2.circle(ground, centre, int(rng.uniform(0.1, 0.35) * height), _pale(rng), -1, cv2.LINE_AA)
    elif kind == "stripes":
        for _ in range(int(rng.integers(1, 5))):
            y0 = int(rng.uniform(0, height))
            cv2.line(
                ground,
                (0, y0),
                (width, int(y0 + rng.normal(0, 0.1) * height)),
                _pale(rng),
                max(1, int(rng.uniform(0.01, 0.1) * height)),
                cv2.LINE_AA,
            )
    return ground


def _pale(rng: Generator) -> Colour:
    colour = rng.integers(90, 256, 3)
    mix = rng.uniform(0.2, 0.85)
    red, green, blue = (int(v * (1 - mix) + 250 * mix) for v in colour)
    return red, green, blue


def _draw_hills(ground: Pixels, rng: Generator) -> None:
    height, width = ground.shape[:2]
    for _ in range(int(rng.integers(1, 4))):
        base = rng.uniform(0.4, 0.95) * height
        steps = int(rng.integers(3, 9))
        xs = np.linspace(0, width, steps)
        ys = base + rng.normal(0, 0.13, steps) * height
        points = np.concatenate([np.stack([xs, ys], 1), [[width, height], [0, height]]]).astype(np.int32)
        cv2.fillPoly(ground, [points], _pale(rng), cv2.LINE_AA)


def draw_border(plate: Pixels, kind: str, ink: Colour, rng: Generator) -> None:
    """The rim: `kind` none, thin or thick; in the ink's colour."""
    if kind == "none":
        return
    height, width = plate.shape[:2]
    thickness = max(1, round(height * (rng.uniform(0.012, 0.03) if kind == "thin" else rng.uniform(0.035, 0.07))))
    inset = round(height * rng.uniform(0.005, 0.03)) + thickness // 2
    radius = height * rng.uniform(0.03, 0.12)
    rounded_outline(plate, (inset, inset, width - 1 - inset, height - 1 - inset), radius, ink, thickness)


def rounded_outline(picture: Pixels, box: tuple[int, int, int, int], radius: float, colour: Colour, width: int) -> None:
    """A rounded rectangle's outline; `box` is x1, y1, x2, y2."""
    x1, y1, x2, y2 = box
    r = int(min(radius, (x2 - x1) / 2, (y2 - y1) / 2))
    for start, end in (
        ((x1 + r, y1), (x2 - r, y1)),
        ((x1 + r, y2), (x2 - r, y2)),
        ((x1, y1 + r), (x1, y2 - r)),
        ((x2, y1 + r), (x2, y2 - r)),
    ):
        cv2.line(picture, start, end, colour, width, cv2.LINE_AA)
    for centre, angle in (
        ((x1 + r, y1 + r), 180),
        ((x2 - r, y1 + r), 270),
        ((x2 - r, y2 - r), 0),
        ((x1 + r, y2 - r), 90),
    ):
        cv2.ellipse(picture, centre, (r, r), angle, 0, 90, colour, width, cv2.LINE_AA)


def draw_band(plate: Pixels, box: tuple[int, int, int, int], kind: str, look: Look, rng: Generator) -> None:
    """A national band in `box` (x1, y1, x2, y2): ground, twelve stars or a flag, country letters."""
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    if width < 3 or height < 5:
        return
    ground = (235, 235, 235) if kind == "white" else colour_of(look.band_colour, rng)
    cv2.rectangle(plate, (x1, y1), (x2 - 1, y2 - 1), ground, -1)
    cx, radius = (x1 + x2) / 2, min(width * 0.33, height * 0.2)
    top = y1 + height * rng.uniform(0.2, 0.36)
    if kind in ("eu", "eu-blue"):
        _draw_stars(plate, cx, top, radius, rng)
    elif kind == "flag":
        _draw_flag(
            plate,
            (int(cx - width * 0.36), int(top - width * 0.26), int(cx + width * 0.36), int(top + width * 0.26)),
            rng,
        )
    elif kind == "shield":
        cv2.circle(plate, (int(cx), int(top)), max(1, int(radius)), random_colour(rng), -1, cv2.LINE_AA)
    text = look.band_code
    if kind == "eu-blue" or (kind == "shield" and not text):
        text = str(rng.choice(["MI", "RM", "TO", "75", "69", "13", "2A", "59", "92", "NA", "BO", "33", "06"]))
    if text:
        code_height = min(height * 0.26, width * (0.75 if len(text) == 1 else 0.5))
        ink = (20, 40, 140) if kind == "white" else (245, 245, 245)
        paste_words(
            plate, text, (cx, y2 - height * rng.uniform(0.16, 0.26)), code_height, ink, rng, max_width=width * 0.9
        )


def _draw_stars(plate: Pixels, cx: float, cy: float, radius: float, rng: Generator) -> None:
    size = max(1, round(radius * 0.16))
    count = 12 if radius > 5 else 8
    for angle in np.arange(count) * (2 * np.pi / count):
        x, y = cx + radius * np.cos(angle), cy + radius * np.sin(angle)
        cv2.circle(plate, (round(x * 8), round(y * 8)), round(size * 8 * 0.8), EU_YELLOW, -1, cv2.LINE_AA, 3)


def _draw_flag(plate: Pixels, box: tuple[int, int, int, int], rng: Generator) -> None:
    x1, y1, x2, y2 = box
    stripes = int(rng.integers(2, 4))
    across = rng.random() < 0.6
    for i in range(stripes):
        a, b = i / stripes, (i + 1) / stripes
        if across:
            cv2.rectangle(plate, (x1, int(y1 + (y2 - y1) * a)), (x2, int(y1 + (y2 - y1) * b)), random_colour(rng), -1)
        else:
            cv2.rectangle(plate, (int(x1 + (x2 - x1) * a), y1), (int(x1 + (x2 - x1) * b), y2), random_colour(rng), -1)


def paste_words(
    picture: Pixels,
    text: str,
    centre: tuple[float, float],
    height: float,
    ink: Colour,
    rng: Generator,
    max_width: float = 1e9,
) -> None:
    """Write small words (header, footer, country code) centred at `centre`, at most `max_width` px wide."""
    if height < 3:
        return
    mask = words(text, max(3, round(height)), rng)
    if mask.shape[1] > max_width:
        mask = cv2.resize(mask, (max(1, int(max_width)), mask.shape[0]), interpolation=cv2.INTER_AREA)
    blend(picture, mask, (round(centre[0] - mask.shape[1] / 2), round(centre[1] - mask.shape[0] / 2)), ink)


def blend(picture: Pixels, mask: Pixels, at: tuple[int, int], ink: Colour) -> None:
    """Ink through a uint8 coverage mask whose top left corner lies at `at` (x, y); what falls outside is cut off."""
    x, y = at
    height, width = picture.shape[:2]
    x1, y1, x2, y2 = max(0, x), max(0, y), min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
    if x1 >= x2 or y1 >= y2:
        return
    cover = mask[y1 - y : y2 - y, x1 - x : x2 - x, None].astype(np.uint16)
    part = picture[y1:y2, x1:x2]
    picture[y1:y2, x1:x2] = ((part * (255 - cover) + np.array(ink, np.uint16) * cover) // 255).astype(np.uint8)
