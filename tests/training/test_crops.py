"""The reader's samples: shapes, truth that fits the picture, repeatability, strength."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_lpr.training.crops import LEAST_QUALITY, non_plate, reader_sample, wrong_layout
from edge_lpr.training.drawn import DrawnPlate

INK, GROUND = (10, 10, 10), (240, 240, 240)


def _plate(rows: int, region: str = "DE") -> DrawnPlate:
    """Solid blocks for characters, so that the picture itself tells where each of them is."""
    height, width, counts = (72, 340, (7,)) if rows == 1 else (110, 160, (3, 4))
    pixels = np.full((height, width, 3), GROUND, np.uint8)
    boxes, char_rows = [], []
    for row, count in enumerate(counts):
        cell = (width - 30) / count
        for index in range(count):
            x, y = int(15 + (index + 0.25) * cell), int((row + 0.2) * height / rows)
            w, h = int(cell / 2), int(0.6 * height / rows)
            cv2.rectangle(pixels, (x, y), (x + w - 1, y + h - 1), INK, -1)
            boxes.append((x, y, w, h))
            char_rows.append(row)
    return DrawnPlate(pixels, "ABC1234", rows, np.array(boxes, np.float32), np.array(char_rows, np.int64), region)


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize("strength", [0.0, 1.0, 1.5])
def test_a_sample_has_the_reader_s_shape_and_ordered_centres(rows: int, strength: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(40):
        sample = reader_sample(rng, _plate(rows), strength)
        assert sample.pixels.shape == (48, 144, 3)
        assert sample.pixels.dtype == np.uint8
        assert sample.text == "ABC1234"
        assert sample.centres.dtype == np.float32
        assert sample.centres.shape == (7,)
        assert (np.diff(sample.centres) > 0).all()
        assert sample.centres.min() >= 0 and sample.centres.max() <= 1
        assert 0 <= sample.quality <= 1


@pytest.mark.parametrize("rows", [1, 2])
def test_each_centre_lies_on_its_character(rows: int) -> None:
    rng = np.random.default_rng(2)
    hits = []
    for _ in range(40):
        sample = reader_sample(rng, _plate(rows), 0.25)
        pixels = sample.pixels.astype(int).sum(2)
        columns = np.minimum((sample.centres * 144).astype(int), 143)
        for column in columns:
            strip = pixels[10:38, max(0, column - 1) : column + 2]
            hits.append(np.median(strip) < (pixels.max() + pixels.min()) / 2)
    assert np.mean(hits) > 0.95


def test_centres_between_the_characters_are_bright() -> None:
    """The counterpart of the test above: it would fail if the truth were shifted by half a cell."""
    rng = np.random.default_rng(3)
    sample = reader_sample(rng, _plate(1), 0.0)
    gaps = ((sample.centres[1:] + sample.centres[:-1]) / 2 * 144).astype(int)
    assert (sample.pixels[20:28, gaps].mean((0, 2)) > 180).all()
    on = (sample.centres * 144).astype(int)
    assert (sample.pixels[20:28, on].mean((0, 2)) < 70).all()


def test_two_rows_are_read_top_row_left() -> None:
    sample = reader_sample(np.random.default_rng(4), _plate(2), 1.0)
    assert (sample.centres[:3] < 0.5).all()
    assert (sample.centres[3:] > 0.5).all()


def test_the_same_seed_gives_the_same_sample() -> None:
    first, second = (reader_sample(np.random.default_rng(5), _plate(1)) for _ in range(2))
    assert (first.pixels == second.pixels).all()
    assert (first.centres == second.centres).all()
    other = reader_sample(np.random.default_rng(6), _plate(1))
    assert (first.pixels != other.pixels).any()


def test_a_sample_leaves_the_drawn_plate_alone() -> None:
    plate = _plate(1)
    before = plate.pixels.copy()
    for seed in range(20):
        reader_sample(np.random.default_rng(seed), plate)
    assert (plate.pixels == before).all()


def test_strength_zero_is_an_exact_crop() -> None:
    sample = reader_sample(np.random.default_rng(7), _plate(1), 0.0)
    assert sample.quality > 0.9
    assert np.abs(np.diff(sample.centres) - np.diff(sample.centres).mean()).max() < 0.01
    assert sample.pixels[4:44, 4].min() > 150  # no margin: the plate's own ground, no surroundings


def test_most_samples_stay_legible() -> None:
    rng = np.random.default_rng(8)
    qualities = [reader_sample(rng, _plate(1)).quality for _ in range(80)]
    assert np.median(qualities) > 0.8


def test_quality_falls_with_strength_and_never_far() -> None:
    def qualities(strength: float) -> np.ndarray:
        rng = np.random.default_rng(12)
        return np.array([reader_sample(rng, _plate(1), strength).quality for _ in range(80)])

    clean, usual, harsh = qualities(0.0), qualities(1.0), qualities(2.5)
    assert clean.mean() > usual.mean() > harsh.mean()
    assert (usual < LEAST_QUALITY).mean() < 0.03


def test_a_plate_without_characters_is_allowed() -> None:
    plate = DrawnPlate(
        np.full((60, 200, 3), 200, np.uint8), "", 1, np.zeros((0, 4), np.float32), np.zeros(0, np.int64), "ZZ"
    )
    sample = reader_sample(np.random.default_rng(9), plate)
    assert sample.text == "" and sample.centres.shape == (0,)


@pytest.mark.parametrize("rows", [1, 2])
def test_a_wrong_layout_says_nothing(rows: int) -> None:
    sample = wrong_layout(np.random.default_rng(10), _plate(rows))
    assert sample.pixels.shape == (48, 144, 3)
    assert sample.text == "" and len(sample.centres) == 0


def test_non_plates_say_nothing_and_differ() -> None:
    rng = np.random.default_rng(11)
    samples = [non_plate(rng) for _ in range(30)]
    assert all(sample.pixels.shape == (48, 144, 3) and sample.text == "" for sample in samples)
    assert len({sample.pixels.tobytes() for sample in samples}) == 30
