"""The figures that say how well plates are found and read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_lpr.recognition.boxes import Box, iou

MATCH_IOU = 0.5
CALIBRATION_BINS = 15
_FOLD = str.maketrans("OI", "01")


def fold(text: str) -> str:
    """The text with O taken as 0 and I as 1: on many plates the two look alike."""
    return text.translate(_FOLD)


def match(truths: Sequence[Box], found: Sequence[Box]) -> list[int | None]:
    """For each true box the index of the found box that is its own, or None.

    Pairs are made one to one, the highest IoU first, down to MATCH_IOU.
    """
    pairs = sorted(
        ((iou(truth, box), at, by) for at, truth in enumerate(truths) for by, box in enumerate(found)),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    matched: list[int | None] = [None] * len(truths)
    for overlap, at, by in pairs:
        if overlap >= MATCH_IOU and matched[at] is None and by not in matched:
            matched[at] = by
    return matched


def edit_distance(a: str, b: str) -> int:
    """Levenshtein: the fewest insertions, deletions and substitutions that turn `a` into `b`."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@dataclass(frozen=True)
class CalibrationBin:
    """Readings whose confidence lies in (low, high]: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def calibration(confidences: Sequence[float], right: Sequence[bool]) -> tuple[float, tuple[CalibrationBin, ...]]:
    """Expected calibration error over CALIBRATION_BINS equal bins, and the bins that are not empty.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 5: the mean of |accuracy - confidence| over
    the bins, weighted by their counts. Nothing read gives nan.
    """
    if not confidences:
        return float("nan"), ()
    values, hits = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    numbers = np.clip(np.ceil(values * CALIBRATION_BINS).astype(int) - 1, 0, CALIBRATION_BINS - 1)
    bins = []
    for number in np.unique(numbers):
        chosen = numbers == number
        bins.append(
            CalibrationBin(
                float(number) / CALIBRATION_BINS,
                float(number + 1) / CALIBRATION_BINS,
                int(chosen.sum()),
                float(values[chosen].mean()),
                float(hits[chosen].mean()),
            )
        )
    error = sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / len(values)
    return float(error), tuple(bins)
