"""Development figures of a detector in training."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="the detector's training needs torch")

from edge_lpr.training import detector_metrics as metrics
from edge_lpr.training.pasting import Piece
from edge_lpr.training.photographs import Photo, pyramid, unknown_corners


def test_figures_count_what_is_above_the_threshold_of_the_rate() -> None:
    hits = [("a", 0.9), ("a", 0.5), ("b", 0.2), ("b", 0.0)]
    figures = metrics._figures(hits, [0.8, 0.6], [0.6, 0.3], negatives=50)
    assert figures["threshold@0.02"] == 0.3  # one false detection is allowed on 50 pictures: the second limits
    assert figures["recall@0.02"] == 0.5
    assert figures["recall@0.01"] == 0.25
    assert figures["recall@0.05"] == 0.75
    assert figures["reachable"] == 0.75
    assert figures["a"] == 1.0
    assert figures["b"] == 0.0
    assert figures["iou"] == pytest.approx(0.7)


def grids(box: tuple[float, float, float, float] | None, score: float = 0.9):
    coverage, boxes, corners = np.zeros((60, 80), np.float32), np.zeros((4, 60, 80), np.float32), np.zeros((8, 60, 80))
    if box:
        x1, y1, x2, y2 = box
        j, i = int((x1 + x2) / 16), int((y1 + y2) / 16)
        coverage[i, j] = score
        cx, cy = 8 * j + 4, 8 * i + 4
        boxes[:, i, j] = np.array([cx - x1, cy - y1, x2 - cx, y2 - cy]) / 35
    return coverage, boxes, corners.astype(np.float32)


def test_examine_tells_hits_from_misses() -> None:
    black = np.zeros((480, 640, 3), np.uint8)
    white = np.full((480, 640, 3), 255, np.uint8)
    box = np.array([[100, 100, 180, 120]], np.float32)
    grey = np.full((480, 640, 3), 100, np.uint8)
    empty = np.zeros((0, 4), np.float32)
    exams = [metrics.Exam(black, box, "scene_a"), metrics.Exam(white, box, "scene_b"), metrics.Exam(grey, empty, "neg")]

    def run(pixels: np.ndarray):
        return grids((100, 100, 180, 120) if pixels[0, 0, 0] == 0 else None)

    figures = metrics.examine(run, exams)
    assert figures["scene_a"] == 1.0
    assert figures["scene_b"] == 0.0
    assert figures["iou"] == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("make", [metrics.exam_of, metrics.small_exam])
def test_exams_keep_plates_in_place(make) -> None:
    pixels = np.zeros((300, 900, 3), np.uint8)
    pixels[100:150, 400:600] = 255
    photo = Photo("scene_a_1.jpg", pyramid(pixels), np.array([[400, 100, 600, 150]], np.float32), unknown_corners(1))
    exam = make(photo)
    assert exam.pixels.shape == (480, 640, 3)
    rows, columns = np.nonzero(exam.pixels[:, :, 0] > 200)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(found, exam.boxes[0], atol=2.5)


def test_a_drawn_negative_has_no_plate() -> None:
    grey, none = pyramid(np.full((200, 300, 3), 80, np.uint8)), np.zeros((0, 4), np.float32)
    photo = Photo("neg_a_1.jpg", grey, none, unknown_corners(0), True)
    exam = metrics.drawn_negative(np.random.default_rng(0), photo, [Piece(np.full((20, 60, 3), 250, np.uint8))])
    assert len(exam.boxes) == 0
    assert (exam.pixels > 120).any()


def test_a_photograph_that_serves_again_is_judged_by_what_was_pasted() -> None:
    grey, empty = np.full((480, 640, 3), 100, np.uint8), np.zeros((0, 4), np.float32)
    plate = metrics.Exam(np.zeros((480, 640, 3), np.uint8), np.array([[300, 300, 360, 320]], np.float32), "scene_a")

    def threshold(judged: np.ndarray | None) -> float:
        exams = [metrics.Exam(grey, empty, "neg", judged), plate]
        return metrics.examine(lambda _: grids((100, 100, 180, 120), 0.8), exams)["threshold@0.02"]

    assert threshold(None) == pytest.approx(0.8)
    assert threshold(np.array([[90, 90, 200, 130]], np.float32)) == pytest.approx(0.8)
    assert threshold(np.array([[400, 90, 500, 130]], np.float32)) == metrics.FLOOR


def test_a_far_picture_and_its_enlargement_keep_the_plates_in_place() -> None:
    pixels = np.full((600, 800, 3), 90, np.uint8)
    pixels[300:340, 400:560] = (250, 0, 0)
    photo = Photo("scene_x_1.jpg", pyramid(pixels), np.array([[400, 300, 560, 340]], np.float32), unknown_corners(1))
    far, small = metrics.far_exam(photo), metrics.small_exam(photo)
    assert max(far.pixels.shape) == 320 and small.pixels.shape == (480, 640, 3)
    np.testing.assert_allclose(far.boxes, [[160, 120, 224, 136]])
    np.testing.assert_allclose(small.boxes, 2 * far.boxes)
    for exam in (far, small):
        x1, y1, x2, y2 = exam.boxes[0].astype(int)
        assert exam.pixels[(y1 + y2) // 2, (x1 + x2) // 2, 0] > 200


def test_a_sign_that_fills_the_picture_is_a_negative() -> None:
    photo = Photo("neg_x_1.jpg", pyramid(np.full((300, 400, 3), 90, np.uint8)), np.zeros((0, 4), np.float32),
                  unknown_corners(0), empty=True)
    exam = metrics.sign_exam(np.random.default_rng(1), photo, Piece(np.zeros((40, 90, 3), np.uint8)))
    assert exam.pixels.shape == (480, 640, 3) and len(exam.boxes) == 0
    assert (exam.pixels.max(axis=2) < 60).mean() > 0.05
