"""Surroundings: the plate stays where it was put and the banks are sound."""

from __future__ import annotations

import numpy as np

from edge_lpr.training import surround, textures
from edge_lpr.training.wording import word_mask


def test_the_plate_lies_untouched_inside_its_surroundings_but_for_frames_over_its_rim() -> None:
    rng = np.random.default_rng(1)
    plate = rng.integers(0, 255, (60, 240, 3)).astype(np.uint8)
    for _ in range(60):
        canvas = surround.mount(rng, plate, (30, 20, 40, 25))
        assert canvas.shape == (105, 310, 3)
        rim = 4  # an overlaid frame covers at most 5% of the height
        assert (canvas[20 + rim : 80 - rim, 30 + rim : 270 - rim] == plate[rim:-rim, rim:-rim]).all()


def test_surroundings_vary() -> None:
    rng = np.random.default_rng(2)
    plate = np.full((40, 160, 3), 230, np.uint8)
    means = [surround.mount(rng, plate, (20, 20, 20, 20))[:18].mean() for _ in range(40)]
    assert np.std(means) > 25


def test_words_are_cut_at_the_canvas_and_change_it() -> None:
    rng = np.random.default_rng(3)
    canvas = np.zeros((30, 60, 3), np.uint8)
    for x in (-100, -20, 0, 50, 100):
        for y in (-40, -5, 0, 25, 60):
            surround.paste_words(rng, canvas, (x, y, 60, 20), (255, 255, 255))
    assert canvas.max() > 100


def test_words_too_small_to_show_are_left_out() -> None:
    canvas = np.zeros((30, 60, 3), np.uint8)
    surround.paste_words(np.random.default_rng(4), canvas, (0, 0, 60, 3), (255, 255, 255))
    assert canvas.max() == 0


def test_word_masks_are_ink_edge_to_edge() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        mask = word_mask(rng)
        assert mask.dtype == np.uint8 and mask.ndim == 2
        assert mask[:, : mask.shape[1] // 4].max() > 60 and mask[:, -mask.shape[1] // 4 :].max() > 60


def test_banks_are_made_once_and_hold_the_whole_range() -> None:
    assert surround.panels() is surround.panels()
    assert len(surround.panels()) == surround.PANEL_COUNT
    for fields in (textures.smooth_fields(), textures.dirt_fields()):
        assert all(field.min() == 0 and field.max() >= 250 and field.shape[2] == 3 for field in fields)


def test_noise_windows_fit_pictures_of_any_size() -> None:
    rng = np.random.default_rng(6)
    for size in ((8, 16), textures.NOISE_SIZE, (700, 900)):
        assert textures.noise_window(rng, *size).shape == (*size, 3)
