"""Things set into pictures: where they land, what they hide, how large they are."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.training.pasting import LOOSE_POSE, VEHICLE_POSE, Piece, hull_of, paste, posed_quad

SQUARE = np.array([[20, 10], [60, 10], [60, 30], [20, 30]], np.float32)


def grey_picture() -> np.ndarray:
    return np.full((80, 100, 3), 100, np.uint8)


def test_an_unlit_piece_fills_its_quad_and_nothing_else() -> None:
    picture = grey_picture()
    red = np.zeros((40, 80, 3), np.uint8)
    red[..., 0] = 250
    assert paste(picture, Piece(red), SQUARE, np.random.default_rng(3), lit=False)
    assert abs(picture[13:27, 23:57].astype(int) - (250, 0, 0)).max() <= 1
    outside = np.ones((80, 100), bool)
    outside[7:34, 17:64] = False
    assert (picture[outside] == 100).all()


def test_corners_keep_their_order_under_the_warp() -> None:
    quad = np.array([[20, 15], [70, 5], [75, 50], [15, 45]], np.float32)
    piece = np.zeros((40, 60, 3), np.uint8)
    colours = {(0, 0): 60, (0, 30): 120, (20, 30): 180, (20, 0): 240}  # a quarter each, clockwise from the top left
    for (y, x), level in colours.items():
        piece[y : y + 20, x : x + 30] = level
    picture = grey_picture()
    paste(picture, Piece(piece), quad, np.random.default_rng(0), lit=False)
    middle = quad.mean(axis=0)
    for corner, level in zip(quad, colours.values(), strict=True):
        x, y = (0.6 * corner + 0.4 * middle).astype(int)
        assert abs(int(picture[y, x, 0]) - level) < 12


def test_cover_shows_the_ground() -> None:
    cover = np.zeros((40, 80), np.uint8)
    cover[:, 40:] = 255
    picture = grey_picture()
    paste(picture, Piece(np.zeros((40, 80, 3), np.uint8), cover), SQUARE, np.random.default_rng(1), lit=False)
    assert (picture[14:26, 24:36] == 100).all()
    assert (picture[14:26, 44:56] == 0).all()


@pytest.mark.parametrize("shift", [(200, 0), (-90, 0), (0, 100), (0, -60)])
def test_a_quad_outside_changes_nothing(shift: tuple[int, int]) -> None:
    picture = grey_picture()
    white = Piece(np.full((10, 20, 3), 255, np.uint8))
    assert not paste(picture, white, (SQUARE + shift).astype(np.float32), np.random.default_rng(0))
    assert (picture == 100).all()


def test_a_plate_is_darker_on_a_dark_car() -> None:
    levels = []
    for ground in (25, 200):
        picture = np.full((80, 100, 3), ground, np.uint8)
        paste(picture, Piece(np.full((20, 40, 3), 230, np.uint8)), SQUARE, np.random.default_rng(5))
        levels.append(picture[15:25, 30:50].mean())
    assert levels[0] + 40 < levels[1]


@pytest.mark.parametrize("pose", [VEHICLE_POSE, LOOSE_POSE])
def test_posed_quads_have_the_asked_width_and_are_convex(pose) -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        quad = posed_quad(rng, (50.0, 40.0), 80.0, rng.uniform(0.8, 6), pose)
        x1, y1, x2, y2 = hull_of(quad)
        assert x2 - x1 == pytest.approx(80.0, abs=0.01)
        edges = np.roll(quad, -1, axis=0) - quad
        after = np.roll(edges, -1, axis=0)
        assert (edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0] > 0).all()
        assert quad[1, 0] > quad[0, 0]
        assert quad[3, 1] > quad[0, 1]
