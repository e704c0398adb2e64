"""An upright crop holds the plate whole, wherever its corners lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_lpr.recognition.rectify import cut_plate, lay_out, layouts, sharpness
from edge_lpr.records import Detection

INKS = {(0, 0): (255, 0, 0), (1, 0): (0, 255, 0), (1, 1): (0, 0, 255), (0, 1): (255, 255, 0)}


def quartered(width, height):
    """A plate whose quarters are red, green, blue and yellow, clockwise from the top left."""
    plate = np.zeros((height, width, 3), np.uint8)
    for (right, low), ink in INKS.items():
        plate[low * height // 2 : (low + 1) * height // 2, right * width // 2 : (right + 1) * width // 2] = ink
    return plate


def placed(corners, size=(400, 300)):
    """A grey picture with the quartered plate warped to `corners`."""
    plate = quartered(400, 100)
    source = np.float32([[0, 0], [400, 0], [400, 100], [0, 100]]) - 0.5
    warp = cv2.getPerspectiveTransform(source, np.float32(corners) - 0.5)
    picture = np.full((size[1], size[0], 3), 128, np.uint8)
    return cv2.warpPerspective(plate, warp, size, dst=picture, borderMode=cv2.BORDER_TRANSPARENT)


@pytest.mark.parametrize(
    "corners",
    [
        [[100, 100], [240, 100], [240, 135], [100, 135]],
        [[100, 120], [230, 90], [236, 124], [106, 154]],  # turned
        [[100, 100], [180, 80], [182, 130], [102, 134]],  # from the side
        [[20, 40], [380, 60], [370, 160], [25, 150]],  # large
    ],
)
def test_quarters_come_out_upright_with_margin(corners):
    crop = cut_plate(placed(corners), Detection(np.float32(corners), 0.9)).pixels
    height, width = crop.shape[:2]
    assert height <= 96
    for (right, low), ink in INKS.items():
        at = crop[round(height * (0.3 + 0.4 * low)), round(width * (0.3 + 0.4 * right))]
        assert np.abs(at.astype(int) - ink).max() < 40
    assert np.abs(crop[0].astype(int) - 128).mean() < 20  # the margin shows what is around
    assert np.abs(crop[:, 0].astype(int) - 128).mean() < 20


def test_the_crop_is_placed_to_the_pixel():
    picture = np.full((100, 300, 3), 128, np.uint8)
    picture[40:60, 100:200] = quartered(100, 20)
    crop = cut_plate(picture, Detection(np.float32([[100, 40], [200, 40], [200, 60], [100, 60]]), 0.9)).pixels
    assert crop.shape == (23, 112, 3)
    assert (crop[12, 6] == INKS[0, 1]).all() and (crop[12, 5] == 128).all()
    assert (crop[12, 55] == INKS[0, 1]).all() and (crop[12, 56] == INKS[1, 1]).all()


def test_large_plates_are_averaged_down():
    picture = np.zeros((800, 2000, 3), np.uint8)
    picture[:, ::2] = 255  # stripes that skipping pixels would keep
    corners = np.float32([[100, 100], [1900, 100], [1900, 500], [100, 500]])
    crop = cut_plate(picture, Detection(corners, 0.9)).pixels
    assert crop.shape[0] in (95, 96, 97)
    assert crop.std() < 12


@pytest.mark.parametrize(
    "corners",
    [
        [[-40, -20], [60, -20], [60, 10], [-40, 10]],
        [[380, 290], [480, 290], [480, 320], [380, 320]],
        [[1000, 1000], [1100, 1000], [1100, 1030], [1000, 1030]],
        [[10, 10], [10.5, 10], [10.5, 10.2], [10, 10.2]],
        [[0, 100], [400, 100], [400, 101], [0, 101]],
    ],
)
def test_corners_outside_or_tiny_give_a_crop_all_the_same(corners):
    crop = cut_plate(placed([[100, 100], [240, 100], [240, 135], [100, 135]]), Detection(np.float32(corners), 0.5))
    assert crop.pixels.dtype == np.uint8 and crop.pixels.shape[2] == 3 and min(crop.pixels.shape) >= 3
    assert crop.pixels.shape[1] <= 96 * 16


@pytest.mark.parametrize(("size", "expected"), [((260, 100), (1,)), ((200, 100), (1, 2)), ((120, 100), (2, 1))])
def test_layouts_by_aspect(size, expected):
    crop = np.zeros((size[1], size[0], 3), np.uint8)
    assert layouts(crop) == expected


def test_lay_out_puts_the_top_row_left():
    crop = np.zeros((60, 80, 3), np.uint8)
    crop[:27] = 200
    laid = lay_out(crop, 2)
    assert laid.shape == (48, 144, 3)
    assert laid[:36, :72].mean() > 190 and laid[8:, 72:].mean() < 5


def test_sharpness_falls_with_blur():
    sharp = np.random.default_rng(1).integers(0, 255, (40, 120, 3)).astype(np.uint8)
    assert sharpness(sharp) > 2 * sharpness(cv2.GaussianBlur(sharp, (5, 5), 1.5))


def test_noise_and_size_are_no_sharpness():
    """A noisy crop is no better witness, nor is a blurred one for having been enlarged."""
    rng = np.random.default_rng(1)
    plate = np.full((40, 160, 3), 220, np.uint8)
    cv2.putText(plate, "5A2 3456", (6, 30), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 3)
    blurred = cv2.GaussianBlur(plate, (0, 0), 3)
    noisy = np.clip(blurred + rng.normal(0, 14, blurred.shape), 0, 255).astype(np.uint8)
    assert sharpness(noisy) < 0.5 * sharpness(plate) and sharpness(noisy) < 1.5 * sharpness(blurred)
    assert sharpness(cv2.resize(blurred, (320, 80))) == pytest.approx(sharpness(blurred), rel=0.3)
