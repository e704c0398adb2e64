"""Draw one plate of a national format: ground, bands, words, characters, separators, emblems, embossing.

The picture is flat, clean and frontal; `degrade.py` and `crops.py` make a photograph of it. Everything is uint8 RGB
(H, W, 3), every size a share of the plate's height, every random draw from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.recognition.plate_format import Look, Mark, PlateFormat, load_formats, sample_rows
from edge_lpr.records import Pixels
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.emblems import draw_bolts, draw_corner_stickers, draw_emblem
from edge_lpr.training.faces import Face, pick_face
from edge_lpr.training.plate_frame import draw_frame
from edge_lpr.training.plate_ground import Box, Colour, blend, colour_of, draw_border, draw_ground

GAP_SHARE = (0.22, 0.62)
SPACING_SHARE = (0.02, 0.13)
STROKE_CHANGE_CHANCE = 0.25
SWELLING_CHANCE = 0.6
"""Light characters in a dark window throw light back and look fatter than they are pressed."""
EMBOSS_CHANCE = 0.55
SYNTHETIC_STROKES_CHANCE = 0.3
"""Share of plates in a parametric stroke face instead of the country's own: no list of faces is complete."""
ANY_FACE_CHANCE = 0.25
CROWDED_CHANCE, CROWDED_STRETCH = 0.18, 1.3
"""Share of American plates whose characters reach from rim to rim, wider than usual where they are few: the rim beside
them is no stroke of an E or an L."""
PICTURE_SHARE, LARGE_PICTURE_SHARE, LARGE_PICTURE_CHANCE = (0.45, 0.8), (0.8, 1.4), 0.25
"""Width of a picture on a plate, of a character's height."""
SMALL_SHARE = (0.28, 0.5)
"""Width of small stacked letters, of a character's height."""


@dataclass(frozen=True)
class _Piece:
    """One mark with its natural width in px at the row's character height."""

    mark: Mark
    width: float


class _Sheet:
    """A plate while it is drawn."""

    def __init__(self, pixels: Pixels, ink: Colour) -> None:
        self.pixels = pixels
        self.ink = ink
        self.cover: Pixels = np.zeros(pixels.shape[:2], np.uint8)
        self.boxes: list[Box] = []
        self.rows: list[int] = []
        self.text: list[str] = []


FaceChoice = Callable[[Look, Generator], Face]
"""Picks the face of a plate of this look."""


