"""Drawn things that a plate detector takes for plates: shop fronts, signs, lettering, facades, fences, grilles, lamps.

Each is a flat `Piece` (pixels uint8 RGB, cover) that `pasting.paste` sets into a picture. None of them looks like a
plate on a vehicle: boards are longer or carry several lines, signs have few characters or other outlines, lettering
stands on no ground of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Pixels
from edge_lpr.training.lettering import ink_of, random_phrase, random_tint, text_mask
from edge_lpr.training.pasting import Cover, Piece
from edge_lpr.training.patterns import PATTERNS

Draw = Callable[[Generator], Piece]


def sample_distractor(rng: Generator) -> Piece:
    """One of all kinds, by their weights."""
    return _KINDS[int(np.searchsorted(_EDGES, rng.random()))](rng)


def distractor_bank(rng: Generator, count: int) -> list[Piece]:
    """`count` distractors; about 2 ms each."""
    return [sample_distractor(rng) for _ in range(count)]


def _canvas(rng: Generator, height: int, width: int, colour: Sequence[int] | None = None) -> Pixels:
    """A plain ground with a slight shade from side to side."""
    ground = np.empty((height, width, 3), np.float32)
    ground[:] = random_tint(rng) if colour is None else colour
    ground *= np.linspace(1, rng.uniform(0.8, 1.1), height, dtype=np.float32)[:, None, None]
    return np.clip(ground, 0, 255).astype(np.uint8)


def write(picture: Pixels, mask: Cover, at: tuple[float, float], ink: Sequence[int]) -> None:
    """Ink through `mask` centred at `at`; a mask larger than the picture is shrunk to fit."""
    height, width = picture.shape[:2]
    fit = min(1.0, 0.96 * width / mask.shape[1], 0.96 * height / mask.shape[0])
    if fit < 1:
        size = (max(1, int(mask.shape[1] * fit)), max(1, int(mask.shape[0] * fit)))
        mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)
    rows, cols = mask.shape
    x = int(np.clip(round(at[0] - cols / 2), 0, width - cols))
    y = int(np.clip(round(at[1] - rows / 2), 0, height - rows))
    share = (mask * np.float32(1 / 255))[:, :, None]
    part = picture[y : y + rows, x : x + cols]
    part[:] = (part + (np.float32(ink) - part) * share).astype(np.uint8)


def shop_front(rng: Generator) -> Piece:
    """A long board with a name, perhaps a line below, a border or a logo."""
    height = int(rng.integers(40, 80))
    width = int(height * rng.uniform(5, 11))
    board = _canvas(rng, height, width)
    ink = ink_of(board, rng)
    small = rng.random() < 0.4
    write(board, text_mask(rng, random_phrase(rng), int(height * rng.uniform(0.4, 0.7))),
          (width * rng.uniform(0.3, 0.7), height * (0.36 if small else 0.5)), ink)  # fmt: skip
    if small:
        write(board, text_mask(rng, random_phrase(rng), int(height * 0.2)), (width / 2, height * 0.84), ink)
    if rng.random() < 0.4:
        cv2.rectangle(board, (2, 2), (width - 3, height - 3), ink, int(rng.integers(1, 4)))
    if rng.random() < 0.4:
        side = 0.06 if rng.random() < 0.5 else 0.94
        cv2.circle(board, (int(width * side), height // 2), height // 3, random_tint(rng), -1, cv2.LINE_AA)
    return Piece(board)


def lettering(rng: Generator) -> Piece:
    """Words, a telephone number or an address without a ground: vans, walls, watermarks, captions, badges."""
    lines = int(rng.choice([1, 1, 1, 2, 3]))
    masks = [text_mask(rng, random_phrase(rng), int(rng.integers(18, 48))) for _ in range(lines)]
    width = max(m.shape[1] for m in masks)
    gap = int(rng.integers(2, 14))
    cover = np.zeros((sum(m.shape[0] for m in masks) + gap * (lines - 1), width), np.uint8)
    y = 0
    for mask in masks:
        x = int(rng.choice([0, (width - mask.shape[1]) // 2]))
        cover[y : y + mask.shape[0], x : x + mask.shape[1]] = mask
        y += mask.shape[0] + gap
    return _inked(rng, cover)


def _inked(rng: Generator, cover: Cover) -> Piece:
    """Ink of one colour; perhaps with an outline, perhaps half transparent."""
    colour = random_tint(rng) if rng.random() < 0.4 else ((240,) * 3 if rng.random() < 0.6 else (25,) * 3)
    pixels = np.empty((*cover.shape, 3), np.uint8)
    pixels[:] = colour
    if rng.random() < 0.25:
        outer = np.asarray(cv2.dilate(cover, np.ones((5, 5), np.uint8)), np.uint8)
        rim = 255 - np.array(colour)
        pixels = (rim + (pixels - rim) * (cover / 255.0)[:, :, None]).astype(np.uint8)
        cover = outer
    if rng.random() < 0.25:
        cover = (cover * rng.uniform(0.3, 0.8)).astype(np.uint8)
    return Piece(pixels, cover)


def date_stamp(rng: Generator) -> Piece:
    """A camera's date, time and name, written into the picture."""
    n = rng.integers(0, 60, 6)
    day, month, year = n[0] % 28 + 1, n[1] % 12 + 1, 2000 + n[2] % 30
    stamps = (
        f"{year}-{month:02d}-{day:02d} {n[3] % 24:02d}:{n[4]:02d}:{n[5]:02d}", f"{day:02d}/{month:02d}/{year}",
        f"'{year % 100:02d} {month:2d} {day:2d}", f"CAM {n[5] % 16:02d}", f"{n[3] % 24:02d}:{n[4]:02d}",
        f"{month:02d}.{day:02d}.{year} {n[3] % 12}:{n[4]:02d} PM", f"{n[3]} KM/H",
    )  # fmt: skip
    cover = text_mask(rng, str(rng.choice(stamps)), int(rng.integers(14, 36)))
    pixels = np.empty((*cover.shape, 3), np.uint8)
    pixels[:] = ((255, 255, 255), (255, 170, 40), (255, 60, 30), (250, 240, 60), (20, 20, 20))[rng.integers(5)]
    if rng.random() < 0.4:
        dark = (pixels * (cover / 255.0)[:, :, None]).astype(np.uint8)
        return Piece(np.pad(dark, ((4, 4), (6, 6), (0, 0))))
    return Piece(pixels, cover)


