"""The reader's layout: one row is stretched, two rows stand side by side."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.recognition.rectify import lay_out


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (47, 143), (48, 144), (300, 900), (200, 5)])
@pytest.mark.parametrize("rows", [1, 2])
def test_any_crop_gets_the_reader_s_size(shape: tuple[int, int], rows: int) -> None:
    out = lay_out(np.full((*shape, 3), 77, np.uint8), rows)
    assert out.shape == (48, 144, 3)
    assert out.dtype == np.uint8
    assert (out == 77).all()


def test_the_top_row_stands_left_and_the_bottom_row_right() -> None:
    crop = np.zeros((100, 100, 3), np.uint8)
    crop[:50] = (200, 0, 0)
    crop[50:] = (0, 0, 200)
    out = lay_out(crop, 2)
    assert (out[:40, :72] == (200, 0, 0)).all()
    assert (out[8:, 72:] == (0, 0, 200)).all()


def test_the_parts_overlap_by_a_tenth_of_the_height() -> None:
    crop = np.zeros((100, 20, 3), np.uint8)
    crop[50] = 255
    out = lay_out(crop, 2, (144, 55))
    assert out[50, 10, 0] > 120
    assert out[5, 100, 0] > 120


def test_left_and_right_are_kept() -> None:
    crop = np.zeros((48, 144, 3), np.uint8)
    crop[:, :72] = 255
    assert (lay_out(crop, 1) == crop).all()


def test_the_size_can_be_another() -> None:
    assert lay_out(np.zeros((20, 40, 3), np.uint8), 1, (96, 48)).shape == (48, 96, 3)
    assert lay_out(np.zeros((20, 40, 3), np.uint8), 2, (95, 48)).shape == (48, 95, 3)


@pytest.mark.parametrize("rows", [0, 3])
def test_other_row_counts_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match="1 or 2"):
        lay_out(np.zeros((20, 40, 3), np.uint8), rows)
