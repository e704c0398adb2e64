"""Drawn plates and scenes as a folder of pictures with labels: `images/`, `labels.csv` and a contact sheet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image

from edge_lpr.recognition.plate_format import PlateFormat
from edge_lpr.records import Pixels
from edge_lpr.training.contact_sheet import Tile, contact_sheet
from edge_lpr.training.crops import reader_sample
from edge_lpr.training.labels import COLUMNS, PlateLabel
from edge_lpr.training.plates import PlateMix, sample_plate
from edge_lpr.training.scenes import SceneSource, draw_scene

SHEET_TILES = 120
PREVIEW_STRENGTH = 0.8
PLATES_A_SCENE = 3
"""A scene is given so many plates to choose from: it has no more vehicles."""
_JPEG_QUALITY = 92


@dataclass(frozen=True, eq=False)
class Sample:
    """A drawn picture uint8 RGB (H, W, 3) of a `kind` ('crop', 'scene', or 'neg' without a plate) and its plates."""

    kind: str
    pixels: Pixels
    plates: tuple[PlateLabel, ...]


def sample_rng(seed: int, number: int) -> Generator:
    """The generator of sample `number`: each sample is the same whatever was drawn before it."""
    return np.random.default_rng([seed, number])


def plate_sample(rng: Generator, mix: PlateMix, strength: float) -> Sample:
    """One plate as the reader is shown it, 144 x 48; `strength` 0 is the clean plate as it was drawn."""
    plate = sample_plate(rng, mix)
    pixels = reader_sample(rng, plate, strength).pixels if strength > 0 else plate.pixels
    box = (0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))
    return Sample("crop", pixels, (PlateLabel(box, plate.text, plate.region),))


def scene_sample(rng: Generator, mix: PlateMix, strength: float, source: SceneSource | None = None) -> Sample:
    """A scene with plates of the mix, on the vehicles of a photograph or in a drawn street."""
    plates = [sample_plate(rng, mix) for _ in range(max(PLATES_A_SCENE, len(source.boxes) if source else 0))]
    scene = draw_scene(rng, [source] if source else None, plates, strength)
    region_of = {plate.text: plate.region for plate in plates}
    labels = tuple(
        PlateLabel((float(x1), float(y1), float(x2 - x1), float(y2 - y1)), text, region_of.get(text, ""))
        for (x1, y1, x2, y2), text in zip(scene.boxes, scene.texts, strict=True)
    )
    return Sample("scene" if labels else "neg", scene.pixels, labels)


def preview_tiles(formats: Sequence[PlateFormat], count: int, seed: int) -> list[Tile]:
    """`count` plates of formats, by their weights: each as it is drawn, and beside it as a camera shows it."""
    mix = PlateMix(formats=formats)
    tiles = []
    for number in range(count):
        rng = sample_rng(seed, number)
        plate = sample_plate(rng, mix)
        tiles.append(Tile(plate.pixels, (f"{plate.region} {plate.text}",)))
        tiles.append(Tile(reader_sample(rng, plate, PREVIEW_STRENGTH).pixels, ("as read",)))
    return tiles


def write_samples(samples: Iterable[Sample], folder: Path) -> Iterator[Sample]:
    """Write samples as they come, and pass them on; at the end the contact sheet `sheet.png`.

    Crops are PNG, scenes JPEG. `labels.csv` has the columns of `labels.COLUMNS` and is whole after each sample.
    """
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    tiles: list[Tile] = []
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for number, sample in enumerate(samples):
            name = f"{sample.kind}_synth_{number:06d}.{'png' if sample.kind == 'crop' else 'jpg'}"
            Image.fromarray(sample.pixels).save(images / name, quality=_JPEG_QUALITY)
            writer.writerows(_rows(f"images/{name}", sample))
            file.flush()
            if number < SHEET_TILES:
                texts = " ".join(plate.text for plate in sample.plates) or "no plate"
                tiles.append(Tile(sample.pixels, (f"{number} {texts}",)))
            yield sample
    scenes = any(tile.pixels.shape[0] > 300 for tile in tiles)
    sheet = contact_sheet(tiles, columns=6 if scenes else 8, size=(320, 240) if scenes else (216, 72))
    Image.fromarray(sheet).save(folder / "sheet.png")


def _rows(image: str, sample: Sample) -> list[tuple[str, ...]]:
    about = ("edge_lpr synth", "Apache-2.0", "train")
    if not sample.plates:
        return [(image, "", "", "", "", "", "", *about)]
    return [(image, *(f"{value:.1f}" for value in one.box), one.text, one.region, *about) for one in sample.plates]
