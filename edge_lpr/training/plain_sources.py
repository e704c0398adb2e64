"""What people often try to learn reading from: handwritten digits, single printed characters, characters in a row.

Each gives samples as the reader takes them, on a plain ground, without anything that looks like a plate. No torch here.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_lpr.errors import BackendUnavailable
from edge_lpr.networks.card import ALPHABET_36
from edge_lpr.recognition.rectify import READER_SIZE
from edge_lpr.records import Pixels
from edge_lpr.training.crops import ReaderSample
from edge_lpr.training.faces import pick_face
from edge_lpr.training.lettering import ink_of, muted_tint

ROW_LENGTHS = (4, 9)
_INK_PX = (20, 44)


def digit_sample(rng: Generator) -> ReaderSample:
    """One handwritten digit of scikit-learn's set (8 x 8 pixels, 1,797 of them), enlarged, anywhere in the picture."""
    pictures, labels = _handwritten()
    at = int(rng.integers(len(labels)))
    high = int(rng.integers(*_INK_PX))
    wide = max(8, round(high * rng.uniform(0.6, 1.2)))
    mask = cv2.resize(pictures[at], (wide, high), interpolation=cv2.INTER_CUBIC)
    return _set_in(rng, [np.asarray(mask, np.uint8)], str(labels[at]))


def character_sample(rng: Generator) -> ReaderSample:
    """One printed letter or digit in any face, anywhere in the picture."""
    char = ALPHABET_36[int(rng.integers(len(ALPHABET_36)))]
    face = pick_face(("any",), rng)
    return _set_in(rng, [face.glyph(char, int(rng.integers(*_INK_PX))).mask], char)


def row_sample(rng: Generator) -> ReaderSample:
    """Some printed letters and digits in one face, side by side."""
    length = int(rng.integers(*ROW_LENGTHS))
    text = "".join(ALPHABET_36[int(at)] for at in rng.integers(0, len(ALPHABET_36), length))
    face, high = pick_face(("any",), rng), int(rng.integers(*_INK_PX))
    return _set_in(rng, [face.glyph(char, high).mask for char in text], text)


def _set_in(rng: Generator, masks: list[NDArray[np.uint8]], text: str) -> ReaderSample:
    """The masks side by side on a plain ground, squeezed where they do not fit."""
    width, height = READER_SIZE
    gap = int(rng.integers(2, 8))
    room = (width - 4 - gap * (len(masks) - 1)) / max(sum(mask.shape[1] for mask in masks), 1)
    if room < 1.0:
        masks = [
            np.asarray(cv2.resize(m, (max(3, int(m.shape[1] * room)), m.shape[0]), interpolation=cv2.INTER_AREA))
            for m in masks
        ]
    total = sum(mask.shape[1] for mask in masks) + gap * (len(masks) - 1)
    x = int(rng.integers(0, max(1, width - total + 1)))
    cover = np.zeros((height, width), np.uint8)
    centres = []
    for mask in masks:
        high, wide = mask.shape
        y = (height - high) // 2
        cover[y : y + high, x : x + wide] = mask[:, : width - x]
        centres.append((x + wide / 2) / width)
        x += wide + gap
    ground = muted_tint(rng)
    share = (cover / 255.0)[:, :, None]
    pixels: Pixels = np.asarray(np.array(ground) * (1 - share) + np.array(ink_of(ground, rng)) * share, np.uint8)
    return ReaderSample(pixels, text, np.clip(centres, 0, 1).astype(np.float32), 1.0)


@lru_cache(maxsize=1)
def _handwritten() -> tuple[list[NDArray[np.uint8]], NDArray[np.int64]]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise BackendUnavailable("handwritten digits need scikit-learn: pip install 'edge_lpr[study]'") from error
    digits = load_digits()
    pictures = [np.asarray(np.clip(one * 16.0, 0, 255), np.uint8) for one in digits.images]
    return pictures, np.asarray(digits.target, np.int64)