def round_sign(rng: Generator) -> Piece:
    """A traffic sign: disc, triangle, diamond or octagon with a number, a bar or an arrow."""
    size = 72
    sides = int(rng.choice([0, 0, 3, -3, 4, 8]))
    centre, radius = (size / 2, size / 2), size * 0.48
    outline = _outline(sides, centre, radius)
    cover = np.zeros((size, size), np.uint8)
    cv2.fillPoly(cover, [outline], 255, cv2.LINE_AA)
    rim = ((200, 30, 35), (30, 70, 160), (20, 20, 20), (240, 190, 30), (30, 110, 60))[rng.integers(5)]
    face = (245, 245, 240) if rng.random() < 0.6 else random_tint(rng)
    board = _canvas(rng, size, size, rim)
    cv2.fillPoly(board, [_outline(sides, centre, radius * rng.uniform(0.7, 0.92))], face, cv2.LINE_AA)
    ink = ink_of(np.full((1, 1, 3), face, np.uint8), rng)
    kind = rng.random()
    if kind < 0.5:
        words = (str(int(rng.integers(1, 13)) * 10), "STOP", "P", "H", "3.5t", "YIELD", "7.5t", "2.1m", "!", "BUS")
        write(board, text_mask(rng, str(rng.choice(words)), int(size * rng.uniform(0.25, 0.5))), centre, ink)
    elif kind < 0.75:
        cv2.rectangle(board, (14, 30), (57, 41), ink, -1)
    else:
        tail, head = rng.uniform(15, 57, 2), rng.uniform(15, 57, 2)
        cv2.arrowedLine(board, _at(tail), _at(head), ink, int(rng.integers(4, 9)), cv2.LINE_AA, tipLength=0.4)
    return Piece(board, cover)


def _at(point: Sequence[float]) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _outline(sides: int, centre: tuple[float, float], radius: float) -> np.ndarray:
    count = abs(sides) or 40
    start = {3: -np.pi / 2, -3: np.pi / 2, 4: 0.0, 8: np.pi / 8}.get(sides, 0.0)
    angle = start + np.arange(count) * 2 * np.pi / count
    return np.round(np.stack([np.cos(angle), np.sin(angle)], 1) * radius + centre).astype(np.int32)


