"""What stands around a plate on a vehicle: bumper paint, plastic, grille, frame holders with dealer words, shadow gaps.

Backgrounds are drawn once a process into a bank of panels; a sample takes a window of one, tints it and adds what is
its own: the holder, the gap, the words below.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training.textures import between, dirt_fields, noise_window, pick, smooth_fields, window
from edge_lpr.training.wording import word_mask

Margins = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels."""
Colour = tuple[int, int, int]

PANEL_SIZE = (112, 256)
"""Height and width of one panel of the bank."""
PANEL_COUNT = 220
_PAINTS: tuple[Colour, ...] = (
    (18, 18, 20), (235, 235, 235), (165, 168, 172), (90, 93, 98), (120, 20, 22), (25, 45, 110), (20, 60, 45),
    (200, 175, 60), (60, 55, 50), (205, 200, 185), (35, 38, 42), (140, 110, 80),
)  # fmt: skip
_HOLDERS: tuple[Colour, ...] = (
    (16, 16, 18),
    (30, 30, 34),
    (70, 72, 76),
    (150, 152, 156),
    (215, 215, 218),
    (190, 165, 80),
)


def mount(rng: np.random.Generator, plate: Pixels, margins: Margins) -> Pixels:
    """The plate on a vehicle: uint8 RGB, larger than `plate` by `margins`; the plate's corner stands at (left, top)."""
    left, top, right, bottom = margins
    height, width = plate.shape[:2]
    canvas = background(rng, height + top + bottom, width + left + right)
    kind = rng.random()
    if kind < 0.4:
        _draw_holder(rng, canvas, (left, top, width, height))
    elif kind < 0.6:
        _draw_gap(rng, canvas, (left, top, width, height))
    elif kind < 0.68:
        _words_near(rng, canvas, (left, top, width, height))
    canvas[top : top + height, left : left + width] = plate
    if kind > 0.92:
        _draw_overlay(rng, canvas, (left, top, width, height))
    return canvas


def background(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """A window of a panel, lighter or darker and tinted, uint8 RGB (height, width, 3)."""
    part = window(rng, pick(rng, panels()), height, width, 0.25)
    gain = between(rng, 0.35, 1.15)
    return cv2.multiply(part, (gain * between(rng, 0.9, 1.1), gain, gain * between(rng, 0.9, 1.1), 0))


@lru_cache(maxsize=1)
def panels() -> tuple[Pixels, ...]:
    """The bank of backgrounds, uint8 RGB (*PANEL_SIZE, 3): paint, plastic, grilles, meshes, walls, lamps, cluttered
    parts of vehicles."""
    rng = np.random.default_rng(21)
    makers = (_paint, _paint, _paint, _clutter, _grille, _mesh, _wall, _lamp)
    made = []
    for index in range(PANEL_COUNT):
        panel = makers[index % len(makers)](rng)
        share = between(rng, 0.02, 0.2)
        made.append(cv2.addWeighted(panel, 1.0, noise_window(rng, *PANEL_SIZE), share, -128 * share))
    return tuple(made)


def _draw_holder(rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int]) -> None:
    """A frame around the plate, with a strip below or above it that may carry a dealer's words."""
    left, top, width, height = box
    side = max(1, int(between(rng, 0.02, 0.11) * height))
    low = side + (int(between(rng, 0.06, 0.2) * height) if rng.random() < 0.55 else 0)
    high = side + (int(between(rng, 0.06, 0.18) * height) if rng.random() < 0.15 else 0)
    colour = _shaded(rng, pick(rng, _HOLDERS))
    x1, x2, y1, y2 = left - side, left + width + side, top - high, top + height + low
    cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, -1)
    cv2.rectangle(canvas, (x1, y1), (x2, y2), _shaded(rng, colour), 1, cv2.LINE_AA)
    for start, end, strip in ((top + height, y2, low), (y1, top, high)):
        if strip > side + 2 and rng.random() < 0.75:
            words = (
                left + int(width * between(rng, 0.0, 0.3)),
                start,
                int(width * between(rng, 0.5, 1.0)),
                end - start,
            )
            paste_words(rng, canvas, words, _contrast(rng, colour))


def _draw_gap(rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int]) -> None:
    """The dark gap between a plate and the body; deeper below, or only on one side."""
    left, top, width, height = box
    reach = max(1, int(between(rng, 0.02, 0.08) * height))
    shift_x, shift_y = int(rng.integers(-1, 2)) * reach, int(rng.integers(0, 2)) * reach
    tone = int(between(rng, 5, 60))
    corner, opposite = (left - reach + shift_x, top - reach + shift_y), (left + width + shift_x, top + height + shift_y)
    cv2.rectangle(canvas, corner, (opposite[0] + reach, opposite[1] + reach), (tone, tone, tone), -1)


