"""Faces that plates are lettered with: national faces of our own, parametric ones, and the installed fonts.

`pick_face` chooses one for a plate; `words` letters the small print. Works without any font installed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.training.family_fonts import FAMILY_FONTS
from edge_lpr.training.fonts import FontFile, installed_fonts
from edge_lpr.training.glyphs import CHARACTERS, Face, FontFace, Glyph, StrokeFace, line_of_text
from edge_lpr.training.national_faces import national_styles
from edge_lpr.training.stroke_shapes import BASE_PARAMS, random_forms, usual_shapes, usual_widths
from edge_lpr.training.strokes import StrokeStyle, trimmed

__all__ = ["CHARACTERS", "Face", "FontFace", "Glyph", "StrokeFace", "face_table", "pick_face", "stroke_face", "words"]

VARIANTS = 6
"""Jittered variants of each national style."""
ANY = "any"
STROKE = "stroke"
"""Family name for a newly drawn parametric face."""
FAMILY_SHARE = 0.92
"""Share of plates lettered in a face of the families asked for; the others get a face of any kind."""
KIN: Mapping[str, tuple[str, ...]] = {"din1451": ("be", "no", "se", "fr", "nl", "cz", "es")}
"""Families that a country without a face of its own borrows from: many plates only resemble DIN 1451."""
KIN_SHARE = 0.3
FIRST_FAMILY_SHARE = 0.65
"""Share of the family named first, then of the second among the rest, and so on."""
OWN_SHARE = 0.6
"""Share of our own stroke faces in a family that also has fonts."""
LINE_FONTS = 48
"""About so many of the fonts letter the small print: more would only cost time to load."""
FRESH_SHARE = 0.45
"""Share of newly drawn parametric faces among the faces of any kind."""


def stroke_face(rng: np.random.Generator) -> StrokeFace:
    """A new parametric face: random width, stroke, corners, terminals, slant and forms of the characters."""
    width = float(rng.uniform(0.40, 0.72))
    stroke = float(np.clip(width * rng.uniform(0.17, 0.32), 0.075, 0.18))
    roundness = float(rng.uniform(0.55, 1.0))
    forms = random_forms(rng)
    params = _jittered_params(BASE_PARAMS, rng, 0.03)
    params["t"] -= max(0.0, stroke - 0.11)  # heavy terminals are shorter, or 6, 9, S and G close
    lean = float(rng.normal(0, 0.04)) if rng.random() < 0.15 else 0.0
    style = StrokeStyle(
        width=width, stroke=stroke, round_x=roundness * (width - stroke) / 2,
        round_y=roundness * (width - stroke) / 2 * float(rng.uniform(0.9, 1.5)),
        fullness=float(rng.uniform(0.8, 1.25)), round_caps=bool(rng.random() < 0.4),
        contrast=float(rng.uniform(0.95, 1.25)), slant=lean,
        soft=float(rng.uniform(0.0, 0.02)) if rng.random() < 0.5 else 0.0,
        side_bearing=float(rng.uniform(0.03, 0.12)), params=params,
        shapes=usual_shapes(**forms), widths=_random_widths(forms, rng))
    return StrokeFace(f"stroke-{rng.integers(1 << 30):08x}", ANY, style)


def _jittered_params(params: Mapping[str, float], rng: np.random.Generator, spread: float) -> dict[str, float]:
    return {name: float(value + rng.uniform(-spread, spread)) for name, value in params.items()}


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


ANY_CUTS = ((1.0, 0.0), (0.8, 0.0), (0.85, 0.035))
"""Width factor and added stroke (share of the cap height) of the three faces made of every font."""
LIGHT_EXTRA = 0.045
"""Stroke added to fonts too light for a plate."""
_LIGHT_NAMES = ("Light", "Thin", "Book", "osifont", "routed")


def _font_face(font: FontFile, family: str, stretch: float, bold: float = 0.0) -> FontFace:
    extra = LIGHT_EXTRA if any(name in font.name for name in _LIGHT_NAMES) else 0.0
    return FontFace(f"{font.name}@{stretch:g}+{bold + extra:g}", family, font.path, stretch, bold + extra)


def _own_faces(family: str, styles: Sequence[StrokeStyle]) -> list[Face]:
    """Each style as it is and in `VARIANTS` - 1 jittered variants; the same on every run."""
    rng = np.random.default_rng(sum(family.encode()))
    faces: list[Face] = []
    for index, style in enumerate(styles):
        faces.append(StrokeFace(f"{family}-{index}", family, style))
        faces += [StrokeFace(f"{family}-{index}.{n}", family, _variant(style, rng)) for n in range(1, VARIANTS)]
    return faces


@lru_cache(maxsize=1)
def face_table() -> dict[str, tuple[Face, ...]]:
    """Family -> its faces, our own first. Every family has at least our own faces; built once."""
    fonts = {font.name: font for font in installed_fonts()}
    table: dict[str, tuple[Face, ...]] = {}
    for family, styles in national_styles().items():
        borrowed = [_font_face(fonts[name], family, stretch)
                    for name, stretches in FAMILY_FONTS.get(family, {}).items() if name in fonts
                    for stretch in stretches]
        table[family] = (*_own_faces(family, styles), *borrowed)
    own = tuple(face for faces in table.values() for face in faces if isinstance(face, StrokeFace))
    table[ANY] = (*own, *(_font_face(font, ANY, stretch, bold) for font in fonts.values()
                          for stretch, bold in ANY_CUTS))
    return table


def _pick_any(rng: np.random.Generator) -> Face:
    if rng.random() < FRESH_SHARE:
        return stroke_face(rng)
    return _one_of(ANY, rng)


@lru_cache(maxsize=64)
def _groups(family: str) -> tuple[tuple[Face, ...], tuple[Face, ...]]:
    """The family's own faces and its fonts."""
    faces = face_table()[family]
    own = tuple(face for face in faces if isinstance(face, StrokeFace))
    return own, tuple(face for face in faces if not isinstance(face, StrokeFace))


