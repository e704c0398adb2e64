"""Faces that plates are lettered with: our own stroke faces and the installed fonts, behind one record.

`glyph` gives the ink coverage of one character. Glyphs are drawn once at a master height and shrunk from there; both
steps are cached in bounded tables, so a repeated call costs about a microsecond. Works without any font installed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from edge_lpr.training.fonts import installed_fonts
from edge_lpr.training.national_faces import national_styles
from edge_lpr.training.stroke_shapes import BASE_PARAMS, random_forms, usual_shapes, usual_widths
from edge_lpr.training.strokes import StrokeStyle, draw_character, trimmed

MASTER_HEIGHTS = (64, 128, 256)
"""Cap heights that glyphs are drawn at; other heights are shrunk from the next larger one."""
VARIANTS = 6
"""Jittered variants of each national style."""
ANY = "any"
FAMILY_SHARE = 0.8
"""Share of plates lettered in a face of the families asked for; the others get a face of any kind."""
FIRST_FAMILY_SHARE = 0.65
"""Share of the family named first, then of the second among the rest, and so on."""
OWN_SHARE = 0.6
"""Share of our own stroke faces in a family that also has fonts."""
FRESH_SHARE = 0.45
"""Share of newly drawn parametric faces among the faces of any kind."""


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character at one height.

    mask: uint8 (h, w), ink coverage 0..255, h the cap height asked for, cut to the ink in x.
    left: pixels from the pen to the mask's first column. advance: pixels from this pen position to the next.
    """

    mask: NDArray[np.uint8]
    left: float
    advance: float


class Face:
    """A set of characters 0-9 and A-Z. Compared by identity."""

    name: str
    family: str

    def glyph(self, char: str, height_px: int) -> Glyph:
        """The character with caps `height_px` high. Raises KeyError for another character than 0-9 and A-Z."""
        return _glyph(self, char, height_px)

    def draw(self, char: str, height_px: int) -> Glyph:
        """Draws the character afresh, uncached."""
        raise NotImplementedError


class StrokeFace(Face):
    """A face drawn with strokes."""

    def __init__(self, name: str, family: str, style: StrokeStyle) -> None:
        self.name, self.family, self.style = name, family, style

    def draw(self, char: str, height_px: int) -> Glyph:
        mask = draw_character(self.style, char, height_px)
        left = self.style.side_bearing * height_px
        return Glyph(mask, left, mask.shape[1] + 2 * left)


class FontFace(Face):
    """A face of an installed font, its width scaled by `stretch`."""

    def __init__(self, name: str, family: str, path: Path, stretch: float = 1.0) -> None:
        self.name, self.family, self.path, self.stretch = name, family, path, stretch

    def draw(self, char: str, height_px: int) -> Glyph:
        if len(char) != 1 or char not in CHARACTERS:
            raise KeyError(char)
        font = _font(self.path, height_px)
        x0, _, x1, _ = font.getbbox(char, anchor="ls")
        ink = _coverage(font, char)
        ink = ink[np.flatnonzero(ink.max(axis=1) > 8)]
        width = max(1, round(ink.shape[1] * self.stretch))
        mask = trimmed(np.asarray(cv2.resize(ink, (width, height_px), interpolation=cv2.INTER_LINEAR), np.uint8))
        return Glyph(mask, x0 * self.stretch, max(font.getlength(char), x1) * self.stretch)


WORD_HEIGHT_PX = 32
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(maxsize=256)
def _font(path: Path, cap_height_px: int) -> ImageFont.FreeTypeFont:
    """The font at the size whose capital H is `cap_height_px` high."""
    probe = ImageFont.truetype(str(path), 200)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    return ImageFont.truetype(str(path), max(1, round(200 * cap_height_px / (bottom - top))))


@lru_cache(maxsize=6144)
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


def stroke_face(rng: np.random.Generator) -> StrokeFace:
    """A new parametric face: random width, stroke, corners, terminals, slant and forms of the characters."""
    width = float(rng.uniform(0.40, 0.72))
    stroke = float(np.clip(width * rng.uniform(0.17, 0.34), 0.075, 0.20))
    roundness = float(rng.uniform(0.25, 1.0))
    forms = random_forms(rng)
    lean = float(rng.normal(0, 0.04)) if rng.random() < 0.15 else 0.0
    style = StrokeStyle(
        width=width, stroke=stroke, round_x=roundness * (width - stroke) / 2,
        round_y=roundness * (width - stroke) / 2 * float(rng.uniform(0.9, 1.5)),
        fullness=float(rng.uniform(0.8, 1.4)), round_caps=bool(rng.random() < 0.4),
        contrast=float(rng.uniform(0.95, 1.25)), slant=lean,
        soft=float(rng.uniform(0.0, 0.03)) if rng.random() < 0.5 else 0.0,
        side_bearing=float(rng.uniform(0.03, 0.12)), params=_jittered_params(BASE_PARAMS, rng, 0.03),
        shapes=usual_shapes(**forms), widths=_random_widths(forms, rng))
    return StrokeFace(f"stroke-{rng.integers(1 << 30):08x}", ANY, style)


def _jittered_params(params: object, rng: np.random.Generator, spread: float) -> dict[str, float]:
    return {name: float(value + rng.uniform(-spread, spread)) for name, value in dict(params).items()}  # type: ignore[call-overload]


def _random_widths(forms: dict[str, str], rng: np.random.Generator) -> dict[str, float]:
    """Width factors: from all alike (as on many plates) to those of a text face."""
    share = float(rng.uniform(0.0, 1.2))
    narrow = {"1", "I"}
    return {char: 1.0 + (factor - 1.0) * (1.0 if char in narrow else share) * float(rng.uniform(0.9, 1.1))
            for char, factor in usual_widths(**forms).items()}


