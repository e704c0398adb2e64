"""What feeds the reader's training: seeded batches, worker processes, the pool of used samples, jitter. No torch."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from edge_lpr.errors import EdgeLprError
from edge_lpr.training.reader_data import Feed, Pool, Sample, Source, draw_batch, jitter
from tests.training.letter_cases import draw, make_source


def make_broken_source() -> Source:
    def fail(rng: Generator) -> Sample:
        raise RuntimeError("no ink")

    return fail


def test_batches_depend_on_the_seed_alone() -> None:
    one, same, other = (draw_batch(draw, 3, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert np.array_equal(one.pixels, same.pixels) and np.array_equal(one.classes, same.classes)
    assert not np.array_equal(one.pixels, other.pixels)


def test_feed_from_a_worker_gives_what_no_worker_gives() -> None:
    alone, worked = Feed(make_source, 2, seed=5, workers=0), Feed(make_source, 2, seed=5, workers=1)
    try:
        for _ in range(3):
            assert np.array_equal(next(alone).pixels, next(worked).pixels)
    finally:
        worked.close()


def test_a_broken_source_ends_the_training() -> None:
    with pytest.raises(RuntimeError, match="no ink"):
        draw_batch(make_broken_source(), 4, (1,))
    feed = Feed(make_broken_source, 2, seed=5, workers=1)
    try:
        with pytest.raises(EdgeLprError, match="no ink"):
            next(feed)
    finally:
        feed.close()


def test_pool_keeps_the_latest_samples() -> None:
    pool = Pool(4)
    with pytest.raises(ValueError, match="empty"):
        pool.draw(default_rng(0), 1)
    batches = [draw_batch(draw, 3, (number,)) for number in range(3)]
    for batch in batches:
        pool.add(batch)
    recent = {p.tobytes() for batch in batches[1:] for p in batch.pixels}
    drawn = pool.draw(default_rng(0), 50)
    assert {p.tobytes() for p in drawn.pixels} <= recent and len(drawn) == 50


def test_jitter_moves_the_centres_with_the_picture() -> None:
    rng = default_rng(2)
    for number in range(20):
        batch = draw_batch(draw, 1, (4, number))
        moved = jitter(batch, rng)
        shift = int(np.rint((moved.centres[0, 0] - batch.centres[0, 0]) * 144))
        assert abs(shift) <= 3 and np.array_equal(moved.classes, batch.classes)
        before, after = (p[0].mean(axis=(0, 2))[12:-12] for p in (batch.pixels, np.roll(moved.pixels, -shift, axis=2)))
        assert np.corrcoef(before, after)[0, 1] > 0.5
        assert not np.array_equal(moved.pixels, batch.pixels)
