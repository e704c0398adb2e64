"""Scenes: plates stand where the labels say, on photographs and on drawn streets."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.training import scenes
from edge_lpr.training.drawn import DrawnPlate
from edge_lpr.training.scenes import SIZE, SceneSource, draw_scene


def red_plate(text: str = "AB123") -> DrawnPlate:
    pixels = np.zeros((40, 160, 3), np.uint8)
    pixels[..., 0] = 255
    count = len(text)
    return DrawnPlate(pixels, text, 1, np.zeros((count, 4), np.float32), np.zeros(count, np.int64), "ZZ")


@pytest.fixture
def clear_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenes, "degrade_scene", lambda rng, pixels, strength: pixels)


def redness(pixels: np.ndarray) -> np.ndarray:
    wide = pixels.astype(int)
    return wide[..., 0] - np.maximum(wide[..., 1], wide[..., 2])


def test_a_drawn_street_has_its_plate_where_it_says(clear_camera: None) -> None:
    found = 0
    for seed in range(6):
        scene = draw_scene(np.random.default_rng(seed), plates=[red_plate(), red_plate("CD456"), red_plate("EF789")])
        assert scene.pixels.shape == (SIZE[1], SIZE[0], 3)
        assert len(scene.boxes) == len(scene.corners) == len(scene.texts)
        for box, corners in zip(scene.boxes, scene.corners, strict=True):
            assert (box[:2] >= 0).all()
            assert (box[2:] <= SIZE).all()
            np.testing.assert_allclose(box, [*corners.min(axis=0), *corners.max(axis=0)])
            x, y = corners.mean(axis=0).astype(int)
            part = redness(scene.pixels)[y - 1 : y + 2, x - 1 : x + 2]
            assert part.min() > 15
            found += 1
    assert found >= 6


def test_a_photograph_gets_new_plates_in_the_old_places(clear_camera: None) -> None:
    ground = np.full((240, 320, 3), 120, np.uint8)
    source = SceneSource(ground, np.array([[100, 100, 180, 120], [300, 200, 330, 210]], np.float32))
    scene = draw_scene(np.random.default_rng(0), [source], [red_plate("ONE1"), red_plate("TWO2")])
    assert scene.texts == ("ONE1",), "a plate that would reach beyond the picture is left out"
    assert (ground == 120).all(), "the source is not drawn on"
    assert abs(scene.corners[0].mean(axis=0) - (140, 110)).max() < 6
    assert redness(scene.pixels)[107:113, 130:150].min() > 15


def test_the_seed_decides_everything() -> None:
    first, second, other = (draw_scene(np.random.default_rng(seed)) for seed in (4, 4, 5))
    assert (first.pixels == second.pixels).all()
    assert first.texts == second.texts
    assert (first.pixels != other.pixels).any()


def test_texts_are_plate_texts() -> None:
    texts = [text for seed in range(4) for text in draw_scene(np.random.default_rng(seed)).texts]
    assert texts
    assert all(text and text.isalnum() and text == text.upper() for text in texts)
