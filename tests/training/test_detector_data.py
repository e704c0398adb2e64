"""Detector samples: which pictures train, where labels end up, what counts as known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the detector's training needs torch")

from edge_lpr.recognition.letterbox import PAD_GREY
from edge_lpr.training import detector_data as data
from edge_lpr.training import photographs
from edge_lpr.training.pasting import Piece

CONFIG = data.SampleConfig(soft=0.0, degrade=0.0)


def red_photo(width: int = 640, height: int = 480, name: str = "scene_x_1.jpg") -> photographs.Photo:
    pixels = np.full((height, width, 3), 60, np.uint8)
    pixels[200:230, 300:400] = (250, 0, 0)
    box = np.array([[300, 200, 400, 230]], np.float32)
    return photographs.Photo(name, photographs.pyramid(pixels), box, photographs.unknown_corners(1))


def plain_photo() -> photographs.Photo:
    levels = photographs.pyramid(np.full((300, 400, 3), 90, np.uint8))
    none = np.zeros((0, 4), np.float32)
    return photographs.Photo("neg_x_1.jpg", levels, none, photographs.unknown_corners(0), empty=True)


def green_plate() -> Piece:
    pixels = np.zeros((40, 160, 3), np.uint8)
    pixels[..., 1] = 250
    return Piece(pixels)


def stock() -> data.Stock:
    black = Piece(np.zeros((30, 60, 3), np.uint8))
    return data.Stock([red_photo()], [plain_photo()], [red_photo()], [green_plate()], [black])


@pytest.mark.parametrize("squashed", [False, True])
def test_the_label_follows_the_crop(squashed: bool) -> None:
    rng = np.random.default_rng(0)
    photo = red_photo()
    photo = replace(photo, squashed=squashed)
    seen = 0
    for _ in range(60):
        crop = data.take_crop(rng, photo, CONFIG)
        assert crop.pixels.shape == (CONFIG.height, CONFIG.width, 3)
        red = (crop.pixels[..., 0] > 190) & (crop.pixels[..., 1] < 40)
        if not crop.boxes:
            continue
        (x1, y1, x2, y2) = crop.boxes[0]
        rows, columns = np.nonzero(red)
        np.testing.assert_allclose(
            [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], [x1, y1, x2, y2], atol=2.6
        )
        seen += 1
    assert seen > 30


def test_known_corners_follow_the_crop_and_are_forgotten_where_a_plate_is_cut() -> None:
    rng = np.random.default_rng(2)
    outline = np.array([[[302, 200], [400, 204], [398, 230], [300, 226]]], np.float32)
    photo = replace(red_photo(), corners=outline)
    whole = cut = 0
    for number in range(150):
        config = replace(CONFIG, width=64) if number % 2 else CONFIG
        crop = data.take_crop(rng, photo, config)
        for box, corners in zip(crop.boxes, crop.corners, strict=True):
            if np.isnan(corners).any():
                cut += 1
                continue
            whole += 1
            share = (outline[0] - [300, 200]) / [100, 30]
            found = (corners - np.array(box[:2])) / [box[2] - box[0], box[3] - box[1]]
            np.testing.assert_allclose(found, share, atol=1e-3)
    assert whole > 40 and cut > 0


def test_a_cut_plate_is_neither_kept_nor_shown() -> None:
    rng = np.random.default_rng(0)
    for _ in range(80):
        crop = data.take_crop(rng, red_photo(), CONFIG)
        if not crop.boxes:
            strong = (crop.pixels[..., 0] > 225) & (crop.pixels[..., 1] < 12)
            assert strong.sum() < 300


def test_replaced_plates_have_corners_and_hide_the_old_ones() -> None:
    rng = np.random.default_rng(1)
    crop = data.take_crop(rng, red_photo(), CONFIG)
    while not crop.boxes or crop.boxes[0][2] - crop.boxes[0][0] < 40:
        crop = data.take_crop(rng, red_photo(), CONFIG)
    for _ in range(10):
        data.replace_plates(rng, crop, [green_plate()], 1.0)
        if not np.isnan(crop.corners[0]).any():
            break
    assert not np.isnan(crop.corners[0]).any()
    assert ((crop.pixels[..., 0] > 200) & (crop.pixels[..., 1] < 40)).sum() < 20


def test_filled_padding_brings_the_other_pictures_plates() -> None:
    crop = data.Crop(np.zeros((256, 320, 3), np.uint8), (0.0, 0.0, 100.0, 256.0))
    other = data.Crop(np.full((256, 320, 3), 200, np.uint8))
    other.boxes = [(150.0, 10.0, 200.0, 30.0), (20.0, 10.0, 70.0, 30.0), (80.0, 50.0, 120.0, 70.0)]
    other.corners = list(photographs.unknown_corners(3))
    data.fill_padding(crop, other)
    assert crop.boxes == [(150.0, 10.0, 200.0, 30.0)]
    assert (crop.pixels[:, :100] == 0).all()
    assert (crop.pixels[:, 110:] == 200).all()


def test_what_was_pasted_is_known_and_the_rest_of_a_photograph_is_not() -> None:
    crop = data.Crop(np.zeros((256, 320, 3), np.uint8), known=[(80.0, 40.0, 120.0, 60.0)])
    truth = data.truth_of(crop, empty=False)
    assert truth.unknown.shape == (32, 40)
    assert not truth.unknown[5:8, 10:16].any()
    assert truth.unknown[:4].all()
    assert not data.truth_of(crop, empty=True).unknown.any()


def test_samples_come_by_seed_and_hold_no_plate_when_they_are_negatives() -> None:
    sample = [data.compose(np.random.default_rng(3), stock(), data.SampleConfig()) for _ in range(2)]
    assert (sample[0][0] == sample[1][0]).all()
    negatives = data.SampleConfig(negatives=1.0)
    rng = np.random.default_rng(0)
    for _ in range(10):
        pixels, truth = data.compose(rng, stock(), negatives)
        assert pixels.shape == (256, 320, 3)
        assert len(truth.boxes) == 0
        assert not truth.unknown.any()


def test_batches_stack_samples() -> None:
    pictures, truths = next(data.batches(stock(), data.SampleConfig(), 3, seed=1))
    assert pictures.shape == (3, 256, 320, 3)
    assert len(truths) == 3


def test_a_cutout_is_a_small_negative_on_grey() -> None:
    rng = np.random.default_rng(3)
    config = replace(CONFIG, negatives=1.0, cutouts=1.0)
    lettered = 0
    for _ in range(20):
        pixels, truth = data.compose(rng, stock(), config)
        assert pixels.shape == (config.height, config.width, 3)
        assert len(truth.boxes) == 0 and not truth.unknown.any()
        grey = (pixels == PAD_GREY).all(axis=2)
        assert grey[-1].all() and not grey[:8, :8].all()
        lettered += bool((pixels[~grey] < 30).any())
    assert lettered > 5
