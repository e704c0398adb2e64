"""Distractors: every kind draws, says what it covers, and differs from draw to draw."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.training import distractors

KINDS = [draw for _, draw in distractors._ALL]


@pytest.mark.parametrize("draw", KINDS, ids=lambda draw: draw.__name__)
def test_each_kind_is_a_piece_with_something_on_it(draw) -> None:
    rng = np.random.default_rng(7)
    pieces = [draw(rng) for _ in range(6)]
    for piece in pieces:
        assert piece.pixels.dtype == np.uint8
        assert piece.pixels.ndim == 3
        assert piece.pixels.shape[2] == 3
        assert min(piece.pixels.shape[:2]) >= 5
        if piece.cover is not None:
            assert piece.cover.shape == piece.pixels.shape[:2]
            assert piece.cover.max() > 60
        else:
            assert piece.pixels.std() > 0.2
    assert len({piece.pixels.tobytes() for piece in pieces}) == 6


def test_kinds_come_by_weight_and_by_seed() -> None:
    once = distractors.distractor_bank(np.random.default_rng(1), 10)
    again = distractors.distractor_bank(np.random.default_rng(1), 10)
    assert all((a.pixels == b.pixels).all() for a, b in zip(once, again, strict=True))
    assert distractors._EDGES[-1] == pytest.approx(1.0)


def test_writing_shrinks_what_does_not_fit() -> None:
    board = np.zeros((20, 30, 3), np.uint8)
    distractors.write(board, np.full((40, 200), 255, np.uint8), (5.0, 5.0), (255, 255, 255))
    inked = (board[..., 0] > 200).sum()
    assert 0 < inked < 30 * 20
