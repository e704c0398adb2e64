"""Where the reader's samples come from: drawn plates, and crops of labelled photographs for the end of a training.

No torch here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.capture.images import load_picture
from edge_lpr.errors import NetworkError
from edge_lpr.networks import open_network
from edge_lpr.networks.card import load_card
from edge_lpr.recognition.boxes import iou
from edge_lpr.recognition.detect import DetectorOptions, PlateDetector
from edge_lpr.recognition.rectify import MARGIN, READER_SIZE, lay_out, layouts, upright
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.crops import ReaderSample, non_plate, reader_sample, wrong_layout
from edge_lpr.training.degrade import degrade_crop
from edge_lpr.training.labels import LabelledPicture, PlateLabel, load_labels, with_texts
from edge_lpr.training.mix import MixConfig, mix_of
from edge_lpr.training.plates import sample_plate
from edge_lpr.training.reader_data import MAX_CHARACTERS, Sample, Source, SourceMaker

CONTEXT = 0.35
"""Shares of a plate's width and height that are kept around it, so that every draw can crop anew."""
TALLEST_PX = 96
DEV_SHARE = 5
"""One plate text in so many is held out for development."""
FINDING_THRESHOLD = 0.2
FINDING_IOU = 0.55
"""A detection counts as the labelled plate from this overlap; low scores will do, since the place is known."""
_NO_CENTRES: Floats = np.zeros(0, np.float32)


@dataclass(frozen=True)
class SyntheticConfig:
    """What the drawn samples are made of."""

    strength: tuple[float, ...] = (0.5, 1.1)
    """Range of the degradation's strength; 1 is the usual mix."""
    wrong_layout: float = 0.03
    """Share of samples in the wrong layout, to be read as nothing."""
    non_plate: float = 0.03
    """Share of samples that are no plate, to be read as nothing."""
    effects: float = 1.0
    """Scales what light and camera do, beside pose and crop; 0: nothing."""
    mix: MixConfig = field(default_factory=MixConfig)


@dataclass(frozen=True, eq=False)
class RealSample:
    """A crop of a photograph. The places of its characters are not known: `centres` is empty."""

    pixels: Pixels
    text: str
    centres: Floats


@dataclass(frozen=True, eq=False)
class RealPlate:
    """One labelled plate: `patch` uint8 RGB the plate with its surroundings, `box` x y w h of the plate in it."""

    patch: Pixels
    box: tuple[float, float, float, float]
    text: str
    region: str
    group: str

    def cut(self, rows: int, margins: tuple[float, float, float, float] = (*MARGIN, *MARGIN)) -> Pixels:
        """The reader's picture with `margins` (left, top, right, bottom; shares of width and height) around the box."""
        return lay_out(self.crop(margins), rows)

    def crop(self, margins: tuple[float, float, float, float] = (*MARGIN, *MARGIN)) -> Pixels:
        """The plate with `margins` around it, as far as the patch reaches."""
        x, y, w, h = self.box
        left, top, right, bottom = margins
        x1, y1 = max(0, round(x - left * w)), max(0, round(y - top * h))
        x2, y2 = round(x + w + right * w), round(y + h + bottom * h)
        return self.patch[y1 : max(y2, y1 + 4), x1 : max(x2, x1 + 4)]

    @property
    def layouts(self) -> tuple[int, ...]:
        """The numbers of rows that the shape allows, likeliest first."""
        return layouts(self.crop())


def synthetic_sample(rng: Generator, config: SyntheticConfig, width: int) -> ReaderSample:
    """One drawn sample, `width` x 48 pixels."""
    strength = float(rng.uniform(*config.strength))
    kind = rng.random()
    if kind < config.non_plate:
        return _fitted(non_plate(rng, strength), width)
    plate = sample_plate(rng, mix_of(config.mix))
    if kind < config.non_plate + config.wrong_layout:
        return _fitted(wrong_layout(rng, plate, strength), width)
    return _fitted(reader_sample(rng, plate, strength, config.effects), width)


def synthetic_source(config: SyntheticConfig, width: int) -> Source:
    """A source of drawn samples."""
    return partial(synthetic_sample, config=config, width=width)


def synthetic_maker(config: SyntheticConfig, width: int) -> SourceMaker:
    """What a worker process calls to make its source."""
    return partial(synthetic_source, config, width)


def _fitted(sample: ReaderSample, width: int) -> ReaderSample:
    if sample.pixels.shape[1] == width:
        return sample
    pixels = cv2.resize(sample.pixels, (width, READER_SIZE[1]), interpolation=cv2.INTER_AREA)
    return ReaderSample(np.asarray(pixels, np.uint8), sample.text, sample.centres, sample.quality)


