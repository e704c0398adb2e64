"""Effects of the camera on a picture: colour, exposure, focus, motion, noise, resolution, compression.

Each takes (generator, uint8 RGB (h, w, 3), strength) and returns a picture of the same shape; see degrade.py.
"""

from __future__ import annotations

import cv2
import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training.textures import NOISE_SPREAD, between, log_between, noise_window, pick

_RAMP = np.linspace(0, 1, 256, dtype=np.float32)[:, None]
_GREY_WEIGHTS = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma


def tone(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Gamma, contrast, brightness and white balance, in one look-up."""
    spread = min(strength, 2.0)
    curve = _RAMP ** float(np.exp(rng.normal() * 0.25 * spread))
    gains = np.exp(rng.normal(size=3) * 0.05 * spread).astype(np.float32)
    contrast = float(np.exp(rng.normal() * 0.2 * spread))
    shift = float(rng.normal()) * 0.07 * spread
    table = (((curve - 0.5) * contrast + 0.5 + shift) * gains) * 255
    return cv2.LUT(pixels, np.clip(table, 0, 255).astype(np.uint8)[None])


def flat_contrast(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Haze or a dirty lens: the range shrinks towards a grey."""
    keep = 1 - between(rng, 0.2, 0.65) * min(strength, 1.2)
    return cv2.addWeighted(pixels, keep, pixels, 0, (1 - keep) * between(rng, 20, 230))


def grey(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A grey camera: the luma in three equal channels."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def infrared(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """An infrared camera: grey, with red paint bright and the colours weighed at random."""
    weights = np.array([between(rng, 0.3, 0.75), between(rng, 0.15, 0.6), between(rng, 0.0, 0.35)], np.float32)
    weights /= weights.sum()
    return cv2.transform(pixels, np.repeat(weights[None], 3, axis=0))


def pink_cast(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A day camera without infrared filter: colours pale, everything tinted pink to violet."""
    pale = between(rng, 0.2, 0.7)
    matrix = (1 - pale) * np.eye(3, dtype=np.float32) + pale * _GREY_WEIGHTS[None]
    gains = np.array([between(rng, 1.0, 1.25), between(rng, 0.72, 0.95), between(rng, 0.9, 1.15)], np.float32)
    return cv2.transform(pixels, matrix * gains[:, None])


def saturation(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Colours stronger or paler, and a little twisted."""
    keep = between(rng, 0.2, 1.6)
    matrix = keep * np.eye(3, dtype=np.float32) + (1 - keep) * _GREY_WEIGHTS[None]
    return cv2.transform(pixels, matrix + rng.normal(size=(3, 3)).astype(np.float32) * 0.04 * strength)


def colour_twist(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Colours far off: a broken white balance, a coloured lamp, channels that changed places."""
    gains = np.exp(rng.normal(size=3) * 0.35 * min(strength, 1.2)).astype(np.float32)
    matrix = np.eye(3, dtype=np.float32) * (gains / gains.mean())
    if rng.random() < 0.4:
        matrix = matrix[rng.permutation(3)]
    keep = between(rng, 0.4, 1.8)
    return cv2.transform(pixels, keep * matrix + (1 - keep) * _GREY_WEIGHTS[None])


def dark(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Too little light: all but the lamps sinks into black and noise."""
    dimmed = cv2.LUT(pixels, np.clip(255 * between(rng, 0.35, 0.9) * _RAMP ** between(rng, 1.2, 2.4), 0, 255)
                     .astype(np.uint8).repeat(3, axis=1)[None])
    return _add_noise(rng, dimmed, between(rng, 1, 7) * strength)


def night(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A night camera: half of the pictures too dark with low contrast, half burnt out by the camera's own light, and
    most of them grey."""
    if rng.random() < 0.6:
        pixels = grey(rng, pixels, strength)
    if rng.random() < 0.5:
        white, black = between(rng, 45, 130), between(rng, 0, 25)
        pixels = cv2.addWeighted(pixels, (white - black) / 255, pixels, 0, black)
    else:
        pixels = cv2.addWeighted(pixels, between(rng, 1.2, 2.2), pixels, 0, between(rng, -20, 50))
    return _add_noise(rng, pixels, between(rng, 1, 6) * strength)


# --- lens and sensor ---------------------------------------------------------------------------------------------


def defocus(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A soft picture; the blur grows with the crop's height, so that it costs as much of a character at any size."""
    sigma = between(rng, 0.01, 0.042) * min(strength, 1.6) * pixels.shape[0]
    return cv2.GaussianBlur(pixels, (0, 0), max(0.35, sigma))


def scene_defocus(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A scene that is out of focus by up to two pixels."""
    return cv2.GaussianBlur(pixels, (0, 0), between(rng, 0.5, 1.8) * min(strength, 1.5))


def motion_blur(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """The vehicle moved while the shutter was open: a line kernel, level more often than not."""
    length = between(rng, 0.06, 0.2) * min(strength, 1.6) * pixels.shape[0]
    return _smear(rng, pixels, max(1.5, length))


def scene_motion_blur(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A scene that moved by two to seven pixels."""
    return _smear(rng, pixels, between(rng, 2, 7) * min(strength, 1.5))


def ghost(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Interlaced or twice exposed video: a second, shifted copy in every other line or all over."""
    right = int(round(rng.normal() * 0.05 * pixels.shape[0] * strength)) or 1
    down = int(round(rng.normal() * 0.03 * pixels.shape[0] * strength))
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    second = cv2.warpAffine(pixels, move, pixels.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        woven = pixels.copy()
        woven[::2] = second[::2]
        return woven
    share = between(rng, 0.2, 0.5)
    return cv2.addWeighted(pixels, 1 - share, second, share, 0)


def sharpen(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """A camera's unsharp mask, with its halos."""
    soft = cv2.GaussianBlur(pixels, (0, 0), between(rng, 0.7, 1.6))
    amount = between(rng, 0.3, 1.4)
    return cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0)


def noise(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Sensor noise of 1.5 to 14 grey values."""
    return _add_noise(rng, pixels, log_between(rng, 1.5, 14) * strength)


def lower_resolution(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """Shrunk and enlarged again, as by a digital zoom or a small video stream."""
    height, width = pixels.shape[:2]
    scale = between(rng, 0.55, 0.9) / max(1.0, strength)
    small = cv2.resize(pixels, (max(8, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA)
    method = pick(rng, (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST))
    return cv2.resize(small, (width, height), interpolation=method)


def jpeg(rng: np.random.Generator, pixels: Pixels, strength: float) -> Pixels:
    """JPEG of quality 35 to 95, mostly with the colours at half resolution, as cameras and video do."""
    quality = int(95 - 60 * rng.random() ** (1.4 / max(strength, 0.1)))
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if rng.random() < 0.25:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    # Red and blue stand swapped for the coder: it makes no difference that could be seen, and saves two copies.
    done, data = cv2.imencode(".jpg", pixels, options)
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG picture")
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def _add_noise(rng: np.random.Generator, pixels: Pixels, sigma: float) -> Pixels:
    share = sigma / NOISE_SPREAD
    return cv2.addWeighted(pixels, 1.0, noise_window(rng, *pixels.shape[:2]), share, -128 * share)


def _smear(rng: np.random.Generator, pixels: Pixels, length: float) -> Pixels:
    """Averaged along a line of `length` px; the line is level within 10 degrees in six of ten cases."""
    angle = float(rng.normal()) * 0.17 if rng.random() < 0.6 else between(rng, 0, np.pi)
    size = int(np.ceil(length)) | 1
    kernel = np.zeros((size + 2, size + 2), np.float32)
    middle, half = (size + 1) / 2, length / 2
    for step in np.linspace(-half, half, 2 * size + 1):
        x, y = middle + np.cos(angle) * step, middle + np.sin(angle) * step
        left, top = int(np.clip(x, 0, size)), int(np.clip(y, 0, size))
        right_share, low_share = x - left, y - top
        kernel[top, left] += (1 - right_share) * (1 - low_share)
        kernel[top, left + 1] += right_share * (1 - low_share)
        kernel[top + 1, left] += (1 - right_share) * low_share
        kernel[top + 1, left + 1] += right_share * low_share
    return cv2.filter2D(pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