def _one_of(family: str, rng: np.random.Generator) -> Face:
    """One of our own faces with `OWN_SHARE`, a font with the rest."""
    own, fonts = _groups(family)
    group = own if not fonts or rng.random() < OWN_SHARE else fonts
    return group[int(rng.integers(len(group)))]


def pick_face(families: Sequence[str], rng: np.random.Generator) -> Face:
    """A face for a plate whose look names `families`, best first; 'stroke' is a new parametric face each time, and an
    unknown family counts as 'any'."""
    if tuple(families) == (STROKE,):
        return stroke_face(rng)
    if not families or rng.random() >= FAMILY_SHARE:
        return _pick_any(rng)
    family = families[-1]
    for candidate in families[:-1]:
        if rng.random() < FIRST_FAMILY_SHARE:
            family = candidate
            break
    if family in KIN and rng.random() < KIN_SHARE:
        family = KIN[family][int(rng.integers(len(KIN[family])))]
    if family == ANY or family not in face_table():
        return _pick_any(rng)
    return _one_of(family, rng)


def words(text: str, height_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A line of small lettering (headers, dealers' names), uint8 (height_px, w), cut to the ink. Any characters where
    fonts are installed; else capitals and digits of a stroke face, other characters left as spaces."""
    fonts = installed_fonts()
    if not fonts:
        return _stroke_words(text.upper(), height_px, rng)
    few = fonts[::max(1, len(fonts) // LINE_FONTS)]
    ink = line_of_text(text, few[int(rng.integers(len(few)))].path)
    if ink.size == 0:
        return np.zeros((height_px, max(1, height_px // 2)), np.uint8)
    width = max(1, round(ink.shape[1] * height_px / ink.shape[0] * rng.uniform(0.75, 1.05)))
    return trimmed(np.asarray(cv2.resize(ink, (width, height_px), interpolation=cv2.INTER_AREA), np.uint8))


def _stroke_words(text: str, height_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    face = _one_of(ANY, rng)
    pieces = []
    for char in text:
        if char in CHARACTERS:
            glyph = face.glyph(char, height_px)
            gap = np.zeros((height_px, max(1, round(glyph.left * 2))), np.uint8)
            pieces += [glyph.mask, gap]
        else:
            pieces.append(np.zeros((height_px, max(1, height_px // 3)), np.uint8))
    return np.hstack(pieces) if pieces else np.zeros((height_px, 1), np.uint8)
