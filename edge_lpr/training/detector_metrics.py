"""How well a detector in training finds plates: recall at a rate of false detections, on development pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator

from edge_lpr.recognition.gridbox import Candidates, decode_gridbox_corners, suppress
from edge_lpr.recognition.letterbox import letterbox
from edge_lpr.records import Floats, Pixels
from edge_lpr.training.degrade import degrade_scene
from edge_lpr.training.detector_crops import Crop
from edge_lpr.training.detector_data import paste_distractor
from edge_lpr.training.detector_net import BOX_SCALE_PX, CENTRE_OFFSET_PX, STRIDE
from edge_lpr.training.pasting import LOOSE_POSE, Piece, covered, hull_of, paste, posed_quad
from edge_lpr.training.photographs import INPUT_HEIGHT, INPUT_WIDTH, Photo

INPUT_SIZE = (INPUT_WIDTH, INPUT_HEIGHT)
FLOOR = 0.03
"""Detections below this score are not looked at."""
NMS_IOU = 0.4
MATCH_IOU = 0.5
FALSE_RATES = (0.01, 0.02, 0.05, 0.1)
"""False detections a negative picture at which recall is taken."""

Run = Callable[[Pixels], tuple[Floats, Floats, Floats]]
"""Letterboxed picture uint8 (480, 640, 3) to coverage (h, w) 0..1, boxes (4, h, w), corners (8, h, w)."""


@dataclass(frozen=True, eq=False)
class Exam:
    """One development picture at the detector's input size, with its plates (N, 4) x1 y1 x2 y2; none: a negative.

    `judged` (M, 4): only detections that lie mostly in one of these boxes are false ones; None: all are. A photograph
    that serves again with other signs pasted in is judged by the signs alone, or its own mistakes would count anew.
    """

    pixels: Pixels
    boxes: Floats
    source: str
    judged: Floats | None = None

    def is_judged(self, box: Floats) -> bool:
        """Whether a detection counts as a false one."""
        return self.judged is None or any(covered(box, place) > 0.5 for place in self.judged)


def exam_of(photo: Photo) -> Exam:
    """A development picture as the detector sees it."""
    pixels, scale = letterbox(photo.levels[0], INPUT_SIZE)
    return Exam(pixels, photo.boxes * np.float32(scale * 2), "_".join(photo.name.split("_")[:2]))


def small_exam(photo: Photo) -> Exam:
    """The picture reduced to 320 px and enlarged again, its plates half as wide: a far camera."""
    far = far_exam(photo)
    pixels, scale = letterbox(far.pixels, INPUT_SIZE)
    return Exam(pixels, far.boxes * np.float32(scale * 2), "small")


def far_exam(photo: Photo, side: float = 320.0) -> Exam:
    """The picture with its longer side of `side` pixels, as a poor camera stores it."""
    factor = side / max(photo.levels[0].shape[:2])
    small = cv2.resize(photo.levels[0], None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    pixels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return Exam(pixels, photo.boxes * np.float32(factor), "far")


def drawn_negative(rng: Generator, photo: Photo, distractors: Sequence[Piece]) -> Exam:
    """A negative with signs and lettering pasted in."""
    crop = Crop(letterbox(photo.levels[0], INPUT_SIZE)[0])
    for _ in range(4):
        paste_distractor(rng, crop, distractors[rng.integers(len(distractors))])
    judged = np.array(crop.known, np.float32).reshape(-1, 4)
    return Exam(crop.pixels, np.zeros((0, 4), np.float32), "drawn_neg", judged)


def sign_exam(rng: Generator, photo: Photo, piece: Piece) -> Exam:
    """A sign or other distractor from so near that it fills most of a negative's picture."""
    pixels = letterbox(photo.levels[0], INPUT_SIZE)[0]
    height, width = pixels.shape[:2]
    wide = min(width, height * piece.aspect) * rng.uniform(0.4, 1.2)
    centre = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
    quad = posed_quad(rng, centre, wide, piece.aspect, LOOSE_POSE)
    paste(pixels, piece, quad, rng, lit=False)
    judged = np.array([hull_of(quad)], np.float32)
    return Exam(degrade_scene(rng, pixels), np.zeros((0, 4), np.float32), "sign_neg", judged)


def find(outputs: tuple[Floats, Floats, Floats]) -> Candidates:
    """The plates of one picture, decoded as at the gate."""
    coverage, boxes, corners = outputs
    grids = {"coverage": coverage[None], "boxes": boxes, "corners": corners}
    parameters = {"stride": STRIDE, "box_scale": BOX_SCALE_PX, "centre_offset": CENTRE_OFFSET_PX}
    return suppress(decode_gridbox_corners(grids, parameters, FLOOR), NMS_IOU)


def ious(box: Floats, others: Floats) -> Floats:
    """Intersection over union of one box with each of `others` (N, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    both = np.clip(high - low, 0, None).prod(1)
    area = (others[:, 2:] - others[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - both
    return np.asarray(both / np.maximum(area, 1e-6), np.float32)


def examine(run: Run, exams: Sequence[Exam]) -> dict[str, float]:
    """Recall at each false rate, the threshold for 0.02, reachable recall, mean IoU, recall by source.

    `score`, the mean recall over the false rates, is what picks the best checkpoint.
    """
    hits: list[tuple[str, float]] = []
    overlaps: list[float] = []
    false_scores: list[float] = []
    negatives = 0
    for exam in exams:
        candidates = find(run(exam.pixels))
        found, scores = candidates.boxes, candidates.scores
        if len(exam.boxes) == 0:
            negatives += 1
            judged = [exam.is_judged(box) for box in found]
            false_scores.extend(float(score) for score, counts in zip(scores, judged, strict=True) if counts)
        for box in exam.boxes:
            overlap = ious(box, found) if len(found) else np.zeros(1, np.float32)
            good = np.nonzero(overlap >= MATCH_IOU)[0]
            hits.append((exam.source, float(scores[good].max()) if len(good) else 0.0))
            if len(good):
                overlaps.append(float(overlap.max()))
    return _figures(hits, overlaps, sorted(false_scores, reverse=True), negatives)


def _figures(
    hits: list[tuple[str, float]], overlaps: list[float], false_scores: list[float], negatives: int
) -> dict[str, float]:
    values = np.array([score for _, score in hits])
    figures: dict[str, float] = {}
    limits = {}
    for rate in FALSE_RATES:
        allowed = int(rate * negatives)
        limits[rate] = false_scores[allowed] if allowed < len(false_scores) else FLOOR
        figures[f"recall@{rate}"] = float((values > limits[rate]).mean())
    figures["score"] = float(np.mean([figures[f"recall@{rate}"] for rate in FALSE_RATES]))
    figures["threshold@0.02"] = limits[0.02]
    figures["reachable"] = float((values > 0).mean())
    figures["iou"] = float(np.mean(overlaps)) if overlaps else 0.0
    for source in sorted({source for source, _ in hits}):
        mine = np.array([score for name, score in hits if name == source])
        figures[source] = float((mine > limits[0.02]).mean())
    return figures
