"""Every effect keeps shape and type, does something, and leaves its input alone."""

from __future__ import annotations

import numpy as np
import pytest

from edge_lpr.training.degrade import CROP_EFFECTS, SCENE_EFFECTS, Effect, degrade_crop, degrade_scene

BY_NAME = {effect.name: effect for effect in CROP_EFFECTS + SCENE_EFFECTS}


def _picture(height: int = 32, width: int = 96) -> np.ndarray:
    """Coloured stripes with grey between: edges and colours for every effect to work on."""
    picture = np.full((height, width, 3), 128, np.uint8)
    picture[:, ::8] = (220, 40, 60)
    picture[:, 4::8] = (30, 30, 200)
    return picture


@pytest.mark.parametrize("effect", BY_NAME.values(), ids=BY_NAME.keys())
@pytest.mark.parametrize("size", [(8, 16), (33, 97), (120, 200)])
def test_an_effect_keeps_the_shape_and_changes_the_picture(effect: Effect, size: tuple[int, int]) -> None:
    picture = _picture(*size)
    before = picture.copy()
    changed = False
    for seed in range(4):
        out = effect.apply(np.random.default_rng(seed), picture, 1.0)
        assert out.shape == picture.shape
        assert out.dtype == np.uint8
        changed |= bool((out != before).any())
    assert (picture == before).all()
    assert changed


@pytest.mark.parametrize("degrade", [degrade_crop, degrade_scene])
def test_strength_zero_changes_nothing_and_one_is_repeatable(degrade) -> None:  # type: ignore[no-untyped-def]
    picture = _picture(96, 128)
    assert (degrade(np.random.default_rng(1), picture, 0.0) == picture).all()
    first, second = (degrade(np.random.default_rng(2), picture, 1.0) for _ in range(2))
    assert (first == second).all()


def test_the_stronger_the_further_from_the_clean_picture() -> None:
    picture = _picture()

    def distance(strength: float) -> float:
        rng = np.random.default_rng(3)
        return float(
            np.mean([np.abs(degrade_crop(rng, picture, strength).astype(int) - picture).mean() for _ in range(80)])
        )

    assert distance(0.3) < distance(1.0) < distance(2.0)


@pytest.mark.parametrize("name", ["grey", "infrared"])
def test_grey_cameras_see_no_colour(name: str) -> None:
    out = BY_NAME[name].apply(np.random.default_rng(4), _picture(), 1.0)
    assert (out[..., 0] == out[..., 1]).all() and (out[..., 1] == out[..., 2]).all()


@pytest.mark.parametrize("name", ["defocus", "motion_blur", "scene_defocus", "scene_motion_blur"])
def test_blur_lessens_detail_and_keeps_the_brightness(name: str) -> None:
    picture = _picture()
    for seed in range(5):
        out = BY_NAME[name].apply(np.random.default_rng(seed), picture, 1.5)
        assert out.std() <= picture.std() + 0.5
        assert abs(float(out.mean()) - float(picture.mean())) < 4


def test_noise_has_no_bias() -> None:
    flat = np.full((200, 200, 3), 120, np.uint8)
    outs = [BY_NAME["noise"].apply(np.random.default_rng(seed), flat, 1.0) for seed in range(8)]
    assert abs(float(np.mean(outs)) - 120) < 1
    assert all(0.5 < out.std() < 20 for out in outs)
