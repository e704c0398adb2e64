"""Training samples for the detector: crops of photographs at many scales, with drawn plates and distractors set in.

A photograph is decoded once. Each sample takes a crop of it by one affine warp (scale, aspect), then plates and
distractors are pasted into the crop itself, so that a sample costs a few milliseconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_lpr.recognition.letterbox import letterbox
from edge_lpr.records import Pixels
from edge_lpr.training.degrade import degrade_scene
from edge_lpr.training.detector_crops import Crop, SampleConfig, fill_padding, smear, take_crop
from edge_lpr.training.detector_net import STRIDE, Truth
from edge_lpr.training.distractors import sample_distractor
from edge_lpr.training.pasting import LOOSE_POSE, VEHICLE_POSE, Piece, covered, hull_of, paste, posed_quad
from edge_lpr.training.photographs import Photo, enlarged_part
from edge_lpr.training.plates import sample_plate

CUTOUT_PX = (60.0, 160.0)
LETTERED_CUTOUTS = 0.75


def truth_of(crop: Crop, empty: bool) -> Truth:
    """The truth of a finished sample: where it may hold plates that nobody labelled is unknown."""
    height, width = crop.pixels.shape[:2]
    unknown: NDArray[np.bool_] = np.full((height // STRIDE, width // STRIDE), not empty)
    for x1, y1, x2, y2 in crop.known:
        rows = slice(max(0, int(y1) // STRIDE), int(y2) // STRIDE + 1)
        unknown[rows, max(0, int(x1) // STRIDE) : int(x2) // STRIDE + 1] = False
    return Truth(
        np.array(crop.boxes, np.float32).reshape(-1, 4), np.array(crop.corners, np.float32).reshape(-1, 4, 2), unknown
    )


@dataclass(frozen=True, eq=False)
class Stock:
    """What samples draw from."""

    scenes: Sequence[Photo]
    negatives: Sequence[Photo]
    drawn: Sequence[Photo]
    plates: list[Piece]
    distractors: list[Piece]


def compose(rng: Generator, stock: Stock, config: SampleConfig) -> tuple[Pixels, Truth]:
    """One training sample: picture uint8 RGB (height, width, 3) and its truth."""
    photo = _choose(rng, stock, config)
    if photo.empty and stock.distractors and rng.random() < config.cutouts:
        small = cutout(rng, photo, stock.distractors[rng.integers(len(stock.distractors))], config.degrade)
        canvas = letterbox(small, (config.width, config.height))[0]
        return canvas, truth_of(Crop(canvas), empty=True)
    frame = (0.0, 0.0, float(config.width), float(config.height))
    crop = take_crop(rng, photo, config)
    if photo.empty and rng.random() < config.enlarged:
        crop = Crop(enlarged_part(rng, photo, (config.width, config.height)), frame)
    if covered(frame, crop.inside) < 0.75 and rng.random() < config.filled:
        pool = stock.negatives if photo.empty else stock.scenes
        fill_padding(crop, take_crop(rng, pool[rng.integers(len(pool))], config))
    if photo.empty and rng.random() < 0.5:
        crop.pixels = np.ascontiguousarray(crop.pixels[:, ::-1])
    if rng.random() < config.distractors and stock.distractors:
        for _ in range(rng.integers(1, 4)):
            paste_distractor(rng, crop, stock.distractors[rng.integers(len(stock.distractors))])
    if not photo.empty:
        replace_plates(rng, crop, stock.plates, config.replaced)
        if rng.random() < config.loose:
            for _ in range(1 + int(rng.random() < 0.4)):
                paste_plate(rng, crop, stock.plates[rng.integers(len(stock.plates))], config)
    return finish(rng, crop.pixels, config), truth_of(crop, photo.empty)


def cutout(rng: Generator, photo: Photo, piece: Piece, strength: float) -> Pixels:
    """A small picture cut close around something that is no plate: a piece before a part of a negative, or such a part
    alone. With the letterbox's grey around it, its own edge is much like a plate's."""
    wide, aspect = rng.uniform(*CUTOUT_PX), rng.uniform(1.2, 3.0)
    part = enlarged_part(rng, photo, (round(wide), round(wide / aspect)))
    if rng.random() < LETTERED_CUTOUTS:
        high = part.shape[0]
        across = min(wide, high * piece.aspect) * rng.uniform(0.7, 1.5)
        centre = (wide * rng.uniform(0.35, 0.65), high * rng.uniform(0.35, 0.65))
        paste(part, piece, posed_quad(rng, centre, across, piece.aspect, LOOSE_POSE), rng, lit=rng.random() < 0.5)
        if rng.random() < 0.5:
            part = np.asarray(cv2.cvtColor(cv2.cvtColor(part, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB), np.uint8)
    return degrade_scene(rng, part, strength)


def _choose(rng: Generator, stock: Stock, config: SampleConfig) -> Photo:
    draw = rng.random()
    if draw < config.negatives and stock.negatives:
        pool = stock.negatives
    elif draw < config.negatives + config.drawn and stock.drawn:
        pool = stock.drawn
    else:
        pool = stock.scenes
    return pool[rng.integers(len(pool))]


def paste_plate(rng: Generator, crop: Crop, plate: Piece, config: SampleConfig) -> None:
    """Set a plate anywhere into the crop, on no other plate."""
    height, width = crop.pixels.shape[:2]
    low, high = config.plate_px
    for _ in range(4):
        wide = low * (high / low) ** rng.random()
        aspect = plate.aspect * float(np.exp(rng.normal(0, 0.08)))
        quad = posed_quad(rng, (rng.uniform(0, width), rng.uniform(0, height)), wide, aspect, LOOSE_POSE)
        box = hull_of(quad)
        inside = box[0] >= 0 and box[1] >= 0 and box[2] <= width and box[3] <= height
        if inside and not any(covered(b, box) > 0 for b in crop.boxes) and paste(crop.pixels, plate, quad, rng):
            crop.add(quad)
            return


def replace_plates(rng: Generator, crop: Crop, plates: Sequence[Piece], chance: float) -> None:
    """Cover labelled plates by drawn ones of about their shape, where they hang on their vehicles."""
    for n, (x1, y1, x2, y2) in enumerate(list(crop.boxes)):
        if rng.random() >= chance or x2 - x1 < 12:
            continue
        wanted = (x2 - x1) / max(y2 - y1, 1.0)
        tries = [plates[rng.integers(len(plates))] for _ in range(8)]
        plate = min(tries, key=lambda p: abs(np.log(p.aspect / wanted)))
        centre = ((x1 + x2) / 2, (y1 + y2) / 2)
        # As wide as it takes to hide the old plate, whose rim must not show.
        wide = max(x2 - x1, (y2 - y1) * plate.aspect) * rng.uniform(1.04, 1.25)
        quad = posed_quad(rng, centre, wide, plate.aspect, VEHICLE_POSE)
        box = hull_of(quad)
        if box[0] < 0 or box[1] < 0 or box[2] > crop.pixels.shape[1] or box[3] > crop.pixels.shape[0]:
            continue
        smear(crop.pixels, (x1, y1, x2, y2))
        if paste(crop.pixels, plate, quad, rng):
            crop.boxes[n], crop.corners[n] = box, quad


def paste_distractor(rng: Generator, crop: Crop, piece: Piece) -> None:
    """Set something that is no plate anywhere into the crop; labelled plates under it are gone."""
    height, width = crop.pixels.shape[:2]
    wide = 25.0 * 14.0 ** rng.random()
    quad = posed_quad(rng, (rng.uniform(0, width), rng.uniform(0, height)), wide, piece.aspect, LOOSE_POSE)
    box = hull_of(quad)
    if any(covered(b, box) > 0 for b in crop.boxes) and rng.random() < 0.9:
        return
    if paste(crop.pixels, piece, quad, rng, lit=rng.random() < 0.85):
        crop.forget_under(box)
        crop.known.append(box)


def finish(rng: Generator, pixels: Pixels, config: SampleConfig) -> Pixels:
    """The composed crop through lens, sensor and compressor."""
    height, width = pixels.shape[:2]
    if rng.random() >= config.soft:
        return degrade_scene(rng, pixels, config.degrade)
    # A small picture that the letterbox enlarges: its faults are enlarged with it.
    factor = rng.uniform(1.3, 2.6)
    small = cv2.resize(pixels, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    small = degrade_scene(rng, np.asarray(small, np.uint8), config.degrade)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


Batch = tuple[NDArray[np.uint8], list[Truth]]
"""Pictures uint8 (N, height, width, 3) and their truths."""


def batches(stock: Stock, config: SampleConfig, size: int, seed: int) -> Iterator[Batch]:
    """Endless batches of `size` samples; the plates and distractors of the stock are slowly replaced by new ones."""
    rng = np.random.default_rng(seed)
    for number in itertools.count():
        if number % config.renew_every == 0:
            renew(rng, stock)
        samples = [compose(rng, stock, config) for _ in range(size)]
        yield np.stack([s[0] for s in samples]), [s[1] for s in samples]


def renew(rng: Generator, stock: Stock) -> None:
    """Draw one plate and one distractor of the stock anew."""
    if stock.plates:
        stock.plates[rng.integers(len(stock.plates))] = plate_piece(rng)
    if stock.distractors:
        stock.distractors[rng.integers(len(stock.distractors))] = sample_distractor(rng)


def plate_piece(rng: Generator) -> Piece:
    """A drawn plate of any country."""
    return Piece(sample_plate(rng).pixels)