def held_out(text: str) -> bool:
    """Whether a plate's text belongs to the development part: all pictures of one plate fall on one side."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % DEV_SHARE == 0


def check_detector(folder: Path | None) -> None:
    """Raise NetworkError when a folder that is named holds no detector."""
    if folder is not None and (task := load_card(folder).task) != "detect":
        raise NetworkError(f"{folder}: is a network to {task!r}; a detector is needed")


def load_real_plates(
    labels: Path, dev: bool, detector: Path | None = None, texts: Path | None = None
) -> list[RealPlate]:
    """The plates with text of the `use=train` rows of a label file, with the texts that `texts` adds to it: the
    development part, or the other; see `plates_of`."""
    pictures = load_labels(labels, use="train")
    if texts is not None:
        pictures = with_texts(pictures, texts)
    return plates_of(pictures, lambda plate: held_out(plate.text) == dev, detector, not dev)


def plates_of(
    pictures: Iterable[LabelledPicture], wanted: Callable[[PlateLabel], bool], detector: Path | None, twice: bool
) -> list[RealPlate]:
    """The `wanted` plates with text of pictures. With a `detector` (its folder) a plate that it finds is set upright by
    its corners, as the gate will do; with `twice` such a plate also stands there as its label's box has it."""
    find = PlateDetector(open_network(detector), DetectorOptions(threshold=FINDING_THRESHOLD)) if detector else None
    plates: list[RealPlate] = []
    for picture in pictures:
        chosen = [p for p in picture.plates if p.text and len(p.text) <= MAX_CHARACTERS and wanted(p)]
        if not chosen:
            continue
        pixels = load_picture(picture.path)
        found = find.detect(pixels) if find and not picture.is_crop else ()
        for plate in chosen:
            best = max(found, key=lambda one: iou(one.box, plate.box), default=None)
            if best is not None and iou(best.box, plate.box) >= FINDING_IOU:
                patch, box = upright(pixels, best.corners, (CONTEXT, CONTEXT))
                plates.append(RealPlate(patch, box, plate.text, plate.region, picture.group))
                if not twice:
                    continue
            patch, box = _patch(pixels, plate.box)
            plates.append(RealPlate(patch, box, plate.text, plate.region, picture.group))
    return plates


def _patch(
    pixels: Pixels, box: tuple[float, float, float, float]
) -> tuple[Pixels, tuple[float, float, float, float]]:
    """The box with its surroundings, shrunk when it is much larger than a reader needs; and the box in it."""
    x, y, w, h = box
    x1, y1 = max(0, int(x - CONTEXT * w)), max(0, int(y - CONTEXT * h))
    patch = pixels[y1 : int(y + h + CONTEXT * h) + 1, x1 : int(x + w + CONTEXT * w) + 1]
    scale = min(1.0, TALLEST_PX / h)
    if scale < 1.0:
        size = (max(4, round(patch.shape[1] * scale)), max(4, round(patch.shape[0] * scale)))
        patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(patch), ((x - x1) * scale, (y - y1) * scale, w * scale, h * scale)


def real_sample(
    rng: Generator, plate: RealPlate, rows: int, strength: float = 0.5, width: int = READER_SIZE[0]
) -> Sample:
    """A plate of a photograph in a new crop: loose margins, a slight turn, mild effects."""
    margins = tuple(float(share) for share in rng.uniform(-0.015, 0.02, 4) + 0.2 * rng.random(4) ** 2)
    crop = plate.crop((margins[0], margins[1], margins[2], margins[3]))
    height, wide = crop.shape[:2]
    if rng.random() < 0.6:
        turn = rng.normal(0.0, 0.012, (3, 2)).astype(np.float32) * (wide, height)
        corners = np.array([[0, 0], [wide, 0], [0, height]], np.float32)
        matrix = cv2.getAffineTransform(corners, (corners + turn).astype(np.float32))
        crop = np.asarray(cv2.warpAffine(crop, matrix, (wide, height), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    if rng.random() < 0.3 and height > 24:
        scale = float(rng.uniform(max(0.3, 14.0 / height), 0.9))
        small = (max(16, round(wide * scale)), max(8, round(height * scale)))
        crop = np.asarray(cv2.resize(crop, small, interpolation=cv2.INTER_AREA), np.uint8)
    crop = degrade_crop(rng, np.ascontiguousarray(crop), strength)
    return RealSample(lay_out(crop, rows, (width, READER_SIZE[1])), plate.text, _NO_CENTRES)
