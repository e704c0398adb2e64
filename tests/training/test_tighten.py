"""Loose labels become tight outlines where a detector is sure, and stay as they are elsewhere."""

from __future__ import annotations

import cv2
import numpy as np

from edge_lpr.records import Detection, Pixels
from edge_lpr.training.photographs import Photo, pyramid, unknown_corners
from edge_lpr.training.tighten import find_outline, tightened

PLATE = np.array([[210, 203], [309, 208], [308, 234], [209, 229]], np.float32)
LOOSE = np.array([200, 192, 320, 245], np.float32)


def street() -> Pixels:
    pixels = np.full((480, 640, 3), 70, np.uint8)
    cv2.fillPoly(pixels, [PLATE.astype(np.int32)], (240, 0, 0))
    return pixels


class RedFinder:
    """Finds red plates by their colour; each answer is off by `spread_px` more, now to one side, now to the other;
    `blind` never sees any."""

    def __init__(self, spread_px: float = 0.0, blind: bool = False) -> None:
        self.spread_px, self.blind, self.calls = spread_px, blind, 0

    def detect(self, pixels: Pixels) -> tuple[Detection, ...]:
        self.calls += 1
        red = (pixels[..., 0] > 150) & (pixels[..., 1] < 60)
        if self.blind or not red.any():
            return ()
        contours = cv2.findContours(red.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
        corners = cv2.boxPoints(cv2.minAreaRect(max(contours, key=len)))
        corners = corners[np.argsort(corners.sum(axis=1))]
        top_left, bottom_right = corners[0], corners[3]
        others = sorted((corners[1], corners[2]), key=lambda p: -p[0])
        ordered = np.array([top_left, others[0], bottom_right, others[1]], np.float32)
        ordered += np.float32(self.spread_px * (-1) ** self.calls * self.calls)
        (x1, y1), (x2, y2) = ordered.min(0), ordered.max(0)
        return (Detection(ordered, 0.9, (float(x1), float(y1), float(x2 - x1), float(y2 - y1))),)


def test_the_outline_of_a_loosely_labelled_plate_is_found() -> None:
    outline = find_outline(street(), LOOSE, RedFinder().detect)
    assert outline is not None
    np.testing.assert_allclose(outline, PLATE, atol=2.5)


def test_answers_that_disagree_leave_the_label() -> None:
    assert find_outline(street(), LOOSE, RedFinder(spread_px=9.0).detect) is None
    assert find_outline(street(), LOOSE, RedFinder(blind=True).detect) is None


def test_an_outline_beside_the_label_is_another_plate() -> None:
    assert find_outline(street(), np.array([260, 192, 420, 245], np.float32), RedFinder().detect) is None


def test_a_photograph_keeps_what_is_not_sure() -> None:
    boxes = np.array([LOOSE, [20, 20, 90, 50]], np.float32)
    photo = tightened(Photo("scene_a_1.jpg", pyramid(street()), boxes, unknown_corners(2)), RedFinder())
    np.testing.assert_allclose(photo.boxes[0], [209, 203, 309, 234], atol=2.5)
    np.testing.assert_allclose(photo.boxes[1], boxes[1])
    assert not np.isnan(photo.corners[0]).any() and np.isnan(photo.corners[1]).all()
