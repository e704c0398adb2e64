"""The photographs that the detector trains on: their list, the part held out for tuning, decoding.

`labels.csv` has the columns image, x, y, w, h, text, region, source, license, use; an empty box means no plate.
"""

from __future__ import annotations

import csv
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.errors import ConfigError
from edge_lpr.records import Floats, Pixels

INPUT_WIDTH, INPUT_HEIGHT = 640, 480
HOLD_OUT_SHARE = 0.15
NEGATIVE_HOLD_OUT_SHARE = 0.25
"""There are few negatives, and a rate of false detections needs many."""
MOST_ZOOM = 6.0
SQUASHED = ("scene_kaggle_", "scene_plrf_")
"""Sources whose pictures were stretched to a square: their aspect ratio is drawn anew."""


@dataclass(frozen=True, eq=False)
class Photo:
    """A decoded picture: `levels` it, its half and its quarter, uint8 RGB; `boxes` float32 (N, 4) x1 y1 x2 y2 of its
    labelled plates; `corners` float32 (N, 4, 2) theirs, NaN where not known. `empty`: no plate is in it, labelled or
    not; `squashed`: its aspect ratio is not true."""

    name: str
    levels: tuple[Pixels, ...]
    boxes: Floats
    corners: Floats
    empty: bool = False
    squashed: bool = False

    @property
    def letterbox_scale(self) -> float:
        """Scale at which the detector sees the picture."""
        height, width = self.levels[0].shape[:2]
        return min(INPUT_WIDTH / width, INPUT_HEIGHT / height, 2.0)


@dataclass(frozen=True, eq=False)
class PhotoRow:
    """One picture of a label file: its path, boxes x1 y1 x2 y2 and the key by which it is held out."""

    path: Path
    boxes: Floats
    key: str


def list_photos(labels: Path, use: str = "train") -> list[PhotoRow]:
    """Pictures of whole scenes and negatives of a labels.csv whose `use` matches (crops are left out)."""
    found: dict[str, list[list[float]]] = {}
    keys: dict[str, str] = {}
    with labels.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["use"] != use or Path(row["image"]).name.startswith("crop_"):
                continue
            boxes = found.setdefault(row["image"], [])
            # Several frames show one vehicle: its text keeps them on one side of the split.
            keys.setdefault(row["image"], row["text"] or row["image"])
            if row["w"]:
                x, y, w, h = (float(row[c]) for c in ("x", "y", "w", "h"))
                boxes.append([x, y, x + w, y + h])
    if not found:
        raise ConfigError(f"{labels}: no picture with use={use}")
    return [
        PhotoRow(labels.parent / name, np.array(boxes, np.float32).reshape(-1, 4), keys[name])
        for name, boxes in found.items()
    ]


def held_out(row: PhotoRow) -> bool:
    """Whether a picture belongs to the development part, which tunes thresholds and never trains."""
    share = NEGATIVE_HOLD_OUT_SHARE if row.path.name.startswith("neg_") else HOLD_OUT_SHARE
    return int(hashlib.sha256(row.key.encode()).hexdigest()[:8], 16) / 2**32 < share


def load_photo(row: PhotoRow) -> Photo:
    """Decode a picture and its half-size copy."""
    encoded = cv2.imread(str(row.path), cv2.IMREAD_COLOR)
    if encoded is None:
        raise ConfigError(f"{row.path}: not a picture")
    pixels = np.asarray(cv2.cvtColor(encoded, cv2.COLOR_BGR2RGB), np.uint8)
    name = row.path.name
    return Photo(name, pyramid(pixels), row.boxes, unknown_corners(len(row.boxes)), empty=name.startswith("neg_"),
                 squashed=name.startswith(SQUASHED))


def unknown_corners(count: int) -> Floats:
    """Corners of `count` plates of which nothing is known."""
    return np.full((count, 4, 2), np.nan, np.float32)


def pyramid(pixels: Pixels) -> tuple[Pixels, ...]:
    """The picture, its half and its quarter."""
    half = np.asarray(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    quarter = np.asarray(cv2.resize(half, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels, half, quarter


def enlarged_part(rng: Generator, photo: Photo, size: tuple[int, int]) -> Pixels:
    """A random part of a picture, enlarged up to `MOST_ZOOM` times to fill `size` (width, height), half the time grey:
    textures and edges at scales that whole pictures do not show."""
    pixels = photo.levels[0]
    height, width = pixels.shape[:2]
    scale = max(size[0] / width, size[1] / height) * math.exp(rng.uniform(0, math.log(MOST_ZOOM)))
    w, h = min(width, round(size[0] / scale)), min(height, round(size[1] / scale))
    x, y = int(rng.integers(0, width - w + 1)), int(rng.integers(0, height - h + 1))
    part = np.ascontiguousarray(pixels[y : y + h, x : x + w])
    if rng.random() < 0.5:
        part = cv2.cvtColor(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    method = cv2.INTER_LINEAR if scale > 1 else cv2.INTER_AREA
    return np.asarray(cv2.resize(part, size, interpolation=method), np.uint8)
