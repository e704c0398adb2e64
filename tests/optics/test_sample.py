"""A plate picture in figures: each answers to its own cause and to no other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_lpr.optics.sample import measure
from edge_lpr.records import Detection, OpticSample, PlateCrop, Reading, Sighting


def sample_of(pixels: np.ndarray) -> OpticSample:
    corners = np.array([[10, 10], [130, 10], [130, 40], [10, 40]], np.float32)
    crop = PlateCrop(np.asarray(pixels, np.uint8), Detection(corners, 0.9), 1, 0.0)
    return measure(Sighting(crop, Reading("X", 0.9, ()), 1.0))


@pytest.fixture
def plate() -> np.ndarray:
    pixels = np.full((36, 130, 3), 200, np.uint8)
    cv2.putText(pixels, "5A23456", (6, 27), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (40, 40, 40), 2, cv2.LINE_AA)
    return pixels


def test_figures_of_a_plate(plate: np.ndarray) -> None:
    sample = sample_of(plate)
    assert sample.width_px == pytest.approx(120.0) and 140 < sample.contrast <= 160 and 130 < sample.brightness < 200


def test_blur_lowers_sharpness_alone(plate: np.ndarray) -> None:
    sharp, blurred = sample_of(plate), sample_of(cv2.GaussianBlur(plate, (0, 0), 1.5))
    assert blurred.sharpness < 0.5 * sharp.sharpness and blurred.brightness == pytest.approx(sharp.brightness, rel=0.02)


def test_dim_light_lowers_brightness_and_contrast_alone(plate: np.ndarray) -> None:
    bright, dim = sample_of(plate), sample_of((plate * 0.5).astype(np.uint8))
    assert dim.brightness == pytest.approx(bright.brightness / 2, rel=0.05)
    assert dim.contrast == pytest.approx(bright.contrast / 2, rel=0.05)
    assert dim.sharpness == pytest.approx(bright.sharpness, rel=0.05)


def test_a_blank_crop_is_no_error() -> None:
    assert sample_of(np.zeros((4, 9, 3), np.uint8)).sharpness == 0.0
