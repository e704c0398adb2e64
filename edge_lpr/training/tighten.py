"""Labelled boxes made tight: a trained detector, shown each labelled plate at several sizes, finds its corners.

Boxes drawn by hand are often a tenth to a third too large, and say nothing of a plate's turn. The corner head has
learnt on drawn plates, whose corners are exact; where its answers at several sizes agree with one another and lie
within the label, their median is the plate's outline. Elsewhere the label stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from edge_lpr.recognition.detect import PlateDetector
from edge_lpr.records import Detection, Floats, Pixels
from edge_lpr.training.pasting import covered, hull_of
from edge_lpr.training.photographs import INPUT_HEIGHT, INPUT_WIDTH, Photo

SHOWN_PX = (64.0, 90.0, 120.0, 160.0)
"""Widths at which each plate is shown."""
LEAST_ANSWERS = 3
AGREEMENT = 0.12
"""Answers may lie so far from their median, as a share of the plate's height."""
OUTSIDE = 0.12
"""Share of the outline's hull that may lie outside of the label."""
LEAST_SHARE = 0.35
"""The outline's hull covers at least this share of the label."""

Find = Callable[[Pixels], tuple[Detection, ...]]


def tightened(photo: Photo, detector: PlateDetector) -> Photo:
    """The photograph with tight boxes and known corners where the detector is sure of them."""
    boxes, corners = photo.boxes.copy(), photo.corners.copy()
    for n, box in enumerate(photo.boxes):
        outline = find_outline(photo.levels[0], box, detector.detect)
        if outline is not None:
            corners[n], boxes[n] = outline, hull_of(outline)
    return replace(photo, boxes=boxes, corners=corners)


def find_outline(pixels: Pixels, box: Floats, find: Find) -> Floats | None:
    """Corners float32 (4, 2) of the plate labelled `box` (x1 y1 x2 y2) in pixels; None where the answers disagree."""
    answers = [answer for wide in SHOWN_PX if (answer := _ask(pixels, box, wide, find)) is not None]
    if len(answers) < LEAST_ANSWERS:
        return None
    outline = np.median(answers, axis=0).astype(np.float32)
    high = float(np.linalg.norm(outline[[3, 2]] - outline[[0, 1]], axis=1).mean())
    apart = np.linalg.norm(np.array(answers) - outline, axis=2).mean(axis=1)
    if int((apart <= max(1.5, AGREEMENT * high)).sum()) < LEAST_ANSWERS:
        return None
    hull, label = hull_of(outline), tuple(float(v) for v in box)
    if covered(hull, label) < 1 - OUTSIDE or covered(label, hull) < LEAST_SHARE:
        return None
    return outline


def _ask(pixels: Pixels, box: Floats, wide: float, find: Find) -> Floats | None:
    """The corners that the detector gives when the plate is shown `wide` pixels wide, in pixels of the picture."""
    scale = wide / max(float(box[2] - box[0]), 1.0)
    left = (box[0] + box[2]) / 2 - INPUT_WIDTH / scale / 2
    top = (box[1] + box[3]) / 2 - INPUT_HEIGHT / scale / 2
    if scale < 0.7:  # average first, or thin edges alias
        size = max(2, round(1 / scale))
        pixels = np.asarray(cv2.blur(pixels, (size, size)), np.uint8)
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]])
    shown = cv2.warpAffine(pixels, matrix, (INPUT_WIDTH, INPUT_HEIGHT), borderMode=cv2.BORDER_REPLICATE)
    best: Floats | None = None
    most = 0.3
    for detection in find(np.asarray(shown, np.uint8)):
        corners = np.asarray(detection.corners / scale + np.array([left, top]), np.float32)
        hull, label = hull_of(corners), tuple(float(v) for v in box)
        share = min(covered(hull, label), covered(label, hull))
        if share > most:
            best, most = corners, share
    return best
