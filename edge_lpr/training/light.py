"""Effects of surface and light on a picture: dirt, scratches, relief, shadows, glare, lamps, rain.

Each takes (generator, uint8 RGB (h, w, 3), strength) and returns a picture of the same shape; see degrade.py.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training.textures import between, dirt_fields, glow_fields, pick, smooth_fields, window


def uneven_light(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A slow change of brightness across the picture."""
    height, width = pixels.shape[:2]
    depth = between(rng, 0.1, 0.5) * min(strength, 1.5)
    field = window(rng, pick(rng, smooth_fields()), height, width)
    return cv2.multiply(pixels, cv2.addWeighted(field, depth, field, 0, 255 * (1 - depth)), scale=1 / 255)


def hard_shadow(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A straight-edged shadow over one side; half of the shadows are crisp."""
    height, width = pixels.shape[:2]
    shade = np.full((height, width, 3), 255, np.uint8)
    middle = np.array([between(rng, 0.1, 0.9) * width, between(rng, 0.1, 0.9) * height])
    angle = between(rng, 0, 2 * np.pi)
    along, side = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    reach = 2 * (width + height)
    corners = [middle + along * reach, middle - along * reach]
    corners += [corners[1] + side * reach, corners[0] + side * reach]
    level = int(255 * (1 - min(0.75, between(rng, 0.2, 0.6) * strength)))
    cv2.fillConvexPoly(shade, np.array(corners).astype(np.int32), (level, level, min(255, level + 8)))
    if rng.random() < 0.5:
        shade = cv2.GaussianBlur(shade, (0, 0), max(0.5, between(rng, 0.01, 0.05) * height))
    return cv2.multiply(pixels, shade, scale=1 / 255)


def dirt(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Mud, dust or snow: patches that hide the picture in part."""
    height, width = pixels.shape[:2]
    cover = window(rng, pick(rng, dirt_fields()), height, width)
    cover = cv2.convertScaleAbs(cover, alpha=between(rng, 0.2, 0.75) * min(strength, 1.3))
    tone = between(rng, 40, 200)
    colour = (tone, tone * between(rng, 0.8, 1), tone * between(rng, 0.6, 1))
    paint = cv2.multiply(cover, (*colour, 0), scale=1 / 255)
    return cv2.add(cv2.multiply(pixels, cv2.bitwise_not(cover), scale=1 / 255), paint)


def scratches(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A few thin light or dark lines, with the picture shining through."""
    height, width = pixels.shape[:2]
    drawn = pixels.copy()
    for _ in range(1 + int(rng.random() * 4 * strength)):
        tone = pick(rng, (40, 90, 170, 230))
        start = (int(rng.random() * width), int(rng.random() * height))
        end = (int(start[0] + rng.normal() * width * 0.2), int(start[1] + rng.normal() * height * 0.3))
        cv2.line(drawn, start, end, (tone, tone, tone), 1, cv2.LINE_AA)
    share = between(rng, 0.25, 0.7)
    return cv2.addWeighted(drawn, share, pixels, 1 - share, 0)


def emboss(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Light and shade on the flanks of raised characters: the slope of the brightness along the light's direction."""
    angle, size = between(rng, 0, 2 * np.pi), between(rng, 0.15, 0.6) * strength
    down, right = np.sin(angle) * size, np.cos(angle) * size
    kernel = np.array([[0, -down, 0], [-right, 1, right], [0, down, 0]], np.float32)
    return cv2.filter2D(pixels, -1, kernel, borderType=cv2.BORDER_REFLECT_101)


def glare(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Sun or a lamp mirrored in the plate: a soft light that washes out a part."""
    return _add_glow(rng, pixels, between(rng, 0.2, 0.7) * strength)


def lamp_beside(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A headlight just outside: one corner is blinded and the light bleeds over the rest."""
    height, width = pixels.shape[:2]
    glow = pick(rng, glow_fields())
    left = pick(rng, (0, 0.5)) * glow.shape[1]
    top = pick(rng, (0, 0.25, 0.5)) * glow.shape[0]
    corner = glow[int(top) : int(top) + glow.shape[0] // 2, int(left) : int(left) + glow.shape[1] // 2]
    light = cv2.resize(corner, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.addWeighted(pixels, 1.0, light, min(1.2, between(rng, 0.4, 1.0) * strength), 0)


def bloom(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Light of bright parts spills over dark strokes, as around a retro-reflecting plate in headlights."""
    height = pixels.shape[0]
    spilt = cv2.GaussianBlur(pixels, (0, 0), max(0.6, between(rng, 0.06, 0.25) * height))
    share = between(rng, 0.15, 0.45) * min(strength, 1.5)
    return cv2.addWeighted(pixels, between(rng, 0.9, 1.2), spilt, share, 0)


def rain(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Drops on lens or plate: small discs that show the blurred neighbourhood upside down with a bright rim."""
    height, width = pixels.shape[:2]
    bent = cv2.GaussianBlur(pixels, (0, 0), max(0.6, 0.08 * height))[::-1]
    mask = np.zeros((height, width, 3), np.uint8)
    for _ in range(1 + int(rng.random() * 5 * strength)):
        centre = (int(rng.random() * width), int(rng.random() * height))
        radius = max(1, int(between(rng, 0.03, 0.13) * height))
        level = int(between(rng, 90, 220))
        axes = (radius, int(radius * between(rng, 1, 1.6)))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, (level,) * 3, -1, cv2.LINE_AA)
    bent = cv2.addWeighted(bent, between(rng, 0.8, 1.1), mask, 0.1, 0)
    return cv2.add(cv2.multiply(pixels, cv2.bitwise_not(mask), scale=1 / 255), cv2.multiply(bent, mask, scale=1 / 255))


def _add_glow(rng: np.random.Generator, pixels: Pixels, share: float) -> Pixels:
    height, width = pixels.shape[:2]
    return cv2.addWeighted(pixels, 1.0, window(rng, pick(rng, glow_fields()), height, width, 0.5), share, 0)


def overexposure(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A plate that throws the lamp's light back: what is bright burns out and swells over what is dark."""
    gain = 1.0 + rng.uniform(0.3, 1.6) * min(strength, 1.5)
    bright = cv2.convertScaleAbs(pixels, alpha=gain, beta=float(rng.uniform(-25, 0)))
    sigma = rng.uniform(0.5, 1.3)
    halo = cv2.GaussianBlur(bright, (0, 0), sigma)
    swollen = np.maximum(bright, cv2.convertScaleAbs(halo, alpha=float(rng.uniform(1.0, 1.35))))
    return np.asarray(swollen, np.uint8)