def draw_plate(
    fmt: PlateFormat, rng: Generator, height_px: int = 72, faces: FaceChoice | None = None
) -> DrawnPlate:
    """Draw a random plate of `fmt`, `height_px` high; `faces` picks its face, by default any that suits the look."""
    width_px = max(height_px // 2, round(height_px * fmt.size_mm[0] / fmt.size_mm[1] * rng.uniform(0.95, 1.06)))
    look = fmt.look
    ink = colour_of(str(rng.choice(look.inks)), rng)
    sheet = _Sheet(draw_ground((height_px, width_px), str(rng.choice(look.grounds)), rng), ink)
    rows = sample_rows(fmt, rng)
    inner, strips = draw_frame(sheet.pixels, look, ink, len(rows), rng)
    if fmt.country == "US":
        draw_corner_stickers(sheet.pixels, rng, strips)
    crowded = fmt.country == "US" and rng.random() < CROWDED_CHANCE
    if crowded:
        inner = (height_px * 0.03, inner[1], width_px - height_px * 0.03, inner[3])
        draw_border(sheet.pixels, "thin", ink, rng)
    face = (faces or _choose_face)(look, rng)
    row_height = (inner[3] - inner[1]) / len(rows)
    for index, marks in enumerate(rows):
        y1 = inner[1] + index * row_height
        x1 = inner[0]
        if index == 1 and len(rows) == 2 and look.band_left and rng.random() < 0.5:
            x1 = height_px * 0.04
        box = (x1, y1, inner[2], y1 + row_height)
        _draw_row(sheet, marks, box, index, face, look, rng, CROWDED_STRETCH if crowded else 1.0)
    _ink(sheet, bool(look.panel), rng)
    boxes = np.array(sheet.boxes, np.float32).reshape(-1, 4)
    if rng.random() < 0.6:
        draw_bolts(sheet.pixels, rng, boxes)
    return DrawnPlate(
        pixels=sheet.pixels,
        text="".join(sheet.text),
        rows=len(rows),
        char_boxes=boxes,
        char_rows=np.array(sheet.rows, np.int64),
        region=fmt.country,
    )


def _choose_face(look: Look, rng: Generator) -> Face:
    """The country's face mostly; a parametric or any face at times, so that no face is learnt by heart."""
    draw = rng.random()
    if draw < SYNTHETIC_STROKES_CHANCE:
        return pick_face(("stroke",), rng)
    if draw < SYNTHETIC_STROKES_CHANCE + ANY_FACE_CHANCE:
        return pick_face(("any",), rng)
    return pick_face(look.faces, rng)


def _draw_row(
    sheet: _Sheet, marks: tuple[Mark, ...], box: Box, row: int, face: Face, look: Look, rng: Generator,
    stretch: float = 1.0,
) -> None:  # fmt: skip
    """Set one row's marks into `box`, squeezed when too wide, else widened up to `stretch`, spread or centred."""
    x1, y1, x2, y2 = box
    char_height = min((y2 - y1) * 0.97, (y2 - y1) * _char_share(sheet, look, y2 - y1) * rng.uniform(0.94, 1.05))
    spacing = char_height * rng.uniform(*SPACING_SHARE)
    gap = char_height * rng.uniform(*GAP_SHARE)
    pieces = [_piece(mark, char_height, gap, face, look, rng) for mark in marks]
    natural = sum(p.width for p in pieces) + spacing * max(0, len(pieces) - 1)
    room = x2 - x1
    squeeze = min(stretch, room / max(natural, 1.0))
    slack = max(0.0, room - natural * max(squeeze, 1.0))
    if pieces and rng.random() < 0.4:
        spread = min(slack * rng.uniform(0.2, 0.9) / len(pieces), char_height * 0.25)
        spacing += spread
        slack -= spread * len(pieces)
    x = x1 + slack * float(np.clip(rng.normal(0.5, 0.12), 0, 1))
    middle = (y1 + y2) / 2 + rng.normal(0, 0.01) * char_height
    for piece in pieces:
        cell = (x, middle - char_height / 2, x + piece.width * squeeze, middle + char_height / 2)
        if piece.mark.kind == "emblem":
            if look.emblem == "picture":
                taller = char_height * rng.uniform(0.0, 0.25)
                cell = (cell[0], max(y1, cell[1] - taller), cell[2], min(y2, cell[3] + taller))
            draw_emblem(sheet.pixels, look.emblem, cell, sheet.ink, rng)
        else:
            _draw_piece(sheet, piece.mark, cell, row, face, rng)
        x += (piece.width + spacing) * squeeze


def _char_share(sheet: _Sheet, look: Look, row_height: float) -> float:
    """`look.char_height` is a share of the plate (one row); words above and below leave a share of the rest."""
    used = look.char_height * sheet.pixels.shape[0] / max(row_height, 1.0)
    return min(
        0.95, max(look.char_height, used) if row_height > 0.62 * sheet.pixels.shape[0] else max(look.char_height, 0.8)
    )


def _piece(mark: Mark, char_height: float, gap: float, face: Face, look: Look, rng: Generator) -> _Piece:
    if mark.kind == "char":
        natural = face.glyph(mark.value, max(6, round(char_height))).advance
        width = natural if look.char_width == 0 else look.char_width * char_height
    elif mark.kind == "small":
        width = char_height * rng.uniform(*SMALL_SHARE)
    elif mark.kind == "emblem" and look.emblem == "picture":
        large = rng.random() < LARGE_PICTURE_CHANCE
        width = char_height * rng.uniform(*(LARGE_PICTURE_SHARE if large else PICTURE_SHARE))
    else:
        width = {"gap": gap, "dash": char_height * 0.36, "dot": char_height * 0.24, "emblem": char_height * 0.58}[
            mark.kind
        ]
    return _Piece(mark, float(width))


def _draw_piece(sheet: _Sheet, mark: Mark, cell: Box, row: int, face: Face, rng: Generator) -> None:
    x1, y1, x2, y2 = cell
    height = y2 - y1
    if mark.kind == "char":
        _draw_char(sheet, mark.value, cell, row, face, rng)
    elif mark.kind == "dash":
        half = height * rng.uniform(0.035, 0.07)
        y = (y1 + y2) / 2
        inset = (x2 - x1) * 0.15
        cv2.rectangle(sheet.cover, (round(x1 + inset), round(y - half)), (round(x2 - inset), round(y + half)), 255, -1)
    elif mark.kind == "dot":
        y = (y1 + y2) / 2 if rng.random() < 0.6 else y2 - height * 0.08
        cv2.circle(sheet.cover, (round((x1 + x2) / 2), round(y)), max(1, round(height * 0.06)), 255, -1, cv2.LINE_AA)
    elif mark.kind == "small":
        _draw_small(sheet, mark.value, cell, face)


def _draw_char(sheet: _Sheet, char: str, cell: Box, row: int, face: Face, rng: Generator) -> None:
    x1, y1, x2, y2 = cell
    glyph = face.glyph(char, max(6, round(y2 - y1)))
    mask = glyph.mask
    scale = (x2 - x1) / max(glyph.advance, 1e-3)
    if abs(scale - 1) > 0.04:
        mask = cv2.resize(mask, (max(2, round(mask.shape[1] * scale)), mask.shape[0]), interpolation=cv2.INTER_AREA)
    x = round((x1 + x2) / 2 - mask.shape[1] / 2)
    y = round(y1 + rng.normal(0, 0.006) * (y2 - y1))
    _stamp(sheet.cover, mask, x, y)
    sheet.boxes.append((float(x), float(y), float(mask.shape[1]), float(mask.shape[0])))
    sheet.rows.append(row)
    sheet.text.append(char)


def _draw_small(sheet: _Sheet, text: str, cell: Box, face: Face) -> None:
    """Small letters one above the other; drawn, never part of the text."""
    x1, y1, x2, y2 = cell
    height = max(5, round((y2 - y1) * 0.92 / max(2, len(text))))
    for index, char in enumerate(text):
        mask = face.glyph(char, height).mask
        width = min(mask.shape[1], max(2, round(x2 - x1)))
        mask = cv2.resize(mask, (width, mask.shape[0]), interpolation=cv2.INTER_AREA)
        y = y1 + (y2 - y1) * (index + 0.5) / max(2, len(text)) - height / 2
        _stamp(sheet.cover, mask, round((x1 + x2 - width) / 2), round(y))


def _stamp(cover: Pixels, mask: Pixels, x: int, y: int) -> None:
    height, width = cover.shape
    x1, y1, x2, y2 = max(0, x), max(0, y), min(width, x + mask.shape[1]), min(height, y + mask.shape[0])
    if x1 < x2 and y1 < y2:
        np.maximum(cover[y1:y2, x1:x2], mask[y1 - y : y2 - y, x1 - x : x2 - x], out=cover[y1:y2, x1:x2])


def _ink(sheet: _Sheet, swells: bool, rng: Generator) -> None:
    """Colour the characters in: at times a little fatter or thinner (`swells`: much fatter), at times embossed."""
    cover = sheet.cover
    if rng.random() < STROKE_CHANGE_CHANCE and cover.shape[0] >= 48:
        kernel = np.ones((2, 2), np.uint8)
        cover = cv2.dilate(cover, kernel) if rng.random() < 0.5 else cv2.erode(cover, kernel)
    elif swells and rng.random() < SWELLING_CHANCE:
        size = max(2, round(cover.shape[0] * rng.uniform(0.02, 0.055)))
        cover = cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    x, y, width, height = cv2.boundingRect(cover)
    blend(sheet.pixels, cover[y : y + height, x : x + width], (x, y), sheet.ink)
    if rng.random() < EMBOSS_CHANCE:
        _emboss(sheet.pixels, cover, rng)


def _emboss(plate: Pixels, cover: Pixels, rng: Generator) -> None:
    """Light on one flank of the raised characters, shade on the other (light comes from above, mostly)."""
    reach = max(1, round(plate.shape[0] * rng.uniform(0.008, 0.025)))
    side = int(rng.integers(-1, 2)) * reach
    lift = cv2.blur(cover, (2 * reach + 1, 2 * reach + 1)).astype(np.int16)
    shade = np.roll(lift, (reach, side), (0, 1)) - np.roll(lift, (-reach, -side), (0, 1))
    change = (shade * rng.uniform(-0.28, 0.1)).astype(np.int16)[:, :, None]
    np.copyto(plate, np.clip(plate.astype(np.int16) + change, 0, 255).astype(np.uint8))


class PlateMix:
    """A choice of formats with their weights: `countries` limits it, `two_rows` scales the two-row series, `formats`
    are all that are known, `faces` picks the faces of its plates."""

    def __init__(
        self,
        countries: tuple[str, ...] = (),
        two_rows: float = 1.0,
        country_weights: dict[str, float] | None = None,
        formats: Sequence[PlateFormat] | None = None,
        faces: FaceChoice | None = None,
    ) -> None:
        known = load_formats() if formats is None else formats
        chosen = [f for f in known if not countries or f.country in countries]
        if not chosen:
            raise ValueError(f"no plate format for {', '.join(countries)}")
        wish = country_weights or {}
        weights = np.array(
            [f.weight * wish.get(f.country, 1.0) * (two_rows if len(f.rows) == 2 else 1.0) for f in chosen]
        )
        self.formats = tuple(chosen)
        self.faces = faces
        self._edges = np.cumsum(weights / weights.sum())

    def pick(self, rng: Generator) -> PlateFormat:
        """One format by weight."""
        return self.formats[min(int(np.searchsorted(self._edges, rng.random())), len(self.formats) - 1)]


def sample_plate(rng: Generator, mix: PlateMix | None = None, height_px: int = 0) -> DrawnPlate:
    """A random plate of the mix; its height is drawn from 56 to 88 px unless given (two rows: 1.5 times as high)."""
    mix = mix or default_mix()
    fmt = mix.pick(rng)
    height = height_px or int(rng.integers(56, 89) * (1.5 if len(fmt.rows) == 2 else 1.0))
    return draw_plate(fmt, rng, height, mix.faces)


_default: list[PlateMix] = []


def default_mix() -> PlateMix:
    """All formats, by their own weights; made once."""
    if not _default:
        _default.append(PlateMix())
    return _default[0]