def board_sign(rng: Generator) -> Piece:
    """A rectangular sign of several lines: direction signs, notices, parking rules, house numbers of 1 to 3 digits."""
    if rng.random() < 0.25:
        board = _canvas(rng, 60, int(rng.integers(50, 90)))
        write(board, text_mask(rng, str(int(rng.integers(1, 400))), 38), (board.shape[1] / 2, 30), ink_of(board, rng))
        return Piece(board)
    lines = int(rng.integers(2, 6))
    height, width = int(lines * rng.integers(22, 34)), int(rng.integers(80, 200))
    board = _canvas(rng, height, width, ((30, 90, 55), (25, 60, 140), (245, 245, 245), (240, 190, 40),
                                         (190, 30, 35))[rng.integers(5)])  # fmt: skip
    ink = ink_of(board, rng)
    for n in range(lines):
        text = random_phrase(rng) if rng.random() < 0.7 else str(int(rng.integers(1, 999)))
        write(board, text_mask(rng, text, int(height / lines * rng.uniform(0.45, 0.75))),
              (width * rng.uniform(0.35, 0.65), height * (n + 0.5) / lines), ink)  # fmt: skip
    if rng.random() < 0.6:
        cv2.rectangle(board, (3, 3), (width - 4, height - 4), ink, 2, cv2.LINE_AA)
    return Piece(board)


def page(rng: Generator) -> Piece:
    """A printed page, poster or label: many lines of small text, a headline, a picture."""
    height, width = int(rng.integers(90, 180)), int(rng.integers(80, 170))
    light = int(rng.integers(190, 250))
    paper = _canvas(rng, height, width, (light, light, light - int(rng.integers(0, 25))))
    if rng.random() < 0.35:
        paper = _canvas(rng, height, width)
    ink = ink_of(paper, rng)
    y, margin = rng.uniform(6, 14), width * 0.08
    while y < height - 8:
        size = int(rng.choice([5, 6, 7, 8, 8, 14, 24]))
        if rng.random() < 0.12:
            block = int(rng.integers(15, 40))
            cv2.rectangle(paper, _at((margin, y)), _at((width - margin, y + block)), random_tint(rng), -1)
            y += block + 4
            continue
        phrase = " ".join(random_phrase(rng) for _ in range(1 if size > 8 else 4))
        mask = text_mask(rng, phrase, size)[:, : int(width - 2 * margin)]
        write(paper, mask, (margin + mask.shape[1] / 2, y + size / 2), ink)
        y += size * rng.uniform(1.2, 1.8)
    return Piece(paper, _rounded(height, width) if rng.random() < 0.3 else None)


def _rounded(height: int, width: int) -> Cover:
    """The cover of a label with arched ends, as on a bottle."""
    cover = np.zeros((height, width), np.uint8)
    cv2.ellipse(cover, (width // 2, height // 2), (width // 2 - 1, height // 2 - 1), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cover[height // 5 : -height // 5] = 255
    return cover


def sticker(rng: Generator) -> Piece:
    """A bumper sticker or a maker's badge: an oval or strip with one word, or chrome letters."""
    if rng.random() < 0.4:
        cover = text_mask(rng, random_phrase(rng, short=True), 26)
        chrome = np.linspace(rng.uniform(90, 160), 240, cover.shape[0])[:, None, None] + np.zeros((*cover.shape, 3))
        return Piece(chrome.astype(np.uint8), cover)
    height, width = 44, int(rng.integers(44, 170))
    label = _canvas(rng, height, width)
    ink = ink_of(label, rng)
    write(label, text_mask(rng, random_phrase(rng, short=True), int(rng.integers(12, 28))), (width / 2, 22), ink)
    cover = np.zeros((height, width), np.uint8)
    if rng.random() < 0.6:
        cv2.ellipse(cover, (width // 2, 22), (width // 2 - 1, 21), 0, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        cover[:] = 255
    return Piece(label, cover)


_TEXT_KINDS: tuple[tuple[float, Draw], ...] = (
    (3.0, shop_front),
    (4.0, lettering),
    (1.5, date_stamp),
    (1.5, round_sign),
    (2.5, board_sign),
    (1.5, page),
    (1.5, sticker),
)
_ALL = _TEXT_KINDS + PATTERNS
_KINDS = tuple(draw for _, draw in _ALL)
_EDGES = np.cumsum([weight for weight, _ in _ALL]) / sum(weight for weight, _ in _ALL)
