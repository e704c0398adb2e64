"""Glyphs: one character as ink coverage, drawn once at a master height and shrunk from there.

Both steps are cached in bounded tables (about 60 MB at the most), so a repeated call costs about a microsecond.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edge_lpr.training.strokes import StrokeStyle, draw_character, trimmed

CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MASTER_HEIGHTS = (64, 128, 256)
"""Cap heights that glyphs are drawn at; other heights are shrunk from the next larger one."""
LINE_HEIGHT_PX = 32
"""Cap height that lines of small lettering are drawn at before they are scaled."""
_INK = 8
"""Coverage from which a pixel counts as ink."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character at one height.

    mask: uint8 (h, w), ink coverage 0..255, h the cap height asked for, cut to the ink in x.
    left: pixels from the pen to the mask's first column. advance: pixels from this pen position to the next.
    """

    mask: NDArray[np.uint8]
    left: float
    advance: float


class Face(ABC):
    """A set of characters 0-9 and A-Z. Compared by identity."""

    name: str
    family: str

    def glyph(self, char: str, height_px: int) -> Glyph:
        """The character with caps `height_px` high. Raises KeyError for another character than 0-9 and A-Z."""
        return _glyph(self, char, height_px)

    @abstractmethod
    def draw(self, char: str, height_px: int) -> Glyph:
        """Draws the character afresh, uncached."""


class StrokeFace(Face):
    """A face drawn with strokes."""

    def __init__(self, name: str, family: str, style: StrokeStyle) -> None:
        self.name, self.family, self.style = name, family, style

    def draw(self, char: str, height_px: int) -> Glyph:
        mask = draw_character(self.style, char, height_px)
        left = self.style.side_bearing * height_px
        return Glyph(mask, left, mask.shape[1] + 2 * left)


class FontFace(Face):
    """A face of an installed font, its width scaled by `stretch`, its strokes thickened by `bold` cap heights."""

    def __init__(self, name: str, family: str, path: Path, stretch: float = 1.0, bold: float = 0.0) -> None:
        self.name, self.family, self.path, self.stretch, self.bold = name, family, path, stretch, bold

    def draw(self, char: str, height_px: int) -> Glyph:
        if len(char) != 1 or char not in CHARACTERS:
            raise KeyError(char)
        font = font_of(self.path, height_px)
        extra = round(self.bold * height_px)
        x0, _, x1, _ = font.getbbox(char, anchor="ls", stroke_width=extra)
        ink = _coverage(font, char, extra)
        ink = ink[np.flatnonzero(ink.max(axis=1) > _INK)]
        shrink = height_px / (height_px + 2 * extra) * self.stretch
        width = max(1, round(ink.shape[1] * shrink))
        mask = trimmed(np.asarray(cv2.resize(ink, (width, height_px), interpolation=cv2.INTER_AREA), np.uint8))
        return Glyph(mask, max(x0, 0) * shrink, max(font.getlength(char) + 2 * extra, x1) * shrink)


@lru_cache(maxsize=384)
def font_of(path: Path, cap_height_px: int) -> ImageFont.FreeTypeFont:
    """The font at the size whose capital H is `cap_height_px` high."""
    return ImageFont.truetype(str(path), max(1, round(cap_height_px * _size_per_cap_height(path))))


@lru_cache(maxsize=1024)
def _size_per_cap_height(path: Path) -> float:
    probe = ImageFont.truetype(str(path), 200)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    return float(200 / (bottom - top))


@lru_cache(maxsize=16384)
def _master(face: Face, char: str, height_px: int) -> Glyph:
    return face.draw(char, height_px)


@lru_cache(maxsize=16384)
def _glyph(face: Face, char: str, height_px: int) -> Glyph:
    level = next((h for h in MASTER_HEIGHTS if h >= height_px), height_px)
    master = _master(face, char, level)
    if level == height_px:
        return master
    scale = height_px / level
    width = max(1, round(master.mask.shape[1] * scale))
    mask = cv2.resize(master.mask, (width, height_px), interpolation=cv2.INTER_AREA)
    return Glyph(np.asarray(mask, np.uint8), master.left * scale, master.advance * scale)


def _coverage(font: ImageFont.FreeTypeFont, text: str, stroke_px: int = 0) -> NDArray[np.uint8]:
    """The text's ink, uint8 (h, w). Drawn into an image: reading a font mask pixel by pixel is 20 times as slow."""
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor="ls", stroke_width=stroke_px))
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255, anchor="ls", stroke_width=stroke_px)
    return np.asarray(image, np.uint8)


@lru_cache(maxsize=4096)
def line_of_text(text: str, path: Path) -> NDArray[np.uint8]:
    """A line at a cap height of `LINE_HEIGHT_PX`, uint8 (h, w), cut to the ink's rows; empty when nothing is inked."""
    ink = _coverage(font_of(path, LINE_HEIGHT_PX), text)
    rows = np.flatnonzero(ink.max(axis=1, initial=0) > _INK)
    return ink[rows[0]:rows[-1] + 1] if rows.size else np.zeros((0, 0), np.uint8)
