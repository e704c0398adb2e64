"""Short clips made from labelled photographs: a vehicle drives up while light, focus and the sensor's noise play.

The plate's surroundings are shrunk so that the plate grows from FAR_PX to NEAR_PX across the clip: a camera whose
single frames are mostly not legible, which is what evidence over frames is for. What belongs to the scene (light, dirt,
a grey or a night camera) is drawn once a clip and shared by its frames; blur, noise, exposure and the compressor's
blocks are drawn for each. Frames are not independent therefore, as they are not in reality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator, default_rng

from edge_lpr.capture.images import load_picture
from edge_lpr.recognition.boxes import Box, iou
from edge_lpr.recognition.recognise import PlateRecogniser
from edge_lpr.records import Arrival, Pixels, Sighting
from edge_lpr.training import camera, light
from edge_lpr.training.degrade import Effect
from edge_lpr.training.labels import LabelledPicture, PlateLabel
from edge_lpr.training.photographs import pyramid
from edge_lpr.training.textures import between, log_between

SIZE = (640, 480)
FPS = 12.0
FRAMES = 17
FAR_PX, NEAR_PX = (27.0, 33.0), (48.0, 56.0)
"""Ranges of the plate's width in the first and in the last frame."""
LEAST_PLATE_PX = 56.0
"""A photograph whose plate is narrower would have to be enlarged."""
SHAKE = 0.01
"""Standard deviation of the plate's place around its line of motion, in plate widths."""
MATCH_IOU = 0.3
"""A detection overlapping the true plate so much is the plate: they are small, and a pixel counts."""

SHARED_EFFECTS = (
    Effect("hard_shadow", 0.15, light.hard_shadow),
    Effect("dirt", 0.15, light.dirt),
    Effect("grey", 0.3, camera.grey),
    Effect("night", 0.12, camera.night),
    Effect("flat_contrast", 0.2, camera.flat_contrast),
    Effect("tone", 0.6, camera.tone),
)
"""Drawn once a clip, on the photograph around the plate."""


@dataclass(frozen=True)
class Drive:
    """One clip as the gate has seen it: its plate and all sightings of it in one arrival."""

    group: str
    text: str
    region: str
    arrival: Arrival
    frames: int


def drives(
    pictures: Sequence[LabelledPicture], recogniser: PlateRecogniser, per_plate: int, seed: int
) -> Iterator[Drive]:
    """`per_plate` clips of each plate with a text in `pictures` that is wide enough, through detector and reader.

    A clip depends on `seed`, the picture's name and its number only.
    """
    for picture in pictures:
        wanted = [] if picture.is_crop else [plate for plate in picture.plates if usable(plate)]
        pixels = load_picture(picture.path) if wanted else None
        for plate in wanted:
            assert pixels is not None
            for number in range(per_plate):
                name = [ord(char) for char in picture.path.name]
                yield _driven(default_rng([seed, number, *name]), picture.group, plate, pixels, recogniser)


def usable(plate: PlateLabel) -> bool:
    """Whether a plate has a text and is wide enough to be shrunk."""
    return bool(plate.text) and plate.box[2] >= LEAST_PLATE_PX


def clip_frames(rng: Generator, pixels: Pixels, box: Box) -> Iterator[tuple[Pixels, Box]]:
    """The frames of one clip, uint8 RGB (480, 640, 3), and the plate's box in each."""
    window, place = _window(pixels, box)
    for effect in SHARED_EFFECTS:
        if rng.random() < effect.chance:
            window = effect.apply(rng, window, 0.8)
    levels = pyramid(window)
    far, near = between(rng, *FAR_PX), between(rng, *NEAR_PX)
    start, end = (np.array([between(rng, 0.3, 0.7), between(rng, 0.35, 0.65)]) * SIZE for _ in range(2))
    for at in range(FRAMES):
        share = at / (FRAMES - 1)
        width = 1 / (1 / far + (1 / near - 1 / far) * share)
        centre = start + (end - start) * share + rng.normal(0, SHAKE * width, 2)
        frame, shown = _placed(levels, place, width, (float(centre[0]), float(centre[1])))
        yield _exposed(rng, frame), shown


def _driven(
    rng: Generator, group: str, plate: PlateLabel, pixels: Pixels, recogniser: PlateRecogniser
) -> Drive:
    seen = []
    for at, (frame, shown) in enumerate(clip_frames(rng, pixels, plate.box)):
        best = _of_plate(recogniser.recognise(frame, at / FPS, at), shown)
        seen += [best] if best is not None else []
    arrival = Arrival(f"{group}-{plate.text}", "clip", 0.0, (FRAMES - 1) / FPS, seen)
    return Drive(group, plate.text, plate.region, arrival, FRAMES)


def _of_plate(sightings: Sequence[Sighting], box: Box) -> Sighting | None:
    best = max(sightings, key=lambda one: iou(one.crop.detection.box, box), default=None)
    return best if best is not None and iou(best.crop.detection.box, box) >= MATCH_IOU else None


def _window(pixels: Pixels, box: Box) -> tuple[Pixels, Box]:
    """The photograph around the plate, as far as a frame will show it, at most 4 times as large; and the box in it."""
    x, y, w, h = box
    reach = w * SIZE[0] / FAR_PX[0]
    x1, y1 = max(0, int(x - reach)), max(0, int(y - reach))
    part = pixels[y1 : int(y + h + reach), x1 : int(x + w + reach)]
    scale = min(1.0, 4 * NEAR_PX[1] / w)
    if scale < 1.0:
        size = max(8, round(part.shape[1] * scale)), max(8, round(part.shape[0] * scale))
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return np.ascontiguousarray(part), ((x - x1) * scale, (y - y1) * scale, w * scale, h * scale)


def _placed(
    levels: Sequence[Pixels], box: Box, width_px: float, centre: tuple[float, float]
) -> tuple[Pixels, Box]:
    """A frame whose plate is `width_px` wide and has its middle at `centre`; beyond the window it is mirrored."""
    scale = width_px / box[2]
    level = max(at for at in range(len(levels)) if scale * 2**at <= 1.0 or at == 0)
    middle = (box[0] + box[2] / 2) / 2**level, (box[1] + box[3] / 2) / 2**level
    zoom = scale * 2**level
    source = levels[level]
    if zoom < 1.0:  # what is left to shrink, at most by half, would alias a little
        source = np.asarray(cv2.GaussianBlur(source, (0, 0), max(0.3, 0.45 * (1 / zoom - 1) + 0.2)), np.uint8)
    matrix = np.array([[zoom, 0, centre[0] - middle[0] * zoom], [0, zoom, centre[1] - middle[1] * zoom]])
    frame = cv2.warpAffine(source, matrix, SIZE, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    height_px = box[3] * scale
    shown = (centre[0] - width_px / 2, centre[1] - height_px / 2, width_px, height_px)
    return np.asarray(frame, np.uint8), shown


def _exposed(rng: Generator, frame: Pixels) -> Pixels:
    """What changes from frame to frame: focus, motion, exposure, noise, compression."""
    frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), 0.3 + abs(float(rng.normal(0, 0.3)))), np.uint8)
    if rng.random() < 0.3:
        frame = camera.scene_motion_blur(rng, frame, between(rng, 0.3, 0.8))
    gain = float(np.exp(rng.normal(0, 0.06)))
    frame = cv2.addWeighted(frame, gain, frame, 0, float(rng.normal(0, 3)))
    frame = camera.noise(rng, frame, log_between(rng, 0.2, 0.6))
    return camera.jpeg(rng, frame, 0.8)
