"""What light, weather, lens, sensor and compressor do to a picture, as fast effects on uint8 RGB pictures.

Each effect takes and returns uint8 (h, w, 3) and is listed once with its chance in CROP_EFFECTS or SCENE_EFFECTS. Most
real plate crops are cleaner than one expects, and a reader trained on hard pictures only reads worse: the median
sample stays mild, and `strength` scales every chance and every size (0 leaves the picture as it is).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge_lpr.records import Pixels
from edge_lpr.training import camera, light

Apply = Callable[[np.random.Generator, Pixels, float], Pixels]


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect: it happens with `chance` (at strength 1); `apply(rng, pixels, strength)` returns the new picture."""

    name: str
    chance: float
    apply: Apply


def degrade_crop(rng: np.random.Generator, pixels: Pixels, strength: float = 1.0) -> Pixels:
    """A clean plate crop at camera resolution (uint8 RGB) as a camera would have seen it; the same shape."""
    return _run(rng, pixels, CROP_EFFECTS, strength * _severity(rng))


def degrade_scene(rng: np.random.Generator, picture: Pixels, strength: float = 1.0) -> Pixels:
    """A whole scene (uint8 RGB, such as 640x480) under other light and through another camera; the same shape."""
    return _run(rng, picture, SCENE_EFFECTS, strength * _severity(rng))


def _severity(rng: np.random.Generator) -> float:
    """How bad this one picture's luck is, 0.3 to 1.4 with a median of 0.58: most are good in all respects at once, a
    few bad in several."""
    return 0.3 + 1.1 * float(rng.random()) ** 2


def _run(rng: np.random.Generator, pixels: Pixels, effects: tuple[Effect, ...], strength: float) -> Pixels:
    chances = rng.random(len(effects))
    for effect, chance in zip(effects, chances, strict=True):
        if chance < effect.chance * strength:
            pixels = effect.apply(rng, pixels, strength)
    return pixels


CROP_EFFECTS = (
    Effect("emboss", 0.1, light.emboss),
    Effect("uneven_light", 0.2, light.uneven_light),
    Effect("hard_shadow", 0.08, light.hard_shadow),
    Effect("dirt", 0.12, light.dirt),
    Effect("scratches", 0.06, light.scratches),
    Effect("glare", 0.07, light.glare),
    Effect("lamp_beside", 0.04, light.lamp_beside),
    Effect("rain", 0.03, light.rain),
    Effect("pink_cast", 0.025, camera.pink_cast),
    Effect("saturation", 0.12, camera.saturation),
    Effect("infrared", 0.1, camera.infrared),
    Effect("grey", 0.35, camera.grey),
    Effect("bloom", 0.07, light.bloom),
    Effect("overexposure", 0.12, light.overexposure),
    Effect("defocus", 0.17, camera.defocus),
    Effect("motion_blur", 0.1, camera.motion_blur),
    Effect("ghost", 0.025, camera.ghost),
    Effect("night", 0.16, camera.night),
    Effect("flat_contrast", 0.13, camera.flat_contrast),
    Effect("tone", 0.6, camera.tone),
    Effect("noise", 0.3, camera.noise),
    Effect("lower_resolution", 0.1, camera.lower_resolution),
    Effect("sharpen", 0.15, camera.sharpen),
    Effect("jpeg", 0.5, camera.jpeg),
)
"""What befalls a plate crop, in the order of nature: surface, light, colour, lens, sensor, compressor."""

SCENE_EFFECTS = (
    Effect("uneven_light", 0.15, light.uneven_light),
    Effect("hard_shadow", 0.06, light.hard_shadow),
    Effect("glare", 0.06, light.glare),
    Effect("lamp_beside", 0.04, light.lamp_beside),
    Effect("saturation", 0.25, camera.saturation),
    Effect("pink_cast", 0.07, camera.pink_cast),
    Effect("colour_twist", 0.2, camera.colour_twist),
    Effect("infrared", 0.05, camera.infrared),
    Effect("grey", 0.12, camera.grey),
    Effect("scene_defocus", 0.12, camera.scene_defocus),
    Effect("scene_motion_blur", 0.08, camera.scene_motion_blur),
    Effect("night", 0.07, camera.night),
    Effect("dark", 0.1, camera.dark),
    Effect("flat_contrast", 0.07, camera.flat_contrast),
    Effect("tone", 0.6, camera.tone),
    Effect("noise", 0.25, camera.noise),
    Effect("lower_resolution", 0.1, camera.lower_resolution),
    Effect("jpeg", 0.35, camera.jpeg),
)
"""What befalls a whole scene, in the same order."""
