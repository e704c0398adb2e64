"""The crop of a picture that becomes a training sample: where it lies, at what scale, what fills its edge."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.recognition.letterbox import PAD_GREY
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.pasting import covered, cut, hull_of
from edge_lpr.training.photographs import Photo


@dataclass(frozen=True)
class SampleConfig:
    """What samples are made of; shares and chances 0..1."""

    width: int = 320
    height: int = 256
    negatives: float = 0.15
    """Share of samples from pictures without a plate."""
    enlarged: float = 0.3
    """Share of negatives that are a much enlarged part of one."""
    cutouts: float = 0.0
    """Share of negatives that are a small picture cut close around a sign, on the letterbox's grey."""
    drawn: float = 0.08
    """Share of samples from drawn scenes."""
    loose: float = 0.45
    """Chance that plates are pasted anywhere in a crop that is not a negative."""
    replaced: float = 0.25
    """Chance that a labelled plate is covered by a drawn one in its place."""
    distractors: float = 0.35
    """Chance that distractors are pasted into any crop."""
    filled: float = 0.7
    """Chance that much padding is replaced by a part of another picture."""
    soft: float = 0.3
    """Chance that the crop passes through a lower resolution."""
    degrade: float = 0.7
    """Strength of the camera's faults."""
    renew_every: int = 2
    """Batches from one new plate and distractor to the next."""
    plate_px: tuple[float, ...] = (15.0, 260.0)
    """Widths of plates."""


@dataclass(eq=False)
class Crop:
    """A sample while it is composed; `known` boxes hold something that is certainly no plate, `inside` is the part that
    shows the photograph, x1 y1 x2 y2."""

    pixels: Pixels
    inside: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)
    corners: list[Floats] = field(default_factory=list)
    known: list[tuple[float, float, float, float]] = field(default_factory=list)

    def add(self, quad: Floats) -> None:
        """Note a pasted plate."""
        self.boxes.append(hull_of(quad))
        self.corners.append(quad)

    def forget_under(self, box: tuple[float, float, float, float], share: float = 0.25) -> None:
        """Drop the plates of which something pasted at `box` hides more than `share`."""
        kept = [n for n, b in enumerate(self.boxes) if covered(b, box) <= share]
        self.boxes[:] = [self.boxes[n] for n in kept]
        self.corners[:] = [self.corners[n] for n in kept]



def take_crop(rng: Generator, photo: Photo, config: SampleConfig) -> Crop:
    """A crop of the photograph at a random scale, with its labelled plates."""
    scale = _scale(rng, photo, config)
    squeeze = rng.uniform(-0.45, 0.3) if photo.squashed else rng.normal(0, 0.06)
    fx, fy = scale * np.exp(-squeeze / 2), scale * np.exp(squeeze / 2)
    level = int(np.clip(np.floor(-np.log2(max(fx, fy)) + 0.2), 0, len(photo.levels) - 1))
    pixels = photo.levels[level]
    height, width = photo.levels[0].shape[:2]
    left, top = _corner(rng, (width * fx, height * fy), photo.boxes * np.float32([fx, fy, fx, fy]), config)
    shrink = 2.0**level
    matrix = np.array([[fx * shrink, 0, -left], [0, fy * shrink, -top]], np.float64)
    warped = cv2.warpAffine(
        pixels, matrix, (config.width, config.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PAD_GREY,) * 3,
    )  # fmt: skip
    frame = (0.0, 0.0, float(config.width), float(config.height))
    crop = Crop(np.asarray(warped, np.uint8), cut((-left, -top, width * fx - left, height * fy - top), frame))
    boxes = photo.boxes * np.float32([fx, fy, fx, fy]) - np.float32([left, top, left, top])
    for box, corners in zip(boxes, photo.corners * np.float32([fx, fy]) - np.float32([left, top]), strict=True):
        plain = tuple(float(v) for v in box)
        seen = covered(plain, frame)  # type: ignore[arg-type]
        if seen > 0.6 and plain[2] - plain[0] >= 0.7 * config.plate_px[0]:
            crop.boxes.append(cut(plain, frame))  # type: ignore[arg-type]
            whole = seen > 0.999
            crop.corners.append(corners if whole else np.full((4, 2), np.nan, np.float32))
        elif seen > 0:
            hidden = cut(plain, frame)  # type: ignore[arg-type]
            smear(crop.pixels, hidden)
    return crop


def fill_padding(crop: Crop, other: Crop) -> None:
    """Show `other`, with its plates, where `crop` has padding; plates cut by the seam are made unrecognisable."""
    x1, y1, x2, y2 = (int(v) for v in crop.inside)
    for box, corners in zip(other.boxes, other.corners, strict=True):
        hidden = covered(box, crop.inside)
        if hidden == 0:
            crop.boxes.append(box)
            crop.corners.append(corners)
        elif hidden < 1:
            smear(other.pixels, box)
    other.pixels[y1:y2, x1:x2] = crop.pixels[y1:y2, x1:x2]
    crop.pixels = other.pixels


def smear(pixels: Pixels, box: tuple[float, float, float, float]) -> None:
    """Make a cut-off or minute plate unrecognisable: it is neither a good example nor a fair negative."""
    x1, y1, x2, y2 = int(box[0]), int(box[1]), int(np.ceil(box[2])), int(np.ceil(box[3]))
    if x2 - x1 >= 1 and y2 - y1 >= 1:
        pixels[y1:y2, x1:x2] = cv2.blur(pixels[y1:y2, x1:x2], (31, 31))


def _scale(rng: Generator, photo: Photo, config: SampleConfig) -> float:
    """Pixels of the crop a pixel of the photograph: mostly about as the detector will see it."""
    natural = photo.letterbox_scale * float(np.exp(rng.uniform(-0.7, 0.45)))
    if len(photo.boxes) == 0 or rng.random() < 0.5:
        return natural
    widths = photo.boxes[:, 2] - photo.boxes[:, 0]
    low, high = config.plate_px
    wanted = low * (0.8 * high / low) ** rng.random()
    return float(np.clip(wanted / widths[rng.integers(len(widths))], 0.12, 2.5))


def _corner(rng: Generator, size: tuple[float, float], boxes: Floats, config: SampleConfig) -> tuple[float, float]:
    """Where the crop's top left lies in the scaled picture of `size` (width, height)."""
    out = (config.width, config.height)
    if len(boxes) and rng.random() < 0.8:
        x1, y1, x2, y2 = boxes[rng.integers(len(boxes))]
        low = np.array([x2 - out[0], y2 - out[1]]) + 2.0
        high = np.array([x1, y1]) - 2.0
        middle = np.array([x1 + x2 - out[0], y1 + y2 - out[1]]) / 2
        spot = np.where(low < high, rng.uniform(np.minimum(low, high), np.maximum(low, high)), middle)
    else:
        spot = rng.uniform(np.minimum(0, np.array(size) - out), np.maximum(1e-3, np.array(size) - out))
    # Little of the padding outside of the picture, as the letterbox has it.
    slack = np.maximum(np.array(size) - out, 0.0)
    if rng.random() < 0.9:
        spot = np.clip(spot, np.minimum(0.0, np.array(size) - out) * rng.integers(0, 2), slack)
    return float(spot[0]), float(spot[1])
