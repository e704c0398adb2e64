"""What the drawn vehicles of the gate scene are made of: their forms, and the pictures of their parts.

All parts are flat pictures in neutral light, PX_A_METRE pixels to the metre.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Pixels
from edge_lpr.training.gate_view import Colour
from edge_lpr.training.lettering import text_mask
from edge_lpr.training.pasting import Piece

PX_A_METRE = 240
SILL_M = 0.2
"""Height of the body's lower edge over the ground."""
WHEEL_M = 0.31
"""Radius of a wheel."""


@dataclass(frozen=True)
class Form:
    """A vehicle's outline in metres, from the end that is seen: `nose` height of that end, at `glass_at` the screen of
    height `waist` to `roof` begins, at `roof_at` the roof, which ends at `roof_end`; `plate` height of the plate."""

    width: float
    length: float
    nose: float
    waist: float
    roof: float
    glass_at: float
    roof_at: float
    roof_end: float
    plate: float
    rear: bool = False
    square_plate: bool = False


FORMS = {
    "saloon": Form(1.78, 4.5, 0.76, 0.98, 1.44, 1.15, 1.9, 3.2, 0.42),
    "hatchback": Form(1.72, 4.0, 0.80, 1.00, 1.50, 0.95, 1.6, 3.5, 0.44),
    "offroad": Form(1.86, 4.5, 0.98, 1.14, 1.74, 1.15, 1.6, 4.2, 0.55, square_plate=True),
    "van": Form(1.92, 4.9, 1.00, 1.20, 1.98, 0.60, 1.25, 4.8, 0.50),
    "hatchback rear": Form(1.72, 4.0, 0.98, 1.00, 1.48, 0.06, 0.55, 2.2, 0.72, rear=True),
    "saloon rear": Form(1.78, 4.5, 0.96, 0.98, 1.42, 0.75, 1.35, 2.5, 0.76, rear=True),
    "van rear": Form(1.92, 4.9, 1.14, 1.16, 1.98, 0.02, 0.10, 3.6, 0.62, rear=True),
}
"""Seen from the front unless their name says otherwise."""


def px(metres: float) -> int:
    """Metres as pixels of a part's picture."""
    return max(1, round(metres * PX_A_METRE))


def shade(paint: Colour, factor: float) -> Colour:
    """A paint, lighter or darker."""
    red, green, blue = (int(min(255.0, c * factor)) for c in paint)
    return red, green, blue


def sheet(wide_m: float, high_m: float, paint: Colour, top: float, bottom: float) -> Pixels:
    """A painted sheet whose light falls from `top` to `bottom` and bends a little to the sides."""
    height, width = px(high_m), px(wide_m)
    fall = np.linspace(top, bottom, height)[:, None, None]
    bend = 1 + 0.07 * np.cos(np.linspace(-np.pi, np.pi, width))[None, :, None]
    return np.clip(np.array(paint, np.float32) * fall * bend + 10 * fall, 0, 255).astype(np.uint8)


