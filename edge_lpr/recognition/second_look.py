"""A second look at a plate whose first reading is unsure: the same crop seen a little otherwise.

A reader that hesitates between two texts often hesitates between other two when the crop is a little tighter, wider or
of more contrast; a text that stays likely in all of these views is right more often than the likeliest of one. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edge_lpr.recognition.ctc import ctc_score
from edge_lpr.records import Pixels

TIGHTER = (1.06, 1.10)
WIDER = (0.95, 0.93)
"""Zoom of a view in x and y, about the crop's middle."""
TAILS = (2.0, 98.0)
"""Percentiles of the grey values that a view of full contrast stretches to black and white."""
LEAST_RANGE = 20.0
"""A crop with fewer grey values between the tails is stretched no further: it would be noise."""
FLOOR = 1e-6
"""Probability of a text that a view does not see at all."""


def other_views(crop: Pixels) -> list[Pixels]:
    """The crop uint8 RGB (h, w, 3) at full contrast, tighter and wider; each of the crop's size."""
    return [_full_contrast(crop), _zoomed(crop, *TIGHTER), _zoomed(crop, *WIDER)]


def joint_score(views: Sequence[npt.NDArray[np.floating[Any]]], text: str, alphabet: str) -> float:
    """Logarithm of the power mean (exponent 1/2) of the text's probabilities in the views, each (T, C).

    Between the arithmetic mean, which one sure view decides, and the geometric one, in which one view may veto.
    """
    if len(views) == 1:
        return ctc_score(views[0], text, alphabet)
    roots = [math.sqrt(math.exp(ctc_score(view, text, alphabet)) + FLOOR) for view in views]
    return 2.0 * math.log(sum(roots) / len(roots))


def _full_contrast(crop: Pixels) -> Pixels:
    low, high = np.percentile(crop, TAILS)
    gain = 255.0 / max(LEAST_RANGE, float(high - low))
    return np.asarray(np.clip((crop.astype(np.float32) - low) * gain, 0, 255), np.uint8)


def _zoomed(crop: Pixels, across: float, down: float) -> Pixels:
    height, width = crop.shape[:2]
    matrix = np.array([[across, 0, (1 - across) * (width - 1) / 2], [0, down, (1 - down) * (height - 1) / 2]])
    return np.asarray(cv2.warpAffine(crop, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
