"""Every frozen record that crosses a module border. Numpy is the only dependency.

Pictures are uint8 arrays of shape (H, W, 3) in RGB order. Coordinates are pixels, x right and y down, of the picture
that the record belongs to. Corners are ordered top left, top right, bottom right, bottom left as the plate is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a camera, video or file.

    `pixels` uint8 (H, W, 3) RGB; `captured_at_s` monotonic seconds; `wall_time` aware UTC, meaningful only when
    `clock_synced`.
    """

    pixels: Pixels
    index: int
    captured_at_s: float
    wall_time: datetime
    clock_synced: bool
    camera: str


@dataclass(frozen=True, eq=False)
class Detection:
    """One plate found in a picture: `corners` float32 (4, 2) pixels TL TR BR BL; `score` 0..1."""

    corners: Floats
    score: float
    extent: tuple[float, float, float, float] | None = None
    """The detector's own upright box (x, y, w, h) where it gives one; it is often tighter than the corners' hull."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The upright box (x, y, w, h) in pixels."""
        if self.extent is not None:
            return self.extent
        (x1, y1), (x2, y2) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(x1), float(y1), float(x2 - x1), float(y2 - y1)


@dataclass(frozen=True, eq=False)
class PlateCrop:
    """An upright plate cut from a frame: `pixels` uint8 (H, W, 3) RGB; `sharpness` variance of the Laplacian."""

    pixels: Pixels
    detection: Detection
    frame_index: int
    sharpness: float
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Reading:
    """What the reader says of one crop.

    `text` A-Z 0-9 only, top row first; `confidence` calibrated probability 0..1 that the whole text is right;
    `char_probs` one probability a character; `log_probs` float32 (T, C) natural logarithms, blank last, or None for a
    reader that gives only its best path.
    """

    text: str
    confidence: float
    char_probs: tuple[float, ...]
    log_probs: Floats | None = field(default=None, repr=False)
    region: str = ""
    """The country whose format the text matches ('' when none or no country is enabled)."""
    rows: int = 1


@dataclass(frozen=True, eq=False)
class Sighting:
    """One plate in one frame, found and read."""

    crop: PlateCrop
    reading: Reading
    captured_at_s: float