def rounded(pixels: Pixels, radii: tuple[int, int, int, int]) -> Piece:
    """A sheet with round corners: radii in px, TL TR BR BL."""
    height, width = pixels.shape[:2]
    cover = np.full((height, width), 255, np.uint8)
    for index, radius in enumerate(radii):
        radius = min(radius, height // 2, width // 2)
        if radius < 1:
            continue
        right, low = index in (1, 2), index in (2, 3)
        x, y = (width - radius if right else 0), (height - radius if low else 0)
        corner = np.zeros((radius, radius), np.uint8)
        middle = (0 if right else radius - 1, 0 if low else radius - 1)
        cv2.circle(corner, middle, radius, 255, -1, cv2.LINE_AA)
        cover[y : y + radius, x : x + radius] = corner
    return Piece(pixels, cover)


def front_face(rng: Generator, form: Form, paint: Colour) -> Piece:
    """Bonnet edge, lamps, grille, bumper with its air intake; the plate hangs on it later."""
    face = sheet(form.width, form.nose - SILL_M, paint, 1.08, 0.72)
    height, width = face.shape[:2]
    lamp_y, lamp_x = int(height * 0.24), int(width * 0.13)
    half = (int(width * 0.105), int(height * 0.13))
    grille = (int(width * 0.27), int(height * 0.13), int(width * 0.73), int(height * 0.38))
    _slats(face, grille, 5, chrome=rng.random() < 0.6)
    cv2.circle(face, (width // 2, int(height * 0.25)), int(height * 0.07), (190, 192, 196), -1, cv2.LINE_AA)
    cv2.circle(face, (width // 2, int(height * 0.25)), int(height * 0.04), (60, 62, 70), -1, cv2.LINE_AA)
    for x in (lamp_x, width - lamp_x):
        cv2.ellipse(face, (x, lamp_y), half, 0, 0, 360, (46, 48, 52), -1, cv2.LINE_AA)
        inner = (int(half[0] * 0.86), int(half[1] * 0.8))
        cv2.ellipse(face, (x, lamp_y), inner, 0, 0, 360, (196, 202, 208), -1, cv2.LINE_AA)
        cv2.circle(face, (x, lamp_y), int(half[1] * 0.6), (244, 246, 250), -1, cv2.LINE_AA)
        cv2.circle(face, (x, lamp_y), int(half[1] * 0.3), (120, 126, 134), -1, cv2.LINE_AA)
    cv2.line(face, (0, int(height * 0.46)), (width, int(height * 0.46)), shade(paint, 0.5), 2, cv2.LINE_AA)
    _slats(face, (int(width * 0.2), int(height * 0.78), int(width * 0.8), int(height * 0.93)), 4, chrome=False)
    for x in (0.1, 0.9):
        cv2.ellipse(face, (int(width * x), int(height * 0.84)), (px(0.07), px(0.04)), 0, 0, 360, (40, 41, 44), -1)
        cv2.circle(face, (int(width * x), int(height * 0.84)), px(0.028), (205, 208, 206), -1, cv2.LINE_AA)
    return rounded(face, (px(0.09), px(0.09), px(0.14), px(0.14)))


def rear_face(rng: Generator, form: Form, paint: Colour) -> Piece:
    """Boot lid or doors, tail lamps, badge lettering, bumper, the recess for the plate."""
    face = sheet(form.width, form.nose - SILL_M, paint, 1.0, 0.7)
    height, width = face.shape[:2]
    bumper = int(height * 0.62)
    face[bumper:] = (face[bumper:] * 0.9).astype(np.uint8)
    cv2.line(face, (0, bumper), (width, bumper), shade(paint, 0.4), 3, cv2.LINE_AA)
    for side in (0, 1):
        x1 = 0 if side == 0 else int(width * 0.84)
        x2 = int(width * 0.16) if side == 0 else width
        cv2.rectangle(face, (x1, int(height * 0.1)), (x2, int(height * 0.42)), (150, 14, 20), -1)
        cv2.rectangle(face, (x1, int(height * 0.28)), (x2, int(height * 0.36)), (235, 190, 170), -1)
        cv2.rectangle(face, (x1, int(height * 0.1)), (x2, int(height * 0.16)), (200, 34, 36), -1)
        x = int(width * (0.12 if side == 0 else 0.88))
        cv2.rectangle(face, (x - px(0.07), int(height * 0.84)), (x + px(0.07), int(height * 0.88)), (170, 24, 24), -1)
    y = int(height * (1 - (form.plate - SILL_M) / (form.nose - SILL_M)))
    half = (px(0.31), px(0.1))
    cv2.rectangle(face, (width // 2 - half[0], y - half[1]), (width // 2 + half[0], y + half[1]), shade(paint, 0.6), -1)
    badge = text_mask(rng, str(rng.choice(["Turbo", "Kombi", "Diesel", "Active"])), px(0.05))
    _ink(face, badge, (int(width * 0.24), int(height * 0.13)), (205, 207, 210))
    return rounded(face, (px(0.06), px(0.06), px(0.12), px(0.12)))


def screen(form: Form, paint: Colour) -> Piece:
    """The wind screen or rear window: dark, with the sky mirrored in its upper part, seats behind it, a frame."""
    wide, high = form.width * 0.96, float(np.hypot(form.roof - form.waist, form.roof_at - form.glass_at))
    glass = sheet(wide, high, (52, 62, 72), 1.5, 0.8)
    height, width = glass.shape[:2]
    for x in (0.29, 0.71):
        for y, half in ((0.92, (0.12, 0.42)), (0.42, (0.055, 0.12))):
            axes = (int(width * half[0]), int(height * half[1]))
            cv2.ellipse(glass, (int(width * x), int(height * y)), axes, 0, 0, 360, (46, 54, 62), -1, cv2.LINE_AA)
    shine = glass.copy()
    band = np.array([[0.12, 0], [0.5, 0], [0.32, 1], [0.02, 1]]) * (width, height)
    cv2.fillPoly(shine, [band.astype(np.int32)], (168, 186, 204), cv2.LINE_AA)
    glass = np.asarray(cv2.addWeighted(shine, 0.28, glass, 0.72, 0), np.uint8)
    rim = max(3, width // 40)
    cv2.rectangle(glass, (0, 0), (width - 1, height - 1), shade(paint, 0.85), rim)
    if not form.rear:
        cv2.line(glass, (int(width * 0.2), height - rim), (int(width * 0.62), int(height * 0.9)), (14, 14, 16), 3,
                 cv2.LINE_AA)
    return Piece(glass)


def cabin_side(form: Form, paint: Colour) -> Piece:
    """The side from the waist up: panes between posts, the seen end to the left."""
    length = form.roof_end - form.glass_at
    pane = sheet(length, form.roof - form.waist, (44, 52, 60), 1.4, 0.9)
    height, width = pane.shape[:2]
    for x in (0.0, 0.48, 1.0):
        at = int(x * width)
        cv2.rectangle(pane, (at - px(0.05), 0), (at + px(0.05), height), shade(paint, 0.8), -1)
    cv2.rectangle(pane, (0, 0), (width - 1, height - 1), shade(paint, 0.8), px(0.04))
    return Piece(pane)


def flank(form: Form, paint: Colour) -> Piece:
    """The side below the waist with its wheels, the seen end to the left."""
    body = sheet(form.length, form.waist, paint, 0.95, 0.6)
    height, width = body.shape[:2]
    cover = np.full((height, width), 255, np.uint8)
    cover[height - px(SILL_M) :] = 0
    cv2.fillPoly(cover, [np.array([[0, 0], [px(form.glass_at), 0], [0, px(form.waist - form.nose)]])], 0)
    cv2.fillPoly(cover, [np.array([[width, 0], [width - px(0.7), 0], [width, px(0.4)]])], 0)
    for x in (px(0.75), width - px(0.8)):
        middle = (x, height - px(WHEEL_M))
        cv2.circle(body, middle, px(WHEEL_M + 0.05), (16, 16, 18), -1, cv2.LINE_AA)
        cv2.circle(cover, middle, px(WHEEL_M), 255, -1)
        cv2.circle(body, middle, px(WHEEL_M), (26, 26, 28), -1, cv2.LINE_AA)
        cv2.circle(body, middle, px(WHEEL_M * 0.66), (150, 152, 156), -1, cv2.LINE_AA)
        cv2.circle(body, middle, px(WHEEL_M * 0.2), (60, 62, 64), -1, cv2.LINE_AA)
    for x in (0.36, 0.62):
        cv2.line(body, (int(width * x), 0), (int(width * x), height - px(0.3)), shade(paint, 0.45), 2, cv2.LINE_AA)
    cv2.line(body, (0, int(height * 0.3)), (width, int(height * 0.3)), shade(paint, 1.12), 3, cv2.LINE_AA)
    return Piece(body, cover)


def mirrored(piece: Piece) -> Piece:
    """The piece with left and right changed."""
    cover = None if piece.cover is None else np.ascontiguousarray(piece.cover[:, ::-1])
    return Piece(np.ascontiguousarray(piece.pixels[:, ::-1]), cover)


def _slats(face: Pixels, box: tuple[int, int, int, int], count: int, chrome: bool) -> None:
    """A dark opening with level slats."""
    x1, y1, x2, y2 = box
    cv2.rectangle(face, (x1, y1), (x2, y2), (20, 21, 23), -1)
    for y in np.linspace(y1, y2, count + 2)[1:-1].astype(int):
        cv2.line(face, (x1, int(y)), (x2, int(y)), (120, 122, 126) if chrome else (48, 49, 52), 2)
    cv2.rectangle(face, (x1, y1), (x2, y2), (176, 178, 182) if chrome else (36, 37, 40), 3, cv2.LINE_AA)


def _ink(pixels: Pixels, mask: Pixels, at: tuple[int, int], ink: Colour) -> None:
    """Letters with their top left at `at`, cut where the sheet ends."""
    part = pixels[at[1] : at[1] + mask.shape[0], at[0] : at[0] + mask.shape[1]]
    share = (mask[: part.shape[0], : part.shape[1]] / 255.0)[:, :, None]
    part[:] = (part * (1 - share) + np.array(ink) * share).astype(np.uint8)
