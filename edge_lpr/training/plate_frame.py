"""The frame of a plate: border, bands, header and footer around the box that is left for the characters."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.recognition.plate_format import Look
from edge_lpr.records import Pixels
from edge_lpr.training.plate_ground import Box, Colour, colour_of, draw_band, draw_border, paste_words

Strips = tuple[float, float]
"""Heights of the strips above and below the characters, in px."""


def draw_frame(plate: Pixels, look: Look, ink: Colour, row_count: int, rng: Generator) -> tuple[Box, Strips]:
    """Draw border, bands, header and footer; return the box left for the rows and the two strips' heights."""
    height, width = plate.shape[:2]
    left, right = height * 0.05, width - height * 0.05
    top, bottom = height * 0.02, height * 0.02
    if look.panel:
        left = height * rng.uniform(0.04, 0.2)
        right = width - left * rng.uniform(0.8, 1.2)
        top, bottom = height * rng.uniform(0.15, 0.25), height * rng.uniform(0.1, 0.2)
        _draw_panel(plate, look.panel, (left, top, right, height - bottom), rng)
        left, right = left + height * 0.02, right - height * 0.02
    elif look.header_band:
        top = height * rng.uniform(0.17, 0.26)
        cv2.rectangle(plate, (0, 0), (width, round(top)), colour_of(look.header_band, rng), -1)
    if look.header:
        top = top if look.panel else max(top, height * rng.uniform(0.16, 0.24))
        _draw_words(plate, look.header, top * 0.52, top * rng.uniform(0.5, 0.75), _header_ink(look, ink, rng), rng)
    if look.footer and rng.random() < 0.9:
        bottom = height * rng.uniform(0.12, 0.22)
        size = bottom * rng.uniform(0.4, 0.7)
        _draw_words(plate, look.footer, height - bottom * 0.55, size, _word_ink(ink, rng), rng)
    left, right = _draw_bands(plate, look, (left, right), top if look.header_band else 0.0, row_count, rng)
    draw_border(plate, look.border, colour_of(look.border_colour, rng) if look.border_colour else ink, rng)
    return (left, top, right, height - bottom), (top, bottom)


def _draw_words(plate: Pixels, choices: tuple[str, ...], y: float, size: float, ink: Colour, rng: Generator) -> None:
    """One of the lines, `size` px high, centred at the height `y`."""
    width = plate.shape[1]
    paste_words(plate, str(rng.choice(choices)), (width / 2, y), size, ink, rng, width * rng.uniform(0.5, 0.85))


def _draw_bands(
    plate: Pixels, look: Look, sides: tuple[float, float], top: float, row_count: int, rng: Generator
) -> tuple[float, float]:
    """The national bands; returns the left and right end of what is left between them."""
    height, width = plate.shape[:2]
    left, right = sides
    band = height * (rng.uniform(0.30, 0.42) if row_count == 1 else rng.uniform(0.17, 0.24))
    if look.band_left and rng.random() < 0.95:
        bottom = height - 1 if row_count == 1 else round(height * rng.uniform(0.45, 0.6))
        draw_band(plate, (0, round(top), round(band), bottom), look.band_left, look, rng)
        left = band + height * 0.02
    if look.band_right and rng.random() < 0.9:
        bottom = height - 1 if row_count == 1 else round(height * 0.5)
        its_look = replace(look, band_colour=look.band_right_colour or look.band_colour, band_code="")
        draw_band(plate, (width - round(band), 0, width, bottom), look.band_right, its_look, rng)
        right = width - band - height * 0.02
    return left, right


def _header_ink(look: Look, ink: Colour, rng: Generator) -> Colour:
    if look.panel:
        return colour_of(look.panel, rng)
    return (250, 250, 250) if look.header_band else _word_ink(ink, rng)


def _draw_panel(plate: Pixels, colour: str, box: Box, rng: Generator) -> None:
    """The window behind the characters, its corners cut."""
    x1, y1, x2, y2 = box
    cut = (y2 - y1) * rng.uniform(0.0, 0.12)
    points = [
        (x1 + cut, y1),
        (x2 - cut, y1),
        (x2, y1 + cut),
        (x2, y2 - cut),
        (x2 - cut, y2),
        (x1 + cut, y2),
        (x1, y2 - cut),
        (x1, y1 + cut),
    ]
    cv2.fillPoly(plate, [np.array(points, np.int32)], colour_of(colour, rng), cv2.LINE_AA)


def _word_ink(ink: Colour, rng: Generator) -> Colour:
    if rng.random() < 0.6:
        return ink
    red, green, blue = (int(v) for v in rng.integers(0, 180, 3))
    return red, green, blue