def _words_near(rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int]) -> None:
    """A model badge or sticker above, below or beside the plate."""
    left, top, width, height = box
    tall = int(height * between(rng, 0.2, 0.6))
    x = left + int(width * between(rng, -0.3, 0.7))
    y = top - tall - int(0.05 * height) if rng.random() < 0.5 else top + height + int(0.08 * height)
    paste_words(rng, canvas, (x, y, int(width * between(rng, 0.3, 0.8)), tall), pick(rng, _PAINTS))


def _draw_overlay(rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int]) -> None:
    """A frame that covers the rim of the plate (by less than a header's height), as common in the Americas."""
    left, top, width, height = box
    rim = max(1, int(between(rng, 0.02, 0.05) * height))
    out = max(1, int(between(rng, 0.03, 0.12) * height))
    colour = _shaded(rng, pick(rng, _HOLDERS))
    x1, y1, x2, y2 = left - out, top - out, left + width + out, top + height + out
    cv2.rectangle(canvas, (x1, y1), (x2, top + rim), colour, -1)
    cv2.rectangle(canvas, (x1, top + height - rim), (x2, y2), colour, -1)
    cv2.rectangle(canvas, (x1, y1), (left + rim, y2), colour, -1)
    cv2.rectangle(canvas, (left + width - rim, y1), (x2, y2), colour, -1)
    if rng.random() < 0.6:
        paste_words(rng, canvas, (left, top + height - rim, width, out + rim), _contrast(rng, colour))
    if rng.random() < 0.4:
        paste_words(rng, canvas, (left, y1, width, out + rim), _contrast(rng, colour))


def paste_words(rng: np.random.Generator, canvas: Pixels, box: tuple[int, int, int, int], colour: Colour) -> None:
    """Random words in `colour` that fill the height of the box (x, y, w, h); what lies outside the canvas is cut."""
    x, y, width, height = box
    if height < 4 or width < 8:
        return
    mask = word_mask(rng)
    scale = between(rng, 0.6, 0.95) * height / mask.shape[0]
    wide = max(4, min(width, int(mask.shape[1] * scale)))
    tall = max(3, int(mask.shape[0] * scale))
    mask = cv2.resize(mask, (wide, tall), interpolation=cv2.INTER_AREA)
    x += int((width - wide) * between(rng, 0.3, 0.7))
    y += (height - tall) // 2
    x1, y1, x2, y2 = max(0, x), max(0, y), min(canvas.shape[1], x + wide), min(canvas.shape[0], y + tall)
    if x1 >= x2 or y1 >= y2:
        return
    cover = mask[y1 - y : y2 - y, x1 - x : x2 - x, None].astype(np.float32) / 255
    part = canvas[y1:y2, x1:x2]
    canvas[y1:y2, x1:x2] = (part + (np.array(colour, np.float32) - part) * cover).astype(np.uint8)


def _shaded(rng: np.random.Generator, colour: Colour) -> Colour:
    gain = between(rng, 0.7, 1.3)
    red, green, blue = (int(min(255, max(0, value * gain + between(rng, -6, 6)))) for value in colour)
    return red, green, blue


def _contrast(rng: np.random.Generator, ground: Colour) -> Colour:
    """Light words on dark ground and dark words on light ground, white, silver, red, yellow or black."""
    if sum(ground) < 300:
        return pick(rng, ((235, 235, 235), (180, 180, 185), (210, 60, 50), (225, 200, 70), (120, 160, 220)))
    return pick(rng, ((20, 20, 20), (60, 60, 70), (150, 20, 20), (20, 40, 120)))


# --- panels ------------------------------------------------------------------------------------------------------