def _variant(style: StrokeStyle, rng: np.random.Generator) -> StrokeStyle:
    """The style with slightly other proportions, as another maker's dies would have."""
    return dataclasses.replace(
        style, width=style.width * float(rng.uniform(0.93, 1.07)), stroke=style.stroke * float(rng.uniform(0.88, 1.12)),
        round_x=style.round_x * float(rng.uniform(0.9, 1.1)), round_y=style.round_y * float(rng.uniform(0.9, 1.1)),
        contrast=style.contrast * float(rng.uniform(0.96, 1.06)),
        soft=max(style.soft, float(rng.uniform(0.0, 0.015))), params=_jittered_params(style.params, rng, 0.012))


FAMILY_FONTS: dict[str, tuple[tuple[str, tuple[float, ...]], ...]] = {
    "din1451": (("OSP-DIN", (1.0, 0.9)), ("osifont", (0.9, 1.0))),
}
"""Family -> (beginning of a font's name, widths it is scaled to)."""
ANY_STRETCHES = (1.0, 0.8)


@lru_cache(maxsize=1)
def face_table() -> dict[str, tuple[Face, ...]]:
    """Family -> its faces, our own first. Every family has at least our own faces; built once."""
    fonts = installed_fonts()
    styles = national_styles()
    table: dict[str, tuple[Face, ...]] = {}
    for family in styles:
        rng = np.random.default_rng(sum(family.encode()))
        faces: list[Face] = []
        for index, style in enumerate(styles[family]):
            faces.append(StrokeFace(f"{family}-{index}", family, style))
            faces += [StrokeFace(f"{family}-{index}.{n}", family, _variant(style, rng)) for n in range(1, VARIANTS)]
        for prefix, stretches in FAMILY_FONTS.get(family, ()):
            faces += [FontFace(f"{font.name}@{stretch:g}", family, font.path, stretch)
                      for font in fonts if font.name.startswith(prefix) for stretch in stretches]
        table[family] = tuple(faces)
    own = tuple(face for faces in table.values() for face in faces if isinstance(face, StrokeFace))
    loose = tuple(FontFace(f"{font.name}@{stretch:g}", ANY, font.path, stretch)
                  for font in fonts for stretch in ANY_STRETCHES)
    table[ANY] = (*own, *loose)
    return table


def _pick_any(rng: np.random.Generator) -> Face:
    if rng.random() < FRESH_SHARE:
        return stroke_face(rng)
    return _one_of(face_table()[ANY], rng)


def _one_of(faces: Sequence[Face], rng: np.random.Generator) -> Face:
    """Our own faces with `OWN_SHARE`, fonts with the rest."""
    own = [face for face in faces if isinstance(face, StrokeFace)]
    fonts = [face for face in faces if not isinstance(face, StrokeFace)]
    group = own if own and (not fonts or rng.random() < OWN_SHARE) else fonts
    return group[int(rng.integers(len(group)))]


def pick_face(families: Sequence[str], rng: np.random.Generator) -> Face:
    """A face for a plate whose look names `families`, best first; an unknown family counts as 'any'."""
    if not families or rng.random() >= FAMILY_SHARE:
        return _pick_any(rng)
    family = families[-1]
    for candidate in families[:-1]:
        if rng.random() < FIRST_FAMILY_SHARE:
            family = candidate
            break
    if family == ANY or family not in face_table():
        return _pick_any(rng)
    return _one_of(face_table()[family], rng)


@lru_cache(maxsize=4096)
def _word_master(text: str, path: Path) -> NDArray[np.uint8]:
    """The text's coverage at a cap height of `WORD_HEIGHT_PX`, cut to the ink's rows; empty when nothing is inked."""
    font = _font(path, WORD_HEIGHT_PX)
    ink = _coverage(font, text)
    rows = np.flatnonzero(ink.max(axis=1, initial=0) > 8)
    return ink[rows[0]:rows[-1] + 1] if rows.size else np.zeros((0, 0), np.uint8)


def _coverage(font: ImageFont.FreeTypeFont, text: str) -> NDArray[np.uint8]:
    """The text's ink, uint8 (h, w). Drawn into an image: reading a font mask pixel by pixel is 20 times as slow."""
    left, top, right, bottom = (round(edge) for edge in font.getbbox(text, anchor="ls"))
    image = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(image).text((-left, -top), text, font=font, fill=255, anchor="ls")
    return np.asarray(image, np.uint8)


def words(text: str, height_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A line of small lettering (headers, dealers' names), uint8 (height_px, w), cut to the ink. Any characters where
    fonts are installed; else capitals and digits of a stroke face, other characters left as spaces."""
    fonts = installed_fonts()
    if not fonts:
        return _stroke_words(text.upper(), height_px, rng)
    ink = _word_master(text, fonts[int(rng.integers(len(fonts)))].path)
    if ink.size == 0:
        return np.zeros((height_px, max(1, height_px // 2)), np.uint8)
    width = max(1, round(ink.shape[1] * height_px / ink.shape[0] * rng.uniform(0.75, 1.05)))
    return trimmed(np.asarray(cv2.resize(ink, (width, height_px), interpolation=cv2.INTER_AREA), np.uint8))


def _stroke_words(text: str, height_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    face = _one_of(face_table()[ANY], rng)
    pieces = []
    for char in text:
        if char in CHARACTERS:
            glyph = face.glyph(char, height_px)
            gap = np.zeros((height_px, max(1, round(glyph.left * 2))), np.uint8)
            pieces += [glyph.mask, gap]
        else:
            pieces.append(np.zeros((height_px, max(1, height_px // 3)), np.uint8))
    return np.hstack(pieces) if pieces else np.zeros((height_px, 1), np.uint8)
