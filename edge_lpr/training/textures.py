"""Banks of ready-made textures, drawn once a process from a fixed seed, so that a sample costs a look-up.

All banks are uint8. Samples take random windows and flips of them with their own generator, so two samples hardly
ever see the same texture twice.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_lpr.records import Pixels

NOISE_SPREAD = 32.0
"""Standard deviation of the noise bank, in grey values around 128."""
NOISE_SIZE = (576, 768)
"""Height and width of one noise field; a picture larger than that gets it enlarged."""
_FIELD_SIZE = (64, 160)


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number in [low, high)."""
    return low + (high - low) * float(rng.random())


def log_between(rng: np.random.Generator, low: float, high: float) -> float:
    """A log-uniform number in [low, high), so that small values get their share."""
    return float(low * (high / low) ** float(rng.random()))


def pick(rng: np.random.Generator, things):
    """One of a sequence; many times faster than `rng.choice`."""
    return things[int(rng.random() * len(things))]


@lru_cache(maxsize=1)
def noise_fields() -> tuple[Pixels, ...]:
    """Gaussian noise around 128, uint8 (*NOISE_SIZE, 3): per-channel, equal in all channels (grey), and coarse grain
    as a sensor's colour interpolation and a compressor's denoising leave it."""
    rng = np.random.default_rng(11)
    height, width = NOISE_SIZE
    fine = rng.normal(0, NOISE_SPREAD, (height, width, 3)).astype(np.float32)
    grey = np.repeat(rng.normal(0, NOISE_SPREAD, (height, width, 1)).astype(np.float32), 3, axis=2)
    coarse = cv2.GaussianBlur(fine[:, ::-1], (0, 0), 0.8)
    coarse *= NOISE_SPREAD / coarse.std()
    fields = (fine, grey, coarse, 0.6 * grey + 0.8 * coarse)
    return tuple(np.clip(field + 128, 0, 255).astype(np.uint8) for field in fields)


@lru_cache(maxsize=1)
def smooth_fields() -> tuple[Pixels, ...]:
    """48 slow brightness fields, uint8 (64, 160, 3), three equal channels over the whole range 0..255."""
    rng = np.random.default_rng(12)
    fields = []
    for _ in range(48):
        nodes = rng.random((int(rng.integers(2, 5)), int(rng.integers(2, 8)))).astype(np.float32)
        fields.append(_to_grey(cv2.resize(nodes, _FIELD_SIZE[::-1], interpolation=cv2.INTER_CUBIC)))
    return tuple(fields)


@lru_cache(maxsize=1)
def dirt_fields() -> tuple[Pixels, ...]:
    """48 covers of dirt, snow or mud, uint8 (64, 160, 3), three equal channels: 0 clean, 255 hidden."""
    rng = np.random.default_rng(13)
    fields = []
    for _ in range(48):
        total = np.zeros(_FIELD_SIZE, np.float32)
        for octave in range(1, 5):
            nodes = rng.random((2**octave + 1, 2 ** (octave + 1) + 1)).astype(np.float32)
            total += cv2.resize(nodes, _FIELD_SIZE[::-1], interpolation=cv2.INTER_CUBIC) * 0.65**octave
        total -= np.quantile(total, rng.uniform(0.45, 0.9))
        if rng.random() < 0.4:  # splashes come from below
            total += np.linspace(-0.3, 0.25, _FIELD_SIZE[0], dtype=np.float32)[:, None]
        fields.append(_to_grey(np.clip(total, 0, None)))
    return tuple(fields)


@lru_cache(maxsize=1)
def glow_fields() -> tuple[Pixels, ...]:
    """24 soft lights (lamps, reflections, sun on the plate), uint8 (64, 160, 3), black where there is none; each is
    brightest in its middle, so that a caller places it by its window."""
    rng = np.random.default_rng(14)
    ys, xs = np.mgrid[-1 : 1 : _FIELD_SIZE[0] * 1j, -1 : 1 : _FIELD_SIZE[1] * 1j].astype(np.float32)
    fields = []
    for _ in range(24):
        angle = rng.uniform(0, np.pi)
        along, across = xs * np.cos(angle) + ys * np.sin(angle), ys * np.cos(angle) - xs * np.sin(angle)
        distance = (along / rng.uniform(0.3, 0.8)) ** 2 + (across / rng.uniform(0.2, 0.6)) ** 2
        tint = 255 * np.array([1.0, rng.uniform(0.85, 1), rng.uniform(0.7, 1)], np.float32)
        fields.append((np.exp(-distance * rng.uniform(1, 2.5))[..., None] * tint).astype(np.uint8))
    return tuple(fields)


def window(rng: np.random.Generator, field: Pixels, height: int, width: int, least: float = 0.4) -> Pixels:
    """A random window of `field` (at least `least` of each side), perhaps mirrored, resized to (height, width, 3)."""
    full_height, full_width = field.shape[:2]
    take_height = max(2, int(full_height * between(rng, least, 1.0)))
    take_width = max(2, int(full_width * between(rng, least, 1.0)))
    top = int(rng.random() * (full_height - take_height + 1))
    left = int(rng.random() * (full_width - take_width + 1))
    part = field[top : top + take_height, left : left + take_width]
    flips = int(rng.random() * 4)
    part = part[:: -1 if flips & 1 else 1, :: -1 if flips & 2 else 1]
    return cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)


def noise_window(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """Noise around 128 for a picture of (height, width), pixel for pixel, uint8 (height, width, 3)."""
    field = pick(rng, noise_fields())
    if height > NOISE_SIZE[0] or width > NOISE_SIZE[1]:
        return cv2.resize(field, (width, height), interpolation=cv2.INTER_NEAREST)
    top = int(rng.random() * (NOISE_SIZE[0] - height + 1))
    left = int(rng.random() * (NOISE_SIZE[1] - width + 1))
    return field[top : top + height, left : left + width]


def _to_grey(values: NDArray[np.float32]) -> Pixels:
    """Values spread over 0..255, in three equal channels."""
    low, high = float(values.min()), float(values.max())
    grey = ((values - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))
