"""The default calibration and proof pictures: drawn from a seed, so that a fresh device needs no photographs.

Only the parts of `training/` that need neither torch nor a photograph are used.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from edge_lpr.records import Pixels
from edge_lpr.training.labels import PlateLabel
from edge_lpr.training.plates import PlateMix
from edge_lpr.training.sample_folder import plate_sample, sample_rng, scene_sample

CALIBRATION_SEED, PROOF_SEED = 20, 21
"""Pictures that set the ranges never judge them."""
STRENGTHS = (0.2, 1.0)
"""Camera faults, drawn for each picture: clear noon to rain at night."""
_QUALITY = 92


@dataclass(frozen=True, eq=False)
class DrawnPicture:
    """A drawn picture uint8 RGB (H, W, 3) and its plates."""

    pixels: Pixels
    plates: tuple[PlateLabel, ...]


def drawn_plates(count: int, seed: int) -> Iterator[DrawnPicture]:
    """Plates as the reader is shown them, 144 x 48."""
    mix = PlateMix()
    for number in range(count):
        rng = sample_rng(seed, number)
        sample = plate_sample(rng, mix, float(rng.uniform(*STRENGTHS)))
        yield DrawnPicture(sample.pixels, sample.plates)


def drawn_scenes(count: int, seed: int, cache: Path | None = None) -> Iterator[DrawnPicture]:
    """Streets with plates, through a JPEG as any camera's; `cache` keeps them for the next run (20 times as fast)."""
    mix = PlateMix()
    for number in range(count):
        path = cache / f"scene_{seed}_{number:05d}.npz" if cache else None
        if path is None or not path.is_file():
            content, plates = _drawn_scene(seed, number, mix)
            if path is not None:
                _keep(path, content, plates)
        else:
            content, plates = _kept(path)
        with Image.open(io.BytesIO(content)) as image:
            yield DrawnPicture(np.asarray(image.convert("RGB"), np.uint8), plates)


def _drawn_scene(seed: int, number: int, mix: PlateMix) -> tuple[bytes, tuple[PlateLabel, ...]]:
    rng = sample_rng(seed, number)
    sample = scene_sample(rng, mix, float(rng.uniform(*STRENGTHS)))
    buffer = io.BytesIO()
    Image.fromarray(sample.pixels).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue(), sample.plates


def _keep(path: Path, content: bytes, plates: tuple[PlateLabel, ...]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    boxes = np.array([plate.box for plate in plates], np.float64).reshape(-1, 4)
    unfinished = path.with_suffix(".tmp.npz")
    np.savez(unfinished, jpeg=np.frombuffer(content, np.uint8), boxes=boxes,
             texts=np.array([plate.text for plate in plates], str), regions=np.array([p.region for p in plates], str))
    unfinished.replace(path)


def _kept(path: Path) -> tuple[bytes, tuple[PlateLabel, ...]]:
    with np.load(path) as kept:
        rows = zip(kept["boxes"].tolist(), kept["texts"].tolist(), kept["regions"].tolist(), strict=True)
        plates = tuple(PlateLabel((box[0], box[1], box[2], box[3]), text, region) for box, text, region in rows)
        return kept["jpeg"].tobytes(), plates
