"""Stand-ins for drawn plates: a few large letters, which a miniature reader learns in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.records import Floats, Pixels
from edge_lpr.training.reader_data import Sample, Source


@dataclass(frozen=True, eq=False)
class Drawn:
    pixels: Pixels
    text: str
    centres: Floats


def draw(rng: Generator) -> Sample:
    """Four of three letters at even places."""
    text = "".join(rng.choice(list("AX7"), 4))
    pixels = np.full((48, 144, 3), 230, np.uint8)
    for index, char in enumerate(text):
        cv2.putText(pixels, char, (8 + 34 * index, 38), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (10, 10, 10), 3)
    return Drawn(pixels, text, np.array([(20 + 34 * i) / 144 for i in range(4)], np.float32))


def make_source() -> Source:
    return draw
