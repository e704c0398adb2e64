"""One plate picture in four figures."""

from __future__ import annotations

import math

import cv2
import numpy as np

from edge_lpr.recognition.rectify import plate_size
from edge_lpr.records import OpticSample, Sighting

DARK_SHARE, BRIGHT_SHARE = 5, 95
"""Percentiles of grey that stand for ink and ground: a few pixels of glare or dirt move neither."""
LEAST_CONTRAST = 4.0


def measure(sighting: Sighting) -> OpticSample:
    """The figures of the plate in a sighting, from its crop."""
    grey = cv2.cvtColor(np.ascontiguousarray(sighting.crop.pixels), cv2.COLOR_RGB2GRAY)
    dark, bright = np.percentile(grey, (DARK_SHARE, BRIGHT_SHARE))
    contrast = max(float(bright - dark), LEAST_CONTRAST)
    # The Laplacian grows with the contrast, blur apart: their ratio tells blur in any light.
    edges = math.sqrt(max(float(cv2.Laplacian(grey, cv2.CV_32F).var()), 0.0))
    return OpticSample(
        width_px=plate_size(sighting.crop.detection.corners)[0],
        brightness=float(grey.mean()),
        contrast=contrast,
        sharpness=edges / contrast,
    )