def _paint(rng: np.random.Generator) -> Pixels:
    """Body paint: a colour under slow light, with panel edges."""
    height, width = PANEL_SIZE
    flat = np.full((height, width, 3), _shaded(rng, pick(rng, _PAINTS)), np.uint8)
    light = window(rng, pick(rng, smooth_fields()), height, width)
    depth = between(rng, 0.2, 0.8)
    panel = cv2.addWeighted(cv2.multiply(flat, light, scale=1 / 255), depth, flat, 1 - depth, between(rng, 0, 20))
    panel = cv2.addWeighted(panel, 1.0, light, between(rng, 0, 0.25), 0)
    for _ in range(int(rng.integers(0, 4))):
        tone = int(between(rng, 0, 255))
        y1, y2 = (int(between(rng, 0, height)) for _ in range(2))
        cv2.line(panel, (0, y1), (width, (y1 + y2) // 2), (tone, tone, tone), int(rng.integers(1, 7)), cv2.LINE_AA)
    return panel


def _clutter(rng: np.random.Generator) -> Pixels:
    """Edges, bars and blobs of all kinds: tow hooks, cables, ladders, other signs."""
    panel = _paint(rng)
    height, width = PANEL_SIZE
    for _ in range(int(rng.integers(3, 14))):
        colour = _shaded(rng, pick(rng, _PAINTS))
        corner = (int(between(rng, -30, width)), int(between(rng, -20, height)))
        size = (int(between(rng, 4, 90)), int(between(rng, 3, 50)))
        if rng.random() < 0.6:
            cv2.rectangle(panel, corner, (corner[0] + size[0], corner[1] + size[1]), colour, -1)
        else:
            cv2.ellipse(
                panel, corner, (size[0] // 2, size[1] // 2), between(rng, 0, 180), 0, 360, colour, -1, cv2.LINE_AA
            )
    if rng.random() < 0.5:
        return cv2.GaussianBlur(panel, (0, 0), between(rng, 0.5, 4))
    return panel


def _grille(rng: np.random.Generator) -> Pixels:
    """Level or upright slats."""
    height, width = PANEL_SIZE
    upright = rng.random() < 0.35
    length = width if upright else height
    phase = np.arange(length, dtype=np.float32) * (2 * np.pi / between(rng, 6, 40)) + between(rng, 0, 6)
    wave = np.clip(np.sin(phase) * between(rng, 1, 4) + between(rng, -0.6, 0.6), -1, 1) * 0.5 + 0.5
    dark, light = np.array(pick(rng, _PAINTS[:1] + _PAINTS[8:11])), np.array(pick(rng, _PAINTS))
    line = dark + (light - dark) * wave[:, None]
    line = line[None] if upright else line[:, None]
    return np.ascontiguousarray(np.broadcast_to(line, (height, width, 3))).astype(np.uint8)


def _mesh(rng: np.random.Generator) -> Pixels:
    """A honeycomb or checked air inlet."""
    height, width = PANEL_SIZE
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    period, tilt = between(rng, 7, 22), between(rng, 0, 1.2)
    wave = np.cos((xs + tilt * ys) * 2 * np.pi / period) + np.cos((tilt * xs - ys) * 2 * np.pi / period)
    cover = np.clip(wave * between(rng, 1, 4) + 0.5, 0, 1)[..., None]
    dark, light = np.array(_shaded(rng, (14, 14, 16))), np.array(_shaded(rng, pick(rng, _PAINTS[2:4] + _PAINTS[8:11])))
    return (light + (dark - light) * cover).astype(np.uint8)


def _wall(rng: np.random.Generator) -> Pixels:
    """Street, stone, shelf or table: an even texture, also nearly white or black as behind collectors' plates."""
    height, width = PANEL_SIZE
    ground = np.full((height, width, 3), int(pick(rng, (8, 40, 90, 130, 180, 235, 250))), np.uint8)
    tinted = cv2.multiply(ground, (between(rng, 0.8, 1.1), between(rng, 0.85, 1.05), between(rng, 0.7, 1.1), 0))
    rough = window(rng, pick(rng, dirt_fields()), height, width)
    return cv2.addWeighted(tinted, 1.0, rough, between(rng, -0.3, 0.3), 0)


def _lamp(rng: np.random.Generator) -> Pixels:
    """Rear or head lamps: red, amber and white fields with ribs beside paint."""
    panel = _paint(rng)
    height, width = PANEL_SIZE
    colour = pick(rng, ((190, 15, 20), (110, 8, 12), (225, 120, 20), (230, 230, 225), (160, 170, 180)))
    x1, y1 = int(between(rng, -60, width * 0.6)), int(between(rng, -30, height * 0.6))
    x2, y2 = x1 + int(between(rng, 50, 200)), y1 + int(between(rng, 30, 100))
    cv2.rectangle(panel, (x1, y1), (x2, y2), colour, -1)
    step = int(between(rng, 4, 14))
    for x in range(x1, x2, step):
        cv2.line(panel, (x, y1), (x, y2), _shaded(rng, colour), 1)
    cv2.circle(panel, ((x1 + x2) // 2, (y1 + y2) // 2), int(between(rng, 5, 25)), (250, 250, 240), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(panel, (0, 0), between(rng, 0.5, 3))
